"""An alert's live timeline against the one predicted from the unscaled rule, replica by replica.

All live times come from raw samples: what the rule reads is stamped with the scrape's scheduled time, ALERTS with the
evaluation's, so that nothing is added by the way they are read. Put back on the true pace, the samples give the
prediction; promtool has confirmed it. Where the prediction changes state at p, on the live clock, the alert must go

    pending   in [p, p + one evaluation + one scrape]
    firing    in [pending + for, pending + for + one evaluation]
    inactive  in [p, p + one evaluation + one scrape]

with every duration divided by the clock's factor. A scrape counts here because its sample carries the time it began and
can be read only after it ended, at most one interval later.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from fawkes.harness.checks.exposed import Exposed
from fawkes.harness.duration import DurationS
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Json, Observation, Record, Stage, Tolerance, Verdict

Sample = Sequence[float]
"""[Unix seconds, value]."""
State = Literal["pending", "firing", "inactive"]
Timeline = list[tuple[float, State]]
"""When the alert changed to which state, in Unix seconds."""

ROUNDING_S: Final = 0.002
"""Durations on the compressed clock and time stamps are whole milliseconds: half of one for each end of two."""
_ONE_MISSING: Final = 1.5
"""Evaluations: a longer gap between two that returned the alert has one between them that did not."""


class AlertTimelineExpectation(Expectation):
    """The alert goes pending, fires and ends when the unscaled rule says so, on every replica."""

    check: Literal["alert_timeline"] = "alert_timeline"
    alert: str = Field(description="Name of the alert.")
    labels: dict[str, str] = Field(description="What picks one alert, and the series it is made of: {job: jenkins}.")
    goes: tuple[State, ...] = Field(
        default=("pending", "firing", "inactive"),
        description="The states it must go through, in order, once the fault or the script has begun; [] for never.",
    )
    fault_part: str | None = Field(default=None, description="Name of the part that the scenario kills.")
    exposed_part: str | None = Field(default=None, description="Name of the part that follows a script (do: expose).")
    app: str = Field(default="prometheus-core", description="The Prometheus that evaluates the rule.")
    rules: str = Field(default="platform", description="Folder below fixtures/ with the PrometheusRule as it ships.")
    scrape_interval: DurationS = Field(default=30.0, gt=0, description="The target's, unscaled, as it ships.")
    evaluation_interval: DurationS = Field(
        default=30.0, gt=0, description="Unscaled; only for a rule group that sets no interval of its own."
    )

    @model_validator(mode="after")
    def _known_cause(self) -> Self:
        if self.fault_part is not None and self.exposed_part is not None:
            raise ValueError("fault_part and exposed_part exclude each other; name the one that makes the alert")
        return self


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
    """FAIL at `prometheus` when the fault or the script is not seen in the samples; at `rule` when the alert goes
    through other states, or at other times.

    INCONCLUSIVE when the cause or an answer is not on record, when promtool contradicts the prediction, when the
    scenario itself does not lead to the states it expects, or when Prometheus reports evaluations that it missed and
    these explain the deviation.
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
        expected=_expected(expect, predictions[0]) if predictions else None,
        observed={part: replica.observed for part, replica in replicas.items()},
        reason=worst.reason,
        stage=worst.stage,
        tolerance=_tolerance(predictions[0]) if predictions else None,
        evidence=tuple(line for replica in replicas.values() for line in replica.evidence),
    )


def _judge(expect: AlertTimelineExpectation, history: History, part: str) -> _Replica:
    try:
        since_s = _cause(expect, history, part)
        prediction = _prediction(expect, history, part)
        scrape_s = prediction.data["scrape_interval_s"]
        predicted = _after(since_s - scrape_s, _predicted(prediction))
        live, bridged = (
            _after(since_s - scrape_s, _live(expect, history, part, prediction, missed))
            for missed in (0.0, _missed_evaluations(expect, history, part))
        )
        _same_states(expect, predicted, live, bridged)
    except _CannotTellError as error:
        return _Replica(Verdict.INCONCLUSIVE, str(error), Stage.HARNESS)
    except _BrokenError as error:
        line = Observation(error.stage, part, expect.alert, None, ok=False, note=str(error))
        return _Replica(Verdict.FAIL, f"{part}: {error}", error.stage, None, (line,))
    compared = tuple(_compare(live, predicted, prediction, part))
    observed = {line.note: line.observed for line in compared}
    late = [line for line in compared if not line.ok]
    lines = (*_stored(expect, history, part), *compared)
    if not late:
        told = " -> ".join(expect.goes) or "never active"
        return _Replica(Verdict.PASS, f"{expect.alert} was as predicted: {told}", None, observed, lines)
    reason = f"{part}: {late[0].note} is {_seconds(late[0].observed)}, not {_span(late[0].expected)}"
    missed = _missed_evaluations(expect, history, part)
    if max(map(_excess_s, late)) <= missed * prediction.data["evaluation_interval_s"]:
        reason += f", but {part} missed {missed:g} evaluations: the machine was too busy"
        return _Replica(Verdict.INCONCLUSIVE, reason, Stage.HARNESS, observed, lines)
    return _Replica(Verdict.FAIL, reason, Stage.RULE, observed, lines)


# --- the cause, and whether it is seen in the samples ------------------------------------------------------


def _cause(expect: AlertTimelineExpectation, history: History, part: str) -> float:
    """When the fault or the script began; the beginning of time for an alert that has another cause."""
    read = _series(expect, history, part, Stage.PROMETHEUS)
    if not read:
        raise _BrokenError(Stage.PROMETHEUS, f"what {expect.alert} reads of {expect.labels} has no samples")
    if expect.exposed_part is not None:
        return _exposed(expect, history, part, read)
    if expect.fault_part is not None:
        return _fault(expect, history, read)
    return -math.inf


def _exposed(expect: AlertTimelineExpectation, history: History, part: str, read: Sequence[Record]) -> float:
    records = history.of("exposed", part=expect.exposed_part)
    if not records:
        raise _CannotTellError(f"there is no record that {expect.exposed_part} followed a script")
    exposed, scrape_s = Exposed.of(records[0]), _prediction(expect, history, part).data["scrape_interval_s"]
    stored = [record.data["labels"] for record in read]
    for asked in history.of("value", expectation=expect.name, stage=Stage.PROMETHEUS.value, source=part):
        if (name := exposed.missing(asked.data["query"], expect.labels, stored)) is not None:
            raise _BrokenError(Stage.PROMETHEUS, f"{name} of {expect.labels} has no samples; {exposed.part} showed it")
    for record in read:
        wrong = exposed.wrong_sample(record.data["labels"], record.data["samples"], scrape_s)
        if wrong is not None:
            raise _BrokenError(Stage.PROMETHEUS, f"{wrong}, so another thing was stored than {exposed.part} showed")
    return exposed.began_s


def _fault(expect: AlertTimelineExpectation, history: History, read: Sequence[Record]) -> float:
    stops = history.of("fault", action="stop", part=expect.fault_part)
    starts = history.of("fault", action="start", part=expect.fault_part)
    if not stops or not starts:
        missing = "killed" if not stops else "started again"
        raise _CannotTellError(f"there is no record that {expect.fault_part} was {missing}")
    began_s, ended_s = stops[0].data["began_s"], starts[-1].data["ended_s"]
    ups = [record for record in read if record.data["labels"].get("__name__") == "up"]
    if len(ups) != 1:
        raise _CannotTellError(f"{expect.labels} match {len(ups)} targets; name one in `labels`")
    outage = find_outage(ups[0].data["samples"])
    up = f"up of {expect.labels}"
    # A scrape that was under way when the part was killed carries a time before the kill.
    if outage is None or outage.down_s > ended_s or (outage.up_s or math.inf) < began_s:
        raise _BrokenError(Stage.PROMETHEUS, f"{up} did not fall to 0 when {expect.fault_part} was killed")
    if outage.up_s is None:
        raise _BrokenError(Stage.PROMETHEUS, f"{up} did not return to 1 after {expect.fault_part} did")
    return float(began_s)


def _series(expect: AlertTimelineExpectation, history: History, part: str, stage: Stage) -> list[Record]:
    """The records of the series that answered; empty when there was none."""
    asked = history.of("value", expectation=expect.name, stage=stage.value, source=part)
    if not asked or any(record.data["value"] is None for record in asked):
        raise _CannotTellError(f"{part} gave no answer about the {stage.value} stage")
    return history.of("series", expectation=expect.name, stage=stage.value, source=part)


def _stored(expect: AlertTimelineExpectation, history: History, part: str) -> Iterator[Observation]:
    """What the rule read, once it is known to be what was there."""
    for record in _series(expect, history, part, Stage.PROMETHEUS):
        labels = record.data["labels"]
        note = f"samples of {labels.get('__name__')}" + (f" of {labels['pod']}" if "pod" in labels else "")
        yield Observation(Stage.PROMETHEUS, part, None, len(record.data["samples"]), ok=True, note=note)


# --- predicted and live ---------------------------------------------------------------------------------------


def _prediction(expect: AlertTimelineExpectation, history: History, part: str) -> Record:
    predictions = history.of("prediction", expectation=expect.name, source=part)
    if not predictions:
        raise _CannotTellError(f"there is no prediction for {part}")
    if predictions[-1].data["promtool_exit"] != 0:
        said = str(predictions[-1].data["promtool_output"]).strip().splitlines()
        raise _CannotTellError(
            f"promtool contradicts the predicted timeline: {said[-1].strip() if said else 'nothing'}"
        )
    if len(predictions[-1].data["timelines"]) > 1:
        raise _CannotTellError(f"{expect.labels} match several alerts on {part}; name one in `labels`")
    return predictions[-1]


def _predicted(prediction: Record) -> Timeline:
    data = prediction.data
    return [
        (data["origin_s"] + at_s / data["clock_factor"], state)
        for one in data["timelines"]
        for at_s, state in one["transitions"]
    ]


def _live(
    expect: AlertTimelineExpectation, history: History, part: str, prediction: Record, missed_evaluations: float
) -> Timeline:
    """What the samples of ALERTS say, bridging as many evaluations as were missed."""
    evaluation_s = prediction.data["evaluation_interval_s"]
    samples: list[tuple[float, State]] = sorted(
        (at_s, record.data["labels"]["alertstate"])
        for record in _series(expect, history, part, Stage.RULE)
        for at_s, _ in record.data["samples"]
    )
    changes: Timeline = []
    gap_s = (_ONE_MISSING + missed_evaluations) * evaluation_s
    for (at_s, state), (next_s, _) in itertools.pairwise([*samples, (math.inf, "inactive")]):
        if not changes or changes[-1][1] != state:
            changes.append((at_s, state))
        if next_s - at_s > gap_s:
            # The first evaluation that no longer returned the alert: one after the last that did.
            changes.append((at_s + evaluation_s, "inactive"))
    return changes


def _after(since_s: float, timeline: Timeline) -> Timeline:
    """What began since then; what ended of something earlier (a target not yet up) is left out."""
    kept = [(at_s, state) for at_s, state in timeline if at_s >= since_s]
    return kept[1:] if kept and kept[0][1] == "inactive" else kept


def _same_states(expect: AlertTimelineExpectation, predicted: Timeline, live: Timeline, bridged: Timeline) -> None:
    wanted, foreseen, seen = (
        expect.goes,
        tuple(state for _, state in predicted),
        tuple(state for _, state in live),
    )
    if foreseen != wanted:
        raise _CannotTellError(
            f"what was stored leads {expect.alert} to {_told(foreseen)}, not to {_told(wanted)}; "
            "correct the scenario, or see why samples are missing"
        )
    if seen == foreseen:
        return
    if tuple(state for _, state in bridged) == foreseen:
        raise _CannotTellError(f"{expect.alert} was {_told(seen)}; evaluations were missed, the machine was too busy")
    raise _BrokenError(Stage.RULE, f"{expect.alert} was {_told(seen)}, not {_told(foreseen)} as the rule that ships")


def _compare(live: Timeline, predicted: Timeline, prediction: Record, part: str) -> Iterator[Observation]:
    """Each change of state against its span; firing is told from pending, the others from what the rule read."""
    spans = _spans(prediction)
    cycle = 0
    for index, ((live_s, state), (predicted_s, _)) in enumerate(zip(live, predicted, strict=True)):
        first = index == 0 or live[index - 1][1] == "inactive"
        cycle += first
        since_s = live[index - 1][0] if state == "firing" and not first else predicted_s
        name = _NAMES[state] if cycle == 1 else f"{_NAMES[state]} ({cycle})"
        least_s, most_s = spans[_NAMES["pending"] if first else _NAMES[state]]
        seen_s = live_s - since_s
        ok = least_s - ROUNDING_S <= seen_s <= most_s + ROUNDING_S
        yield Observation(Stage.RULE, part, [least_s, most_s], round(seen_s, 3), ok, note=name)


_NAMES: Final = {
    "pending": "pending after its cause",
    "firing": "firing after pending",
    "inactive": "inactive after its end",
}


def _spans(prediction: Record) -> dict[str, tuple[float, float]]:
    """For each thing that is compared: the least and the most it may be, in live seconds."""
    data = prediction.data
    evaluation_s, scrape_s = data["evaluation_interval_s"], data["scrape_interval_s"]
    for_s = data["for_s"] / data["clock_factor"]
    return {
        _NAMES["pending"]: (0.0, evaluation_s + scrape_s),
        _NAMES["firing"]: (for_s, for_s + evaluation_s),
        _NAMES["inactive"]: (0.0, evaluation_s + scrape_s),
    }


def _expected(expect: AlertTimelineExpectation, prediction: Record) -> Json:
    transitions = [
        [round(at_s, 3), state] for one in prediction.data["timelines"] for at_s, state in one["transitions"]
    ]
    live_s = {name: list(span) for name, span in _spans(prediction).items()}
    return {"goes": list(expect.goes), "unscaled": transitions, "live_s": live_s}


def _tolerance(prediction: Record) -> Tolerance:
    evaluation_s, scrape_s = prediction.data["evaluation_interval_s"], prediction.data["scrape_interval_s"]
    source = (
        f"one evaluation ({evaluation_s:g} s) plus one scrape ({scrape_s:g} s) on a clock "
        f"{prediction.data['clock_factor']:g} times as fast; for the wait between pending and firing one evaluation"
    )
    return Tolerance(round(evaluation_s + scrape_s, 3), "s", source)


def _missed_evaluations(expect: AlertTimelineExpectation, history: History, part: str) -> float:
    missed = history.of("value", expectation=expect.name, stage=Stage.HARNESS.value, source=part)
    return float(missed[-1].data["value"] or 0) if missed else 0.0


def _excess_s(line: Observation) -> float:
    least_s, most_s = line.expected
    return float(max(least_s - line.observed, line.observed - most_s))


def _told(states: Sequence[str]) -> str:
    return " -> ".join(states) or "never active"


def _seconds(value: float) -> str:
    return f"{value:.3f} s"


def _span(span: Sequence[float]) -> str:
    return f"{span[0]:g} to {span[1]:g} s"
