"""Performance bands: the API's answers in every edition, and the exporter's levels in the default one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from pydantic import Field

from fawkes.harness.checks.dora import acknowledged, refusal
from fawkes.harness.checks.dora_values import LEVELS, OFFENDERS_MAX, Window
from fawkes.harness.duration import DurationS
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Json, Observation, Record, Stage, Tolerance, Verdict
from fawkes.harness.oracle.dora import Truth
from fawkes.harness.oracle.dora_bands import BANDS, DEFAULT_EDITION, EDITIONS, NO_BAND, Edition, classify

_NEVER_GIVEN: Final = {("2024", "change_failure_ratio", "medium")}
"""The 2024 edition has no limit for it (docs/dora.md)."""

_TOLERANCE: Final = Tolerance(0.0, "bands", "docs/dora.md: each band is half-open, so a value has exactly one")


class DoraBandsExpectation(Expectation):
    """Every team is in the oracle's band, by every metric, in every edition."""

    check: Literal["dora_bands"] = "dora_bands"
    windows: tuple[Window, ...] = Field(default=("7d", "30d", "90d"), min_length=1)
    spans: tuple[DurationS, ...] = Field(
        default=(), description="Further windows that end at the time of asking, for the API: 180d."
    )


def check_dora_bands(expect: DoraBandsExpectation, history: History) -> Finding:
    """PASS when every band is the oracle's, and every band of every edition and metric was given at least once.

    FAIL at `event` when an event was not acknowledged, else at `rest` or `exporter` with the first wrong band.
    INCONCLUSIVE without data, or when a band was never reached: then an edge has not been tried.
    """
    events, seen = history.of("event"), history.of("bands", expectation=expect.name)
    if not events or not seen:
        missing = "event was sent" if not events else "band was looked at"
        return _finding(expect, Verdict.INCONCLUSIVE, f"no {missing}, so nothing is known", Stage.HARNESS)
    evidence = [acknowledged(events)]
    if not evidence[0].ok:
        return _finding(expect, Verdict.FAIL, refusal(events), Stage.EVENT, evidence)
    truth = Truth(record.data["event"] for record in events)
    for stage, compared in ((Stage.REST, _rest(truth, seen)), (Stage.EXPORTER, _exporter(truth, seen))):
        if not compared:
            return _finding(expect, Verdict.INCONCLUSIVE, f"{stage.value} was never looked at", stage, evidence)
        wrong = [line for line in compared if not line.ok]
        right = len(compared) - len(wrong)
        summary = Observation(stage, "bands", len(compared), right, not wrong, "the oracle's")
        evidence += [*wrong[:OFFENDERS_MAX], summary]
        if wrong:
            reason = f"{wrong[0].source} is {wrong[0].observed} instead of {wrong[0].expected}"
            return _finding(expect, Verdict.FAIL, reason, stage, evidence)
    if never := _never_reached(seen):
        reason = f"no team was {never[0][2]} by {never[0][1]} in {never[0][0]}, so an edge was not tried"
        return _finding(expect, Verdict.INCONCLUSIVE, reason, Stage.HARNESS, evidence)
    reason = f"all {evidence[1].expected} bands of the API and {evidence[2].expected} levels of the exporter are right"
    return _finding(expect, Verdict.PASS, reason, None, evidence)


def _rest(truth: Truth, seen: Sequence[Record]) -> list[Observation]:
    """Each band that the API gave, and each that it should have given."""
    lines = []
    for record in (record for record in seen if record.data["stage"] == Stage.REST.value):
        said = record.data["bands"] or {}
        expected = _bands(truth, record, record.data["edition"])
        for metric in sorted({*said, *expected}):
            lines.append(_line(record, metric, record.data["edition"], expected.get(metric), said.get(metric)))
    return lines


def _exporter(truth: Truth, seen: Sequence[Record]) -> list[Observation]:
    """Each level that the exporter showed, and each that it should have shown; none where there is no data."""
    lines = []
    for record in (record for record in seen if record.data["stage"] == Stage.EXPORTER.value):
        shown = record.data["levels"] or {}
        expected = {metric: LEVELS.get(band) for metric, band in _bands(truth, record, DEFAULT_EDITION).items()}
        for metric in sorted({*shown, *expected}):
            lines.append(_line(record, metric, DEFAULT_EDITION, expected.get(metric), shown.get(metric)))
    return lines


def _bands(truth: Truth, record: Record, edition: Edition) -> Mapping[str, str]:
    data = record.data
    return classify(truth.values(data["team"], "production", from_s=data["from_s"], to_s=data["to_s"]), edition)


def _line(record: Record, metric: str, edition: str, expected: Json, observed: Json) -> Observation:
    data = record.data
    source = f"{data['source']}: {metric} of {data['team']} over {data['window']}, edition {edition},"
    return Observation(Stage(data["stage"]), source, expected, observed, expected == observed)


def _never_reached(seen: Sequence[Record]) -> list[tuple[str, str, str]]:
    """Edition, metric and band that no answer of the API had."""
    given = {
        (record.data["edition"], metric, band)
        for record in seen
        if record.data["stage"] == Stage.REST.value
        for metric, band in (record.data["bands"] or {}).items()
    }
    wanted = {
        (edition, metric, band) for edition in EDITIONS for metric in _metrics(edition) for band in (*BANDS, NO_BAND)
    }
    return sorted(wanted - given - _NEVER_GIVEN)


def _metrics(edition: Edition) -> Iterator[str]:
    yield from classify(Truth(()).values("", "", from_s=0.0, to_s=1.0), edition)


def _finding(
    expect: DoraBandsExpectation,
    verdict: Verdict,
    reason: str,
    stage: Stage | None,
    evidence: Sequence[Observation] = (),
) -> Finding:
    wrong = [line for line in evidence if not line.ok]
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=verdict,
        expected=wrong[0].expected if wrong else "the oracle's bands",
        observed=wrong[0].observed if wrong else None,
        reason=reason,
        stage=stage,
        tolerance=_TOLERANCE,
        evidence=tuple(evidence),
    )
