"""A defect of the ADR's rules, shown on a running Prometheus: it records the wrong value, exactly the one predicted.

PASS means that the defect is there. Three values are set against each other: what Prometheus recorded, what our own
oracle computes of the same samples at the same moment, and what a person worked out; and none is what must be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from pydantic import Field

from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Json, Observation, Record, Stage, Tolerance, Verdict
from fawkes.harness.oracle.adr_rules import AdrRecord, RawSeries, adr_value
from fawkes.harness.script import ScriptedSeries

NAN: Final = "NaN"
"""How the value that is no number is written here; JSON has none."""

Value = float | Literal["NaN"] | None
"""None: no series at all."""

EXACT: Final = 1e-9
"""Relative. The oracle does Prometheus' operations in the same order; only its sums may round otherwise."""
_HAND: Final = 0.002
"""Relative. By hand nobody extrapolates: two scrapes of 30 s at the edges of the shortest window for which a rate
is worked out here, 24 h, are 0.07 %; of a series born in the window, half a scrape at its first sample is 0.1 %."""
_TOLERANCE: Final = Tolerance(
    EXACT, "relative", "the oracle's operations are Prometheus' own in the same order; only sums may round otherwise"
)


class AdrDefectExpectation(Expectation):
    """A rule of the ADR, as it wrote it, records a wrong value, exactly the one that our oracle predicts."""

    check: Literal["adr_defect"] = "adr_defect"
    defect: int = Field(ge=1, le=28, description="Its number in docs/adr-defects.md.")
    record: AdrRecord = Field(description="The rule, by the series that it records.")
    labels: dict[str, str] = Field(min_length=1, description="The recorded series' labels, e.g. {team: a}.")
    times: float = Field(
        default=1.0, gt=0, description="Multiplies what is recorded: 86400 where defect 1 would hide another."
    )
    recorded: Value = Field(description="The wrong value by hand; NaN, or null where no series is recorded.")
    must_be: float | None = Field(description="What the definitions in docs/dora.md give; null: no value.")


def check_adr_defect(expect: AdrDefectExpectation, history: History) -> Finding:
    """PASS when the last recorded value is the predicted one, which is the hand value and not what must be.

    FAIL at `rule` when Prometheus recorded another value, or the right one. INCONCLUSIVE when the rule was never seen
    evaluated, when no series were forged, or when the oracle and the hand value contradict each other.
    """
    forged = history.of("adr_rules")
    asked = history.of("value", expectation=expect.name)
    series = history.of("recorded", expectation=expect.name)
    evaluated_s = max((record.data["sample"][0] for record in series), default=None)
    if not forged or not asked or asked[-1].data["value"] is None or evaluated_s is None:
        return _finding(expect, Verdict.INCONCLUSIVE, f"{expect.record} was never seen evaluated", Stage.HARNESS)
    at_s, observed = _last(expect, series, evaluated_s)
    predicted = _scaled(adr_value(expect.record, _raw(forged[-1], expect.labels), expect.labels, at_s), expect.times)
    evidence = (
        Observation(Stage.RULE, "by hand", expect.recorded, predicted, _same(predicted, expect.recorded, _HAND)),
        Observation(Stage.RULE, str(asked[-1].data["source"]), predicted, observed, _same(observed, predicted, EXACT)),
        Observation(Stage.RULE, "the definitions", expect.must_be, observed, True, "what it must be, and is not"),
    )
    if not evidence[0].ok:
        reason = f"the oracle predicts {predicted}, by hand it is {expect.recorded}; one of the two is wrong"
        return _finding(expect, Verdict.INCONCLUSIVE, reason, Stage.HARNESS, observed, evidence)
    if _same(observed, expect.must_be, _HAND):
        reason = f"the defect is not there: {expect.record} is {observed}, as it must be"
        return _finding(expect, Verdict.FAIL, reason, Stage.RULE, observed, evidence)
    if not evidence[1].ok:
        reason = f"{expect.record} is {observed}, where {predicted} was predicted"
        return _finding(expect, Verdict.FAIL, reason, Stage.RULE, observed, evidence)
    reason = f"{expect.record} is {observed}, as predicted, where {expect.must_be} is right"
    return _finding(expect, Verdict.PASS, reason, None, observed, evidence)


def _last(expect: AdrDefectExpectation, series: Sequence[Record], evaluated_s: float) -> tuple[float, Value]:
    """The last sample of the series that is asked for; None at the time of the rule's others when there is none."""
    for record in series:
        labels = {name: value for name, value in record.data["labels"].items() if name != "__name__"}
        if labels == expect.labels:
            at_s, value = record.data["sample"]
            return at_s, _scaled(float(value), expect.times)
    return evaluated_s, None


def _raw(forged: Record, labels: Mapping[str, str]) -> list[RawSeries]:
    """The forged series of these labels, sample by sample, from their script."""
    data = forged.data
    times_s = [data["began_s"] + data["step_s"] * n for n in range(data["samples"])]
    found = []
    for one in map(ScriptedSeries.model_validate, data["series"]):
        if labels.items() <= one.labels.items():
            values = [(at_s, one.value_at(at_s - data["began_s"])) for at_s in times_s]
            found.append(RawSeries(one.name, one.labels, [(at_s, v) for at_s, v in values if v is not None]))
    return found


def _scaled(value: float | None, times: float) -> Value:
    if value is None:
        return None
    return NAN if math.isnan(value) else value * times


def _same(value: Value, other: Value, relative: float) -> bool:
    if isinstance(value, float | int) and isinstance(other, float | int):
        return math.isclose(value, other, rel_tol=relative)
    return value == other


def _finding(
    expect: AdrDefectExpectation,
    verdict: Verdict,
    reason: str,
    stage: Stage | None,
    observed: Json = None,
    evidence: tuple[Observation, ...] = (),
) -> Finding:
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=verdict,
        expected={"recorded": expect.recorded, "must_be": expect.must_be},
        observed=observed,
        reason=f"defect {expect.defect}: {reason}",
        stage=stage,
        tolerance=_TOLERANCE,
        evidence=evidence,
    )
