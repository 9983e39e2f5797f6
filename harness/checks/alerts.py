"""An alert's live timeline against the one predicted from the unscaled rule, replica by replica.

All live times come from raw samples: `up` is stamped with the scrape's scheduled time, ALERTS with the evaluation's,
so that nothing is added by the way they are read. The part is killed, `up` falls to 0, and then

    pending   in [down, down + one evaluation + one scrape]
    firing    in [pending + for, pending + for + one evaluation]
    inactive  in [up + keep_firing_for, up + keep_firing_for + one evaluation + one scrape]

with every duration divided by the clock's factor. A scrape counts here because its sample carries the time it began and
can be read only after it ended, at most one interval later.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import Field

from fawkes.harness.duration import DurationS
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Json, Observation, Record, Stage, Tolerance, Verdict

Sample = Sequence[float]
"""[Unix seconds, value]."""

ROUNDING_S: Final = 0.002
"""Durations on the compressed clock and time stamps are whole milliseconds: half of one for each end of two."""


class AlertTimelineExpectation(Expectation):
    """The alert goes pending, fires and ends when the unscaled rule says so, on every replica."""

    check: Literal["alert_timeline"] = "alert_timeline"
    alert: str = Field(description="Name of the alert.")
    labels: dict[str, str] = Field(description="What picks one target's `up` and its alert, e.g. {job: jenkins}.")
    fault_part: str = Field(description="Name of the part that the scenario kills.")
    app: str = Field(default="prometheus-core", description="The Prometheus that evaluates the rule.")
    rules: str = Field(default="platform", description="Folder below fixtures/ with the PrometheusRule as it ships.")
    scrape_interval: DurationS = Field(default=30.0, gt=0, description="The target's, unscaled, as it ships.")
    evaluation_interval: DurationS = Field(
        default=30.0, gt=0, description="Unscaled; only for a rule group that sets no interval of its own."
    )


@dataclass(frozen=True, slots=True)
class Outage:
    """The time during which a target was down: from its first sample 0 to its next sample 1, in Unix seconds."""

    down_s: float
    up_s: float | None
    """None while it has not come back."""


def find_outage(samples: Sequence[Sample]) -> Outage | None:
    """The longest run of zeros. The moment before a target's first good scrape may be a shorter one."""
    outages: list[Outage] = []
    down_s: float | None = None
    for at_s, value in samples:
        if value == 0 and down_s is None:
            down_s = at_s
        elif value != 0 and down_s is not None:
            outages.append(Outage(down_s, at_s))
            down_s = None
    if down_s is not None:
        outages.append(Outage(down_s, None))
    return max(outages, key=lambda o: (math.inf if o.up_s is None else o.up_s) - o.down_s, default=None)


@dataclass(frozen=True, slots=True)
class _Replica:
    """What one replica says, in words a finding is made of."""

    verdict: Verdict
    reason: str
    stage: Stage | None
    observed: Json = None
    evidence: tuple[Observation, ...] = ()


class _CannotTellError(Exception):
    """Something that the judgement needs is not on record."""


class _BrokenError(Exception):
    """The chain broke at `stage`."""

    def __init__(self, stage: Stage, reason: str) -> None:
        super().__init__(reason)
        self.stage = stage


def check_alert_timeline(expect: AlertTimelineExpectation, history: History) -> Finding:
    """FAIL at `prometheus` when the fault is not seen in `up`; at `rule` when the alert is missing or at other times.

    INCONCLUSIVE when the fault or an answer is not on record, when promtool contradicts the prediction, or when
    Prometheus itself reports evaluations that it missed and these explain the deviation.
    """
    asked = history.of("value", expectation=expect.name, stage=Stage.PROMETHEUS.value)
    parts = list(dict.fromkeys(str(record.data["source"]) for record in asked))
    replicas = {part: _judge(expect, history, part) for part in parts}
    predictions = history.of("prediction", expectation=expect.name)
    worst = max(replicas.values(), key=lambda replica: replica.verdict, default=None)
    if worst is None:
        worst = _Replica(Verdict.INCONCLUSIVE, f"no {expect.app} was ever asked", Stage.HARNESS)
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=worst.verdict,
        expected=_expected(predictions[0]) if predictions else None,
        observed={part: replica.observed for part, replica in replicas.items()},
        reason=worst.reason,
        stage=worst.stage,
        tolerance=_tolerance(predictions[0]) if predictions else None,
        evidence=tuple(line for replica in replicas.values() for line in replica.evidence),
    )


def _judge(expect: AlertTimelineExpectation, history: History, part: str) -> _Replica:
    try:
        stop, start = _fault(expect, history)
        outage = _outage(expect, history, part, stop, start)
        prediction = _prediction(expect, history, part)
        live = _live(expect, history, part, outage, prediction)
    except _CannotTellError as error:
        return _Replica(Verdict.INCONCLUSIVE, str(error), Stage.HARNESS)
    except _BrokenError as error:
        line = Observation(error.stage, part, expect.alert, None, ok=False, note=str(error))
        return _Replica(Verdict.FAIL, f"{part}: {error}", error.stage, None, (line,))
    lines = tuple(_compare(live, prediction, part))
    observed = {line.note: line.observed for line in lines}
    late = [line for line in lines if not line.ok]
    if not late:
        reason = f"{expect.alert} went pending, fired and ended as predicted"
        return _Replica(Verdict.PASS, reason, None, observed, lines)
    reason = f"{part}: {late[0].note} is {_seconds(late[0].observed)}, not {_span(late[0].expected)}"
    missed = _missed_evaluations(expect, history, part)
    if max(map(_excess_s, late)) <= missed * prediction.data["evaluation_interval_s"]:
        reason += f", but {part} missed {missed:g} evaluations: the machine was too busy"
        return _Replica(Verdict.INCONCLUSIVE, reason, Stage.HARNESS, observed, lines)
    return _Replica(Verdict.FAIL, reason, Stage.RULE, observed, lines)


@dataclass(frozen=True, slots=True)
class _Live:
    """When things happened, in Unix seconds."""

    outage: Outage
    pending_s: float
    firing_s: float | None
    inactive_s: float
    """The first evaluation that no longer returned the alert: one after the last that did."""
    longest_gap_s: float
    """Between two evaluations that both returned it."""


def _fault(expect: AlertTimelineExpectation, history: History) -> tuple[Record, Record]:
    """The records of the kill and of the revival."""
    stops = history.of("fault", action="stop", part=expect.fault_part)
    starts = history.of("fault", action="start", part=expect.fault_part)
    if not stops or not starts:
        missing = "killed" if not stops else "started again"
        raise _CannotTellError(f"there is no record that {expect.fault_part} was {missing}")
    return stops[0], starts[-1]


def _outage(expect: AlertTimelineExpectation, history: History, part: str, stop: Record, start: Record) -> Outage:
    (samples,) = _samples(expect, history, part, Stage.PROMETHEUS) or [[]]
    if not samples:
        raise _BrokenError(Stage.PROMETHEUS, f"up of {expect.labels} has no samples, the target is not scraped")
    outage = find_outage(samples)
    # A scrape that was under way when the part was killed carries a time before the kill.
    if outage is None or outage.down_s > start.data["ended_s"] or (outage.up_s or math.inf) < stop.data["began_s"]:
        raise _BrokenError(
            Stage.PROMETHEUS, f"up of {expect.labels} did not fall to 0 when {expect.fault_part} was killed"
        )
    if outage.up_s is None:
        raise _BrokenError(Stage.PROMETHEUS, f"up of {expect.labels} did not return to 1 after {expect.fault_part} did")
    return outage


def _samples(
    expect: AlertTimelineExpectation, history: History, part: str, stage: Stage, **labels: str
) -> list[Sequence[Sample]]:
    """The samples of the one series that answers; empty when there is none."""
    asked = history.of("value", expectation=expect.name, stage=stage.value, source=part)
    if not asked or any(record.data["value"] is None for record in asked):
        raise _CannotTellError(f"{part} gave no answer about the {stage.value} stage")
    found = [
        record.data["samples"]
        for record in history.of("series", expectation=expect.name, stage=stage.value, source=part)
        if labels.items() <= record.data["labels"].items()
    ]
    if len(found) > 1:
        raise _CannotTellError(f"{expect.labels} match {len(found)} series on {part}; name one target in `labels`")
    return found


def _prediction(expect: AlertTimelineExpectation, history: History, part: str) -> Record:
    predictions = history.of("prediction", expectation=expect.name, source=part)
    if not predictions:
        raise _CannotTellError(f"there is no prediction for {part}")
    if predictions[-1].data["promtool_exit"] != 0:
        said = str(predictions[-1].data["promtool_output"]).strip().splitlines()
        raise _CannotTellError(
            f"promtool contradicts the predicted timeline: {said[-1].strip() if said else 'nothing'}"
        )
    return predictions[-1]


def _live(expect: AlertTimelineExpectation, history: History, part: str, outage: Outage, prediction: Record) -> _Live:
    pending_s, firing_s = (
        [at_s for series in _samples(expect, history, part, Stage.RULE, alertstate=state) for at_s, _ in series]
        for state in ("pending", "firing")
    )
    if early := [at_s for at_s in firing_s if at_s < outage.down_s]:
        raise _BrokenError(
            Stage.RULE, f"{expect.alert} fired {outage.down_s - early[0]:.3f} s before its target was down"
        )
    active_s = sorted(at_s for at_s in (*pending_s, *firing_s) if at_s >= outage.down_s)
    if not active_s:
        raise _BrokenError(Stage.RULE, f"{expect.alert} was neither pending nor firing while its target was down")
    predicted = _at(prediction, "firing")
    if predicted is not None and not firing_s:
        raise _BrokenError(Stage.RULE, f"{expect.alert} was pending but never fired")
    if predicted is None and firing_s:
        raise _BrokenError(Stage.RULE, f"{expect.alert} fired, though the outage was shorter than the rule's `for`")
    gaps_s = [after - before for before, after in itertools.pairwise(active_s)]
    evaluation_s = prediction.data["evaluation_interval_s"]
    return _Live(
        outage, active_s[0], min(firing_s, default=None), active_s[-1] + evaluation_s, max(gaps_s, default=evaluation_s)
    )


def _compare(live: _Live, prediction: Record, part: str) -> Iterator[Observation]:
    assert live.outage.up_s is not None
    seen: dict[str, float] = {"pending after down": live.pending_s - live.outage.down_s}
    if live.firing_s is not None:
        seen["firing after pending"] = live.firing_s - live.pending_s
    seen["inactive after up"] = live.inactive_s - live.outage.up_s
    seen["longest gap between evaluations"] = live.longest_gap_s
    for name, (least_s, most_s) in _spans(prediction).items():
        if name in seen:
            ok = least_s - ROUNDING_S <= seen[name] <= most_s + ROUNDING_S
            yield Observation(Stage.RULE, part, [least_s, most_s], round(seen[name], 3), ok, note=name)


def _spans(prediction: Record) -> dict[str, tuple[float, float]]:
    """For each thing that is compared: the least and the most it may be, in live seconds."""
    data = prediction.data
    evaluation_s, scrape_s = data["evaluation_interval_s"], data["scrape_interval_s"]
    for_s, keep_s = (data[key] / data["clock_factor"] for key in ("for_s", "keep_firing_for_s"))
    return {
        "pending after down": (0.0, evaluation_s + scrape_s),
        "firing after pending": (for_s, for_s + evaluation_s),
        "inactive after up": (keep_s, keep_s + evaluation_s + scrape_s),
        "longest gap between evaluations": (evaluation_s, evaluation_s),
    }


def _expected(prediction: Record) -> Json:
    transitions = [[round(at_s, 3), state] for at_s, state in prediction.data["transitions"]]
    return {"unscaled": transitions, "live_s": {name: list(span) for name, span in _spans(prediction).items()}}


def _tolerance(prediction: Record) -> Tolerance:
    evaluation_s, scrape_s = prediction.data["evaluation_interval_s"], prediction.data["scrape_interval_s"]
    source = (
        f"one evaluation ({evaluation_s:g} s) plus one scrape ({scrape_s:g} s) on a clock "
        f"{prediction.data['clock_factor']:g} times as fast; for the wait between pending and firing one evaluation"
    )
    return Tolerance(round(evaluation_s + scrape_s, 3), "s", source)


def _at(prediction: Record, state: str) -> float | None:
    return next((at_s for at_s, name in prediction.data["transitions"] if name == state), None)


def _missed_evaluations(expect: AlertTimelineExpectation, history: History, part: str) -> float:
    missed = history.of("value", expectation=expect.name, stage=Stage.HARNESS.value, source=part)
    return float(missed[-1].data["value"] or 0) if missed else 0.0


def _excess_s(line: Observation) -> float:
    least_s, most_s = line.expected
    return float(max(least_s - line.observed, line.observed - most_s))


def _seconds(value: float) -> str:
    return f"{value:.3f} s"


def _span(span: Sequence[float]) -> str:
    return f"{span[0]:g} to {span[1]:g} s"
