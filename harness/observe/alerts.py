"""Watches an alert to its end, records raw samples, and predicts from what the rule read what it should have done."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml

from fawkes.harness.checks.alerts import AlertTimelineExpectation, find_outage
from fawkes.harness.duration import parse_duration_s
from fawkes.harness.errors import UsageError
from fawkes.harness.model import Json, Stage
from fawkes.harness.observe.exposition import read_exposition
from fawkes.harness.observe.grid import on_grid
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.observe.promql import Series, instant, samples_since_start
from fawkes.harness.observe.recording import record_series, record_value
from fawkes.harness.oracle.alerts import predict, promtool_test, rule_file, run_promtool
from fawkes.harness.oracle.expression import Expression
from fawkes.harness.places import FIXTURES
from fawkes.harness.promql.selector import narrowed, selector
from fawkes.harness.world import Recorder, World

_MISSED: Final = "prometheus_rule_group_iterations_missed_total"


def observe_alert_timeline(expect: AlertTimelineExpectation, world: World, record: Recorder) -> None:
    """Record, of every replica, what the rule reads and ALERTS, as raw samples, and a `prediction` made from them.

    Waits until the rule returns nothing more by these samples, a killed part is back, and the alert is gone;
    `expect.within` is for all of it. Each question leaves a `value`: the number of series, or null when there was no
    answer. The evaluations that Prometheus says it missed are recorded too. UsageError when the platform ships no such
    alert, or one whose expression the oracle does not cover.
    """
    watched = _Watched(expect, world)
    until_s = world.now_s() + expect.within
    for part in world.replicas(expect.app):
        inputs = [(query, partial(samples_since_start, world, part, query)) for query in watched.queries]
        last_seen(world, f"{expect.alert} over on {part}", partial(_all, inputs), watched.is_over, until_s=until_s)
        gone = partial(instant, world, part, watched.alerts)
        last_seen(world, f"{watched.alerts} gone on {part}", gone, operator.not_, until_s=until_s)
        read: list[Series] = []
        for query, ask in inputs:
            answer = last_seen(world, f"{query} read on {part}", ask, until_s=until_s)
            record_series(record, expect, answer, stage=Stage.PROMETHEUS, part=part, query=query)
            read += answer or []
        ask_alerts = partial(samples_since_start, world, part, watched.alerts)
        seen = last_seen(world, f"{watched.alerts} read on {part}", ask_alerts, until_s=until_s)
        record_series(record, expect, seen, stage=Stage.RULE, part=part, query=watched.alerts)
        missed = last_seen(world, _MISSED, partial(_missed, world, part, watched.group["name"]), until_s=until_s)
        record_value(record, expect, missed, stage=Stage.HARNESS, part=part, query=_MISSED)
        if read:
            prediction = watched.predict(part, read)
            for condition in _conditions(prediction):
                record("condition", expectation=expect.name, source=part, alert=expect.alert, **condition)
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


class _Watched:
    """The shipped rule behind one expectation, and what is asked about it."""

    def __init__(self, expect: AlertTimelineExpectation, world: World) -> None:
        self._expect, self._world = expect, world
        self.group, self._rule = find_rule(FIXTURES / expect.rules, expect.alert)
        self._expression = Expression(str(self._rule["expr"]))
        interval = self.group.get("interval")
        self._evaluation_s = parse_duration_s(interval) if interval else expect.evaluation_interval
        self.queries = [narrowed(one, expect.labels) for one in self._expression.selectors()]
        self.alerts = selector("ALERTS", {"alertname": expect.alert, **expect.labels})

    def is_over(self, read: Sequence[Series]) -> bool:
        if not read:
            return False
        ups = [series.samples for series in read if series.labels.get("__name__") == "up"]
        if self._expect.fault_part is not None and any((o := find_outage(up)) is None or o.up_s is None for up in ups):
            return False
        grid = on_grid(read, self._expect.scrape_interval, clock_factor=self._world.clock_factor)
        return not any(map(self._is_meant, self._expression.at(grid.series, grid.until_s)))

    def predict(self, part: str, read: Sequence[Series]) -> dict[str, Json]:
        """The fields of a `prediction`: the shipped rule on the recorded samples, put back on the true pace."""
        expect, rule, factor = self._expect, self._rule, self._world.clock_factor
        grid = on_grid(read, expect.scrape_interval, clock_factor=factor)
        timelines = predict(rule, grid.series, eval_interval_s=self._evaluation_s, until_s=grid.until_s)
        text = rule_file(self.group, rule)
        test = promtool_test(
            text,
            grid.series,
            timelines,
            scrape_interval_s=expect.scrape_interval,
            eval_interval_s=self._evaluation_s,
            until_s=grid.until_s,
        )
        digest = hashlib.sha256(f"{expect.name} {part}".encode()).hexdigest()[:12]
        directory = self._world.directory / "work" / "promtool" / f"{expect.alert}-{digest}"
        exit_code, output = run_promtool(self._world.binary("promtool"), directory, text, test)
        return {
            "rule_file_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "origin_s": grid.origin_s,
            "timelines": [
                {"labels": dict(key), "transitions": [[one.at_s, one.state] for one in transitions]}
                for key, transitions in timelines.items()
                if self._is_meant(key)
            ],
            "for_s": parse_duration_s(rule.get("for", "0s")),
            "keep_firing_for_s": parse_duration_s(rule.get("keep_firing_for", "0s")),
            "clock_factor": factor,
            "evaluation_interval_s": round(self._evaluation_s / factor, 3),
            "scrape_interval_s": round(expect.scrape_interval / factor, 3),
            "promtool_exit": exit_code,
            "promtool_output": output,
        }

    def _is_meant(self, key: Sequence[tuple[str, str]]) -> bool:
        labels: Mapping[str, str] = dict(key) | self._rule.get("labels", {})
        return self._expect.labels.items() <= labels.items()


def _conditions(prediction: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
    """Each time in which the rule returned an alert, in Unix seconds."""
    for one in prediction["timelines"]:
        from_s = None
        for at_s, state in [*one["transitions"], [None, "inactive"]]:
            if state != "inactive" and from_s is None:
                from_s = at_s
            elif state == "inactive" and from_s is not None:
                until_s = None if at_s is None else _live_s(prediction, at_s - prediction["keep_firing_for_s"])
                yield {"labels": one["labels"], "from_s": _live_s(prediction, from_s), "until_s": until_s}
                from_s = None


def _live_s(prediction: Mapping[str, Json], at_s: float) -> float:
    return float(prediction["origin_s"] + at_s / prediction["clock_factor"])


def _all(inputs: Sequence[tuple[str, Callable[[], list[Series]]]]) -> list[Series]:
    return [series for _, ask in inputs for series in ask()]


def _missed(world: World, part: str, group: str) -> float:
    # The label is the rule file's path, a semicolon and the group's name; the path is the provider's business.
    samples = read_exposition(world, part).samples(_MISSED)
    return sum(sample.value for sample in samples if sample.labels["rule_group"].endswith(f";{group}"))
