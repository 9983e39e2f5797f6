"""DORA values along their whole way, against the oracle; and the account of every event that was sent.

`dora`: the same number at every stage, REST to Thanos, and it is the one the definitions give for the events sent.
`event_ledger`: sent = acknowledged = stored = counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from pydantic import Field

from fawkes.harness.duration import parse_duration_s
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import ORACLE, Finding, History, Json, Observation, Record, Stage, Tolerance, Verdict
from fawkes.harness.oracle.dora import DoraValues, compute
from fawkes.harness.oracle.promql import quantile_bound
from fawkes.harness.promql.selector import selector

Metric = Literal[
    "deployment_frequency_per_day",
    "lead_time_p50_s",
    "lead_time_p95_s",
    "change_failure_ratio",
    "failed_deployment_recovery_p50_s",
    "time_to_restore_p50_s",
]

DoraStage = Literal["store", "rest", "exporter", "prometheus", "rule", "thanos"]
LedgerStage = Literal["store", "exporter"]


@dataclass(frozen=True, slots=True)
class MetricNames:
    """What one metric is called on its way."""

    rest: tuple[str, str]
    """Object and field below `metrics` in the API's answer."""
    gauge: str
    stat: str | None
    rule: str
    histogram_rule: str | None = None
    """The recorded series that derives the same quantile from histogram buckets."""
    unit: str = "s"


NAMES: Final[dict[Metric, MetricNames]] = {
    "deployment_frequency_per_day": MetricNames(
        ("deployment_frequency_per_day", "value"),
        "fawkes_dora_deployment_frequency_per_day",
        None,
        "fawkes:dora:deployment_frequency:per_day",
        unit="1/d",
    ),
    "lead_time_p50_s": MetricNames(
        ("lead_time_seconds", "p50"),
        "fawkes_dora_lead_time_seconds",
        "p50",
        "fawkes:dora:lead_time_seconds:p50",
        "fawkes:dora:lead_time_seconds:histogram_p50",
    ),
    "lead_time_p95_s": MetricNames(
        ("lead_time_seconds", "p95"),
        "fawkes_dora_lead_time_seconds",
        "p95",
        "fawkes:dora:lead_time_seconds:p95",
        "fawkes:dora:lead_time_seconds:histogram_p95",
    ),
    "change_failure_ratio": MetricNames(
        ("change_failure_ratio", "value"),
        "fawkes_dora_change_failure_ratio",
        None,
        "fawkes:dora:change_failure_rate",
        unit="1",
    ),
    "failed_deployment_recovery_p50_s": MetricNames(
        ("failed_deployment_recovery_seconds", "p50"),
        "fawkes_dora_failed_deployment_recovery_seconds",
        "p50",
        "fawkes:dora:failed_deployment_recovery_seconds:p50",
    ),
    "time_to_restore_p50_s": MetricNames(
        ("time_to_restore_seconds", "p50"),
        "fawkes_dora_time_to_restore_seconds",
        "p50",
        "fawkes:dora:mttr_seconds:median",
    ),
}

LEAD_TIME_BUCKETS_S: Final = (
    *(900.0, 1800.0, 3600.0, 7200.0, 14400.0, 86400.0, 259200.0, 604800.0, 1209600.0, 2592000.0, 7776000.0),
    *(15552000.0, math.inf),
)
"""Upper bounds of fawkes_lead_time_seconds_bucket, part of the service's contract: every DORA band edge is one."""

_EXACT_SOURCE = "the exporter prints shortest round-trip doubles and max by() copies"
_BUCKET_SOURCE = (
    "nearest-rank theorem: histogram_quantile answers inside the bucket [{low:g}, {high:g}] s of the true quantile"
)


class DoraExpectation(Expectation):
    """One DORA metric of one team, the same at every stage from the event store to Thanos."""

    check: Literal["dora"] = "dora"
    team: str
    environment: str = "production"
    metric: Metric
    window: Literal["30d"] = Field(default="30d", description="The recording rules exist for 30 days.")
    equals: float | None = Field(description="The value worked out by hand; null where there must be none.")
    stages: tuple[DoraStage, ...] = Field(
        default=("store", "rest", "exporter", "prometheus", "rule", "thanos"), min_length=1
    )


class EventLedgerExpectation(Expectation):
    """Every event that was sent was acknowledged, and every acknowledged one is stored and counted."""

    check: Literal["event_ledger"] = "event_ledger"
    stages: tuple[LedgerStage, ...] = Field(default=("store", "exporter"), min_length=1)


def event_source(run_id: str) -> str:
    """The CloudEvents `source` of everything a run replays."""
    return f"//fawkes/harness/{run_id}"


def dora_subject(expect: DoraExpectation) -> dict[str, str]:
    """What its observations are values of."""
    return expect.model_dump(include={"metric", "team", "environment", "window"})


def gauge_labels(expect: DoraExpectation) -> dict[str, str]:
    """Labels that pick the exporter's gauge."""
    labels = {"team": expect.team, "environment": expect.environment, "window": expect.window}
    stat = NAMES[expect.metric].stat
    return labels if stat is None else labels | {"stat": stat}


def histogram_query(expect: DoraExpectation) -> str | None:
    """The recorded histogram quantile of the metric, where there is one."""
    rule = NAMES[expect.metric].histogram_rule
    return rule and selector(rule, {"team": expect.team, "environment": expect.environment})


def in_bucket_of(true_value: float | None, quantile: Json) -> bool:
    """Whether a histogram quantile of lead times can be right, given the true one."""
    if true_value is None or not isinstance(quantile, int | float):
        return quantile is None and true_value is None
    low, high = quantile_bound(true_value, LEAD_TIME_BUCKETS_S)
    return low <= quantile <= high


def check_dora(expect: DoraExpectation, history: History) -> Finding:
    """PASS when every stage shows the hand value, and the oracle gets it too from the events that were sent.

    FAIL at `event` when an event was not acknowledged or the oracle disagrees with the hand value, otherwise at the
    first stage that differs. INCONCLUSIVE without events, when a stage was never looked at, or when the answer
    depends on the moment of the run.
    """
    tolerance = Tolerance(0.0, NAMES[expect.metric].unit, _EXACT_SOURCE)
    judge = _Judge(expect, expect.equals, tolerance, subject=dora_subject(expect))
    events, values = history.of("event"), history.of("value", expectation=expect.name)
    if not events or not values:
        missing = "event was sent" if not events else "stage was looked at"
        return judge.finding(Verdict.INCONCLUSIVE, f"no {missing}, so nothing is known", Stage.HARNESS)
    evidence = [acknowledged(events)]
    if not evidence[0].ok:
        return judge.finding(Verdict.FAIL, refusal(events), Stage.EVENT, evidence)

    sent = [record.data["event"] for record in events]
    early, late = (_oracle(expect, sent, at_s) for at_s in (events[0].at_s, values[-1].at_s))
    if early[0] != late[0]:
        reason = f"the true value changes during the run, from {early[0]} to {late[0]}; move events off the window edge"
        return judge.finding(Verdict.INCONCLUSIVE, reason, Stage.HARNESS, evidence)
    truth, overall = late
    evidence.append(
        Observation(Stage.EVENT, ORACLE, expect.equals, truth, truth == expect.equals, "computed from the events sent")
    )
    if truth != expect.equals:
        reason = f"the definitions give {truth} for the events sent, the scenario says {expect.equals}; one is wrong"
        return judge.finding(Verdict.FAIL, reason, Stage.EVENT, evidence)

    reason = f"{expect.metric} of {expect.team} is {expect.equals} at every stage from {expect.stages[0]} on"
    return judge.along(expect.stages, values, evidence, lambda r: _observation(expect, r, events, overall), reason)


def check_event_ledger(expect: EventLedgerExpectation, history: History) -> Finding:
    """PASS when every event sent was acknowledged, each is one row in the store, and the exporter counts them.

    FAIL at the first stage that lost one: `event`, `store` or `exporter`. INCONCLUSIVE without events, or when a
    stage was never looked at.
    """
    events, values = history.of("event"), history.of("value", expectation=expect.name)
    source = next((r.data["event_source"] for r in values if "event_source" in r.data), None)
    mine = [r for r in events if source is None or r.data["event"]["source"] == source]
    distinct = _distinct(mine)
    judge = _Judge(expect, distinct, Tolerance(0.0, "events", "whole numbers: every event is stored exactly once"))
    if not mine:
        return judge.finding(Verdict.INCONCLUSIVE, "no event was sent, so nothing is known", Stage.HARNESS)
    evidence = [acknowledged(mine)]
    if not evidence[0].ok:
        return judge.finding(Verdict.FAIL, refusal(mine), Stage.EVENT, evidence)
    reason = f"all {distinct} events are acknowledged, stored once and counted"
    return judge.along(expect.stages, values, evidence, lambda r: _count(r, distinct), reason)


@dataclass(frozen=True, slots=True)
class _Judge:
    """What every finding of one expectation has in common."""

    expect: Expectation
    expected: Json
    tolerance: Tolerance
    subject: Mapping[str, str] = field(default_factory=dict)

    def finding(
        self,
        verdict: Verdict,
        reason: str,
        stage: Stage | None,
        evidence: Sequence[Observation] = (),
        *,
        observed: Json = None,
    ) -> Finding:
        return Finding(
            expectation=self.expect.name,
            check=self.expect.check,
            verdict=verdict,
            expected=self.expected,
            observed=observed,
            reason=reason,
            stage=stage,
            tolerance=self.tolerance,
            evidence=tuple(replace(line, subject=self.subject) for line in evidence),
        )

    def along(
        self,
        stages: Sequence[str],
        values: Sequence[Record],
        evidence: list[Observation],
        observation: Callable[[Record], Observation],
        reason: str,
    ) -> Finding:
        """FAIL at the first stage of the way that is wrong, INCONCLUSIVE at the first without a record, else PASS.

        The stages after it are in the evidence too: how far the wrong value got.
        """
        way = [stage for stage in Stage if stage.value in stages]
        seen = {stage: [observation(r) for r in values if r.data["stage"] == stage.value] for stage in way}
        evidence = [*evidence, *(line for stage in way for line in seen[stage])]
        for stage in way:
            if not seen[stage]:
                unseen = f"{stage.value} was never looked at, so nothing is known of it"
                return self.finding(Verdict.INCONCLUSIVE, unseen, stage, evidence)
            if wrong := [line for line in seen[stage] if not line.ok]:
                return self.finding(Verdict.FAIL, _wrong(wrong[0]), stage, evidence, observed=wrong[0].observed)
        return self.finding(Verdict.PASS, reason, None, evidence, observed=self.expected)


def _wrong(seen: Observation) -> str:
    what = "nothing" if seen.observed is None else seen.observed
    note = f" ({seen.note})" if seen.note else ""
    return f"{seen.source} shows {what} where {seen.expected} was expected{note}; the stages before it are right"


def _oracle(expect: DoraExpectation, sent: Sequence[dict[str, Any]], at_s: float) -> tuple[float | None, DoraValues]:
    """The metric over the window that ends at `at_s`, and everything over all time (what the histograms hold)."""

    def values(from_s: float) -> DoraValues:
        return compute(sent, team=expect.team, environment=expect.environment, from_s=from_s, to_s=at_s)

    return getattr(values(at_s - parse_duration_s(expect.window)), expect.metric), values(0.0)


def _observation(expect: DoraExpectation, record: Record, events: Sequence[Record], overall: DoraValues) -> Observation:
    if record.data["stage"] == Stage.STORE.value:
        return _count(record, _distinct(events, record.data["event_source"]))
    if record.data["query"] == histogram_query(expect):
        return _bucket_observation(record, getattr(overall, expect.metric))
    return _compared(record, expect.equals, record.data["value"] == expect.equals)


def _bucket_observation(record: Record, true_value: float | None) -> Observation:
    ok = in_bucket_of(true_value, record.data["value"])
    if true_value is None:
        return _compared(record, None, ok, "no lead time, so no quantile")
    low, high = quantile_bound(true_value, LEAD_TIME_BUCKETS_S)
    return _compared(record, [low, high], ok, _BUCKET_SOURCE.format(low=low, high=high))


def _count(record: Record, distinct: int) -> Observation:
    """Rows must be the events sent; the exporter's total may hold other sources' events too."""
    counted = record.data["value"]
    if record.data["stage"] == Stage.STORE.value:
        return _compared(record, distinct, counted == distinct, "rows of this run")
    enough = isinstance(counted, int | float) and counted >= distinct
    return _compared(record, distinct, enough, "at least; events of other sources are counted too")


def _compared(record: Record, expected: Json, ok: bool, note: str = "") -> Observation:
    """A part that gave no answer is never right, also where null is expected."""
    error = record.data.get("error")
    return Observation(
        stage=Stage(record.data["stage"]),
        source=f"{record.data['source']}: {record.data['query']}",
        expected=expected,
        observed=record.data["value"],
        ok=ok and error is None,
        note=note if error is None else f"no usable answer: {error}",
    )


def acknowledged(events: Sequence[Record]) -> Observation:
    """How many of the events sent were answered with 2xx; right when all were."""
    accepted = sum(_is_acknowledged(record) for record in events)
    return Observation(Stage.EVENT, "webhooks", len(events), accepted, accepted == len(events), "acknowledged with 2xx")


def _is_acknowledged(record: Record) -> bool:
    return 200 <= int(record.data["status"]) < 300


def refusal(events: Sequence[Record]) -> str:
    """What became of the first event that was not acknowledged, of which there is one."""
    bad = [record for record in events if not _is_acknowledged(record)]
    first = bad[0].data
    return (
        f"{len(bad)} of {len(events)} events were not acknowledged; the first is {first['event']['type']}"
        f" {first['event']['id']}: {first['ack']}, status {first['status']}"
    )


def _distinct(events: Sequence[Record], source: str | None = None) -> int:
    keys = {(record.data["event"]["source"], record.data["event"]["id"]) for record in events}
    return sum(source is None or key[0] == source for key in keys)
