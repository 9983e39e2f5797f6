"""What checks share whose evidence is lines, each right or wrong in itself: reading the record, making the finding."""

from __future__ import annotations

from collections.abc import Sequence

from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Json, Observation, Record, Stage, Tolerance, Verdict


class CannotTellError(Exception):
    """Something that the judgement needs is not on record, or did not hold still."""


def the_only(records: Sequence[Record], what: str) -> Record:
    """The one record that says `what`. CannotTellError for none or several."""
    if len(records) != 1:
        raise CannotTellError(f"{len(records)} records say that {what}; there must be one")
    return records[0]


def series_by_part(expect: Expectation, history: History, stage: Stage) -> dict[str, list[Record]]:
    """Part -> the series that it showed at a stage. CannotTellError if one gave no answer, or none was asked."""
    where = {"expectation": expect.name, "stage": stage.value}
    asked = history.of("value", **where)
    if not asked:
        raise CannotTellError(f"nobody looked at the stage {stage.value}")
    if silent := [str(one.data["source"]) for one in asked if one.data["value"] is None]:
        raise CannotTellError(f"{silent[0]} gave no answer")
    return {one.data["source"]: history.of("series", source=one.data["source"], **where) for one in asked}


def unknown(
    expect: Expectation,
    reason: str,
    expected: Json = None,
    lines: Sequence[Observation] = (),
    limit: Tolerance | None = None,
) -> Finding:
    """INCONCLUSIVE."""
    return _finding(expect, Verdict.INCONCLUSIVE, reason, Stage.HARNESS, expected, lines, limit)


def failed(
    expect: Expectation, lines: Sequence[Observation], expected: Json, limit: Tolerance | None
) -> Finding | None:
    """FAIL at the first line that is wrong; None where all are right."""
    wrong = next((line for line in lines if not line.ok), None)
    if wrong is None:
        return None
    reason = f"{wrong.source}: {wrong.note}: {wrong.observed} instead of {wrong.expected}"
    return _finding(expect, Verdict.FAIL, reason, wrong.stage, expected, lines, limit)


def passed(
    expect: Expectation, reason: str, lines: Sequence[Observation], expected: Json, limit: Tolerance | None
) -> Finding:
    """PASS."""
    return _finding(expect, Verdict.PASS, reason, None, expected, lines, limit)


def _finding(
    expect: Expectation,
    verdict: Verdict,
    reason: str,
    stage: Stage | None,
    expected: Json,
    lines: Sequence[Observation],
    limit: Tolerance | None,
) -> Finding:
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=verdict,
        expected=expected,
        observed={f"{line.source}: {line.note}": line.observed for line in lines},
        reason=reason,
        stage=stage,
        tolerance=limit,
        evidence=tuple(lines),
    )
