"""Watches an alert to its end, records its raw samples, and predicts from the same outage what it should have done."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml

import fawkes.harness
from fawkes.harness.checks.alerts import AlertTimelineExpectation, Outage, find_outage
from fawkes.harness.duration import parse_duration_s
from fawkes.harness.errors import UsageError
from fawkes.harness.model import Json, Stage
from fawkes.harness.observe.exposition import read_exposition
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.observe.promql import Sample, Series, instant, raw_samples, since_start
from fawkes.harness.observe.recording import record_series, record_value
from fawkes.harness.oracle.alerts import InputSeries, Step, predict, promtool_test, rule_file, run_promtool
from fawkes.harness.promql_selector import selector
from fawkes.harness.world import Recorder, World

FIXTURES: Final = Path(fawkes.harness.__file__).parents[1] / "fixtures"
"""Beside the harness, in a checkout as in an installed wheel."""

_LEAD_IN: Final = 2
"""Evaluations before the outage in the predicted history, so that promtool also sees the alert inactive."""

_MISSED: Final = "prometheus_rule_group_iterations_missed_total"


def observe_alert_timeline(expect: AlertTimelineExpectation, world: World, record: Recorder) -> None:
    """Record, of every replica, `up` and ALERTS as raw samples and a `prediction` made from that `up`.

    Waits until `up` has been 0 and is 1 again and the alert is gone; `expect.within` is for all of it. Each question
    leaves a `value`: the number of series, or null when there was no answer. The evaluations that Prometheus says it
    missed are recorded too. UsageError when the platform ships no such alert.
    """
    group, rule = find_rule(FIXTURES / expect.rules, expect.alert)
    until_s = world.now_s() + expect.within
    up = selector("up", expect.labels)
    alerts = selector("ALERTS", {"alertname": expect.alert, **expect.labels})
    for part in world.replicas(expect.app):
        ask_up, ask_alerts = _raw_samples(world, part, up), _raw_samples(world, part, alerts)
        targets: list[Series] | None = last_seen(
            world, f"{up} back at 1 on {part}", ask_up, _has_recovered, until_s=until_s
        )
        gone = partial(instant, world, part, alerts)
        last_seen(world, f"{alerts} gone on {part}", gone, _is_empty, until_s=until_s)
        record_series(record, expect, targets, stage=Stage.PROMETHEUS, part=part, query=up)
        seen = last_seen(world, f"{alerts} read on {part}", ask_alerts, _is_known, until_s=until_s)
        record_series(record, expect, seen, stage=Stage.RULE, part=part, query=alerts)
        missed = last_seen(world, _MISSED, _missed(world, part, group["name"]), _is_known, until_s=until_s)
        record_value(record, expect, missed, stage=Stage.HARNESS, part=part, query=_MISSED)
        if targets and (outage := find_outage(targets[0].samples)) is not None:
            target = targets[0].labels
            record(
                "condition",
                expectation=expect.name,
                source=part,
                alert=expect.alert,
                labels=dict(expect.labels),
                from_s=outage.down_s,
                until_s=outage.up_s,
            )
            prediction = _predict(expect, world, part=part, group=group, rule=rule, target=target, outage=outage)
            record("prediction", expectation=expect.name, source=part, **prediction)


def find_rule(directory: Path, alert: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The rule group and the rule of `alert` in the PrometheusRule objects below `directory`.

    UsageError when there is none, or more than one.
    """
    found = [
        (group, rule)
        for path in sorted(directory.rglob("*.yaml"))
        for manifest in yaml.safe_load_all(path.read_text())
        if isinstance(manifest, dict) and manifest.get("kind") == "PrometheusRule"
        for group in manifest["spec"]["groups"]
        for rule in group["rules"]
        if rule.get("alert") == alert
    ]
    if len(found) != 1:
        raise UsageError(
            f"{directory} has {len(found)} alerting rules named {alert!r}; "
            "name an alert that the platform ships once in `alert`, and its folder in `rules`"
        )
    return found[0]


def _raw_samples(world: World, part: str, series: str) -> Callable[[], list[Series]]:
    return lambda: raw_samples(world, part, series, since_start(world))


def _has_recovered(answer: Sequence[Series]) -> bool:
    outages = [find_outage(series.samples) for series in answer]
    return bool(outages) and all(outage is not None and outage.up_s is not None for outage in outages)


def _is_empty(answer: Sequence[Sample]) -> bool:
    return answer == []


def _is_known(answer: object) -> bool:
    return answer is not None


def _missed(world: World, part: str, group: str) -> Callable[[], float]:
    def read() -> float:
        # The label is the rule file's path, a semicolon and the group's name; the path is the provider's business.
        samples = read_exposition(world, part).samples(_MISSED)
        return sum(sample.value for sample in samples if sample.labels["rule_group"].endswith(f";{group}"))

    return read


def _predict(
    expect: AlertTimelineExpectation,
    world: World,
    *,
    part: str,
    group: Mapping[str, Json],
    rule: Mapping[str, Json],
    target: Mapping[str, str],
    outage: Outage,
) -> dict[str, Json]:
    """The fields of a `prediction`: the shipped rule on an outage of the same length at the true pace."""
    interval_s = parse_duration_s(group["interval"]) if "interval" in group else expect.evaluation_interval
    history = _unscaled(outage, world.clock_factor, _LEAD_IN * interval_s)
    transitions = predict(rule, history, interval_s)
    text = rule_file(group, rule)
    test = promtool_test(text, InputSeries(target, history), transitions, interval_s)
    directory = world.directory / "work" / "promtool" / f"{expect.alert}-{expect.fault_part}-{part}"
    exit_code, output = run_promtool(world.binary("promtool"), directory, text, test)
    return {
        "rule_file_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "history": [list(step) for step in history],
        "transitions": [[transition.at_s, transition.state] for transition in transitions],
        "for_s": parse_duration_s(rule.get("for", "0s")),
        "keep_firing_for_s": parse_duration_s(rule.get("keep_firing_for", "0s")),
        "clock_factor": world.clock_factor,
        "evaluation_interval_s": round(interval_s / world.clock_factor, 3),
        "scrape_interval_s": round(expect.scrape_interval / world.clock_factor, 3),
        "promtool_exit": exit_code,
        "promtool_output": output,
    }


def _unscaled(outage: Outage, factor: float, down_s: float) -> Sequence[Step]:
    history: list[Step] = [(0.0, 1.0), (down_s, 0.0)]
    if outage.up_s is not None:
        history.append((round(down_s + (outage.up_s - outage.down_s) * factor, 3), 1.0))
    return history
