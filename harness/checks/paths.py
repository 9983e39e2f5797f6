"""The way of one sample and of one event through the whole platform, stage by stage.

Both are judged alike: at every stage there is exactly what should be there, and the first stage where there is not is
where the chain broke.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Json, Observation, Record, Stage, Tolerance, Verdict

REPLICA_LABEL = "prometheus_replica"
"""The operator's label that tells replicas apart, and the one Thanos Query deduplicates over."""

_EXACT = Tolerance(0.0, "samples", "whole numbers, below 2^53: every part hands them on exactly")


class SamplePathExpectation(Expectation):
    """The beacon's sample travels exporter -> Prometheus -> sidecar -> Thanos Query, which shows it once."""

    check: Literal["sample_path"] = "sample_path"
    app: str = Field(default="prometheus-core", description="The Prometheus that scrapes the beacon.")
    replicas: int = Field(default=2, ge=1, description="How many replicas of it the platform promises.")


class EventPathExpectation(Expectation):
    """One deployment travels webhook -> PostgreSQL -> /metrics -> Prometheus -> Thanos Query; each counts it once."""

    check: Literal["event_path"] = "event_path"
    app: str = Field(default="prometheus-core", description="The Prometheus that scrapes the DORA service.")
    replicas: int = Field(default=2, ge=1, description="How many replicas of it the platform promises.")


class _NeverLookedError(Exception):
    """The observer left no record of a stage."""


def check_sample_path(expect: SamplePathExpectation, history: History) -> Finding:
    """PASS when every stage shows the beacon's value, once per replica, and once after deduplication.

    FAIL names the first stage that does not. INCONCLUSIVE when that stage, or the beacon's value, is not on record.
    """
    truth = history.of("value", expectation=expect.name, stage=Stage.HARNESS.value)
    if not truth:
        return _finding(expect, [], "the beacon's value is not on record", expected=None)
    value = truth[-1].data["value"]
    stages: list[Observation] = []
    try:
        stages.append(_one_series(_last(expect, history, Stage.EXPORTER), value))
        stages += _replicas(expect, history, value)
        stages.append(_series_per_replica(_last(expect, history, Stage.SIDECAR), value, expect.replicas))
        stages.append(_one_series(_last(expect, history, Stage.THANOS), value))
    except _NeverLookedError as unseen:
        return _finding(expect, stages, str(unseen), expected=value)
    return _finding(expect, stages, "", expected=value)


def check_event_path(expect: EventPathExpectation, history: History) -> Finding:
    """PASS when the event was acknowledged as stored and every stage then counts it exactly once.

    FAIL names the first stage that does not. INCONCLUSIVE when that stage, or the event, is not on record.
    """
    sent = history.of("event", expectation=expect.name)
    if not sent:
        return _finding(expect, [], "no event on record", expected=1)
    stages = [_acknowledged(sent[-1])]
    try:
        stored = _last(expect, history, Stage.STORE)
        stages.append(_observation(stored, 1, stored.data["value"], "rows"))
        stages.append(_one_series(_last(expect, history, Stage.EXPORTER), 1))
        stages += _replicas(expect, history, 1)
        stages.append(_one_series(_last(expect, history, Stage.THANOS), 1))
    except _NeverLookedError as unseen:
        return _finding(expect, stages, str(unseen), expected=1)
    return _finding(expect, stages, "", expected=1)


PathExpectation = SamplePathExpectation | EventPathExpectation


def _last(expect: PathExpectation, history: History, stage: Stage) -> Record:
    looks = history.of("value", expectation=expect.name, stage=stage.value)
    if not looks:
        raise _NeverLookedError(f"nobody looked at the stage {stage.value}")
    return looks[-1]


def _replicas(expect: PathExpectation, history: History, value: float) -> list[Observation]:
    """One observation per replica, and one more when there are not as many as promised."""
    looks = history.of("value", expectation=expect.name, stage=Stage.PROMETHEUS.value)
    if not looks:
        raise _NeverLookedError(f"nobody looked at the stage {Stage.PROMETHEUS.value}")
    latest = {look.data["source"]: look for look in looks}
    seen = [_one_series(look, value) for look in latest.values()]
    if len(latest) != expect.replicas:
        names = sorted(latest)
        seen.append(
            Observation(Stage.PROMETHEUS, expect.app, expect.replicas, names, ok=False, note="number of replicas")
        )
    return seen


def _acknowledged(sent: Record) -> Observation:
    ack, status = sent.data["ack"], sent.data["status"]
    note = f"the webhook answered {status}" if status else "the webhook did not answer"
    return Observation(Stage.EVENT, "webhook", "stored", ack, ok=ack == "stored", note=note)


def _one_series(look: Record, value: float) -> Observation:
    return _observation(look, [value], _values(look), "values of the series found")


def _series_per_replica(look: Record, value: float, replicas: int) -> Observation:
    """Before deduplication: as many series as replicas, each with a replica label of its own."""
    series = look.data["value"]
    expected = {"values": [value] * replicas, "replica_labels": replicas}
    labels = {one["labels"].get(REPLICA_LABEL) for one in series or ()} - {None}
    observed = None if series is None else {"values": _values(look), "replica_labels": len(labels)}
    return _observation(look, expected, observed, f"values of the series found, and distinct {REPLICA_LABEL}")


def _values(look: Record) -> list[float] | None:
    series = look.data["value"]
    return None if series is None else [one["value"] for one in series]


def _observation(look: Record, expected: Json, observed: Json, note: str) -> Observation:
    stage, source = Stage(look.data["stage"]), look.data["source"]
    note = "did not answer" if observed is None else note
    return Observation(stage, source, expected, observed, ok=observed == expected, note=note)


def _finding(expect: PathExpectation, stages: Sequence[Observation], unseen: str, *, expected: Json) -> Finding:
    """The first bad stage decides; only without one does it matter that something was not looked at."""
    broken = next((seen for seen in stages if not seen.ok), None)
    if broken is not None:
        verdict, stage = Verdict.FAIL, broken.stage
        reason = f"{broken.source}: expected {broken.expected}, saw {broken.observed} ({broken.note})"
    elif unseen:
        verdict, stage, reason = Verdict.INCONCLUSIVE, Stage.HARNESS, unseen
    else:
        verdict, stage = Verdict.PASS, None
        reason = f"seen at all {len(stages)} places, from {stages[0].stage.value} to {stages[-1].stage.value}"
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=verdict,
        expected=expected,
        observed=[{"stage": seen.stage.value, "source": seen.source, "seen": seen.observed} for seen in stages],
        reason=reason,
        stage=stage,
        tolerance=_EXACT,
        evidence=tuple(stages),
    )
