"""Watches an alert to its end, records its raw samples, and predicts from the same outage what it should have done."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from prometheus_client.parser import text_string_to_metric_families

import fawkes.harness
from fawkes.harness.checks.alerts import AlertTimelineExpectation, Outage, find_outage
from fawkes.harness.duration import parse_duration_s
from fawkes.harness.errors import UsageError
from fawkes.harness.model import Json, Stage
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.oracle.alerts import InputSeries, Step, predict, promtool_test, rule_file, run_promtool
from fawkes.harness.world import Recorder, World

FIXTURES: Final = Path(fawkes.harness.__file__).parents[1] / "fixtures"
"""Beside the harness, in a checkout as in an installed wheel."""

_QUERY_WITHIN_S: Final = 5.0
"""A few hundred samples on loopback take milliseconds; a part that needs longer is asked again."""

_LEAD_IN: Final = 2
"""Evaluations before the outage in the predicted history, so that promtool also sees the alert inactive."""

_MISSED: Final = "prometheus_rule_group_iterations_missed_total"

_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})

Vector = list[dict[str, Any]]
"""What the query API answers for a range selector: `[{metric: {...}, values: [[unix_s, text], ...]}, ...]`."""


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
        ask_up, ask_alerts = raw_samples(world, part, up), raw_samples(world, part, alerts)
        targets: Vector | None = last_seen(world, f"{up} back at 1 on {part}", ask_up, _has_recovered, until_s=until_s)
        last_seen(world, f"{alerts} gone on {part}", _ask(world, part, alerts), _is_empty, until_s=until_s)
        _record(record, expect, targets, stage=Stage.PROMETHEUS, part=part, query=up)
        seen: Vector | None = last_seen(world, f"{alerts} read on {part}", ask_alerts, _is_known, until_s=until_s)
        _record(record, expect, seen, stage=Stage.RULE, part=part, query=alerts)
        missed = last_seen(world, _MISSED, _missed(world, part, group["name"]), _is_known, until_s=until_s)
        record("value", expectation=expect.name, stage=Stage.HARNESS.value, source=part, query=_MISSED, value=missed)
        if targets and (outage := find_outage(_numbers(targets[0]))) is not None:
            target = targets[0]["metric"]
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


def selector(metric: str, labels: Mapping[str, str]) -> str:
    """`metric{name="value",...}` with the values escaped as PromQL reads them."""
    pairs = (f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
    return f"{metric}{{{','.join(pairs)}}}"


def raw_samples(world: World, part: str, series: str) -> Callable[[], Vector]:
    """Asks for every sample of `series` since the platform started: true time stamps, no step, no staleness."""

    def ask() -> Vector:
        # A sample may carry the time of a scrape that began before the platform was called ready.
        since_s = int(world.now_s() - world.started_at_s) + 60
        return _ask(world, part, f"{series}[{since_s}s]")()

    return ask


def _ask(world: World, part: str, query: str) -> Callable[[], Vector]:
    def ask() -> Vector:
        response = world.http.get(f"{world.url(part)}/api/v1/query", params={"query": query}, timeout=_QUERY_WITHIN_S)
        response.raise_for_status()
        answer: Vector = response.json()["data"]["result"]
        return answer

    return ask


def _has_recovered(answer: Vector) -> bool:
    outages = [find_outage(_numbers(series)) for series in answer]
    return bool(outages) and all(outage is not None and outage.up_s is not None for outage in outages)


def _is_empty(answer: Vector) -> bool:
    return answer == []


def _is_known(answer: object) -> bool:
    return answer is not None


def _missed(world: World, part: str, group: str) -> Callable[[], float]:
    def read() -> float:
        response = world.http.get(f"{world.url(part)}/metrics", timeout=_QUERY_WITHIN_S)
        response.raise_for_status()
        # The label is the rule file's path, a semicolon and the group's name; the path is the provider's business.
        samples = [sample for family in text_string_to_metric_families(response.text) for sample in family.samples]
        return sum(
            sample.value
            for sample in samples
            if sample.name == _MISSED and sample.labels["rule_group"].endswith(f";{group}")
        )

    return read


def _record(
    record: Recorder, expect: AlertTimelineExpectation, answer: Vector | None, *, stage: Stage, part: str, query: str
) -> None:
    about = {"expectation": expect.name, "stage": stage.value, "source": part, "query": query}
    record("value", **about, value=None if answer is None else len(answer))
    for series in answer or ():
        record("series", **about, labels=series["metric"], samples=_numbers(series))


def _numbers(series: Mapping[str, Any]) -> list[list[float]]:
    return [[float(at_s), float(value)] for at_s, value in series["values"]]


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
