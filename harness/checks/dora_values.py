"""Every DORA value of every team along its whole way, against the oracle.

One table per stage and part: team -> environment -> window -> quantity -> number, absent where there is no data. A
quantity is called as the API nests it (`lead_time_seconds.p50`), which is also how gauge and rule are labelled.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field

from fawkes.harness.checks.dora import acknowledged, in_bucket_of, refusal
from fawkes.harness.duration import parse_duration_s
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import ORACLE, Finding, History, Json, Observation, Record, Stage, Tolerance, Verdict
from fawkes.harness.oracle.dora import DoraValues, Truth
from fawkes.harness.oracle.dora_bands import BANDS, classify

Window = Literal["7d", "30d", "90d"]
ValuesStage = Literal["rest", "exporter", "prometheus", "rule", "thanos"]
Cell = tuple[str, str, str, str]
"""team, environment, window, quantity"""
_Cells = Mapping[Cell, float | None]

EVER: Final = "all time"
"""The window [EVER_FROM, EVER_TO), which holds every event: what a histogram holds, since its buckets are totals."""
EVER_FROM: Final = "1970-01-01T00:00:00Z"
EVER_TO: Final = "2100-01-01T00:00:00Z"

QUANTILES: Final[Mapping[str, str]] = {
    "lead_time_seconds:histogram_p50": "lead_time_seconds.p50",
    "lead_time_seconds:histogram_p95": "lead_time_seconds.p95",
    "mttr_seconds:histogram_median": "time_to_restore_seconds.p50",
}
"""Record, without its prefix, that derives a quantity from a histogram -> the quantity over EVER."""

LEVELS: Final[Mapping[str, int]] = {band: level for level, band in enumerate(reversed(BANDS))}
"""How the exporter and the rules show a band: 3 is elite, 0 low."""

OFFENDERS_MAX: Final = 5
"""How many differing values are told one by one; the rest are counted."""

_EVER_TO_S: Final = datetime.fromisoformat(EVER_TO).timestamp()

_TOLERANCE: Final = Tolerance(
    0.0,
    "the value's own",
    "JSON and the exposition print shortest round-trip doubles, max by() copies them; what comes from a histogram lies "
    "in the bucket of the nearest-rank quantile",
)


class DoraValuesExpectation(Expectation):
    """Every DORA value of every team, environment and window is the oracle's, at every stage."""

    check: Literal["dora_values"] = "dora_values"
    teams: tuple[str, ...] = Field(default=(), description="Which teams; all that events were sent of when absent.")
    environments: tuple[str, ...] = Field(default=("production", "staging"), min_length=1)
    windows: tuple[Window, ...] = Field(default=("7d", "30d", "90d"), min_length=1)
    by_hand: bool = Field(
        default=False, description="The replayed history states answers for these teams; the oracle must agree."
    )
    stages: tuple[ValuesStage, ...] = Field(default=("rest", "exporter", "prometheus", "rule", "thanos"), min_length=1)


def quantities(values: DoraValues) -> dict[str, float | None]:
    """What is shown of one team, environment and window, on every stage of the way."""
    bands = classify(values)
    return {
        "deployment_frequency_per_day": values.deployment_frequency_per_day,
        "lead_time_seconds.p50": values.lead_time_p50_s,
        "lead_time_seconds.p95": values.lead_time_p95_s,
        "lead_time_seconds.mean": values.lead_time_mean_s,
        "change_failure_ratio": values.change_failure_ratio,
        "failed_deployment_recovery_seconds.p50": values.failed_deployment_recovery_p50_s,
        "failed_deployment_recovery_seconds.mean": values.failed_deployment_recovery_mean_s,
        "time_to_restore_seconds.p50": values.time_to_restore_p50_s,
        "time_to_restore_seconds.mean": values.time_to_restore_mean_s,
        "rework_ratio": values.rework_ratio,
        "sample_count.deployment_frequency_per_day": values.deployments,
        "sample_count.lead_time_seconds": values.lead_times,
        "sample_count.change_failure_ratio": values.deployments,
        "sample_count.failed_deployment_recovery_seconds": values.recoveries,
        "sample_count.time_to_restore_seconds": values.restores,
        "sample_count.rework_ratio": values.deployments,
        **{f"performance_level.{metric}": LEVELS.get(band) for metric, band in bands.items()},
    }


def rest_quantities(values: DoraValues) -> dict[str, float | None]:
    """As `quantities`, with what only the API tells."""
    return quantities(values) | {
        "lead_time_seconds.invalid": values.lead_times_invalid,
        "failed_deployment_recovery_seconds.open": values.recoveries_open,
        "time_to_restore_seconds.open": values.restores_open,
    }


def cells_of(table: Mapping[str, Any]) -> dict[Cell, Json]:
    """The table, flat."""
    return {
        (team, environment, window, quantity): value
        for team, environments in table.items()
        for environment, windows in environments.items()
        for window, values in windows.items()
        for quantity, value in values.items()
    }


def differing(stage: Stage, truth: _Cells, seen: Mapping[Cell, Json]) -> list[tuple[Cell, Json, Json]]:
    """Cell, expected and observed of everything that `stage` should show otherwise, the worst ones first."""
    expected = {cell: value for cell, value in truth.items() if _is_shown(cell, stage)}
    pairs = [(cell, expected.get(cell), seen.get(cell)) for cell in sorted({*expected, *seen})]
    return sorted((pair for pair in pairs if not _agree(stage, *pair)), key=_how_far, reverse=True)


def check_dora_values(expect: DoraValuesExpectation, history: History) -> Finding:
    """PASS when the table of every stage and part is the oracle's, cell by cell.

    FAIL at `event` when an event was not acknowledged or the oracle contradicts an answer worked out by hand, otherwise
    at the first stage with a cell that differs, is missing, or should not be there. INCONCLUSIVE without events or
    deployments, when a stage was never looked at, or when a true value depends on the moment of the run.
    """
    events, tables = history.of("event"), history.of("table", expectation=expect.name)
    if not events or not tables:
        missing = "event was sent" if not events else "stage was looked at"
        return _finding(expect, Verdict.INCONCLUSIVE, f"no {missing}, so nothing is known", Stage.HARNESS)
    evidence = [acknowledged(events)]
    if not evidence[0].ok:
        return _finding(expect, Verdict.FAIL, refusal(events), Stage.EVENT, evidence)
    truth = _Truth(expect, Truth(record.data["event"] for record in events))
    early, late = (truth.cells(at_s) for at_s in (events[0].at_s, tables[-1].at_s))
    answers = [record for record in history.of("answers") if record.data["team"] in truth.teams]
    if (void := _void(expect, early, late, answers)) is not None:
        return _finding(expect, Verdict.INCONCLUSIVE, void, Stage.HARNESS, evidence)
    by_hand = [line for record in answers for line in truth.against(record, tables[-1].at_s)]
    if wrong := [line for line in by_hand if not line.ok]:
        reason = f"{wrong[0].source}: the definitions give {wrong[0].observed}, worked out was {wrong[0].expected}"
        return _finding(expect, Verdict.FAIL, reason, Stage.EVENT, [*evidence, *by_hand])
    return _along(expect, tables, late, [*evidence, *by_hand])


def _void(expect: DoraValuesExpectation, early: _Cells, late: _Cells, answers: Sequence[Record]) -> str | None:
    """Why nothing can be said, if so."""
    if moved := [cell for cell in late if early[cell] != late[cell]]:
        return f"the true {_name(moved[0])} changes during the run; keep events off the edges of the windows"
    if not any(value for (*_, quantity), value in late.items() if quantity == "deployment_frequency_per_day"):
        return "no team deployed anything in any window, so there is nothing to compare"
    if expect.by_hand and not answers:
        return "the workload states no answers that were worked out by hand; replay a history of these teams"
    return None


def _along(
    expect: DoraValuesExpectation,
    tables: Sequence[Record],
    truth: _Cells,
    evidence: Sequence[Observation],
) -> Finding:
    """The verdict over the stages in their order. All of them are in the evidence, with the way of the worst offenders
    of the first one that differs; of some headline values where none does.
    """
    way = [stage for stage in Stage if stage.value in expect.stages]
    compared = [_compared(r, truth) for stage in way for r in tables if r.data["stage"] == stage.value]
    troubled = [one for one in compared if one.trouble() is not None]
    followed = [cell for cell, *_ in troubled[0].wrong[:OFFENDERS_MAX]] if troubled else _headline(truth)
    evidence = [*evidence, *(one.summary() for one in compared), *_chains(followed, truth, compared)]
    for stage in way:
        here = [one for one in compared if one.stage is stage]
        if not here:
            unseen = f"{stage.value} was never looked at, so nothing is known of it"
            return _finding(expect, Verdict.INCONCLUSIVE, unseen, stage, evidence)
        if wrong := [reason for one in here if (reason := one.trouble()) is not None]:
            return _finding(expect, Verdict.FAIL, wrong[0], stage, evidence)
    reason = f"{max(one.cells for one in compared)} values are the oracle's at every stage from {way[0].value} on"
    return _finding(expect, Verdict.PASS, reason, None, evidence)


def _headline(truth: _Cells) -> list[Cell]:
    """The four keys of the team and window with the most deployments."""
    counts = {cell[:3]: value or 0 for cell, value in truth.items() if cell[3] == "sample_count.rework_ratio"}
    place = max(counts, key=lambda at: counts[at])
    keys = ("deployment_frequency_per_day", "lead_time_seconds.p50", "change_failure_ratio")
    return [(*place, key) for key in (*keys, "failed_deployment_recovery_seconds.p50", "time_to_restore_seconds.p50")]


def _chains(cells: Sequence[Cell], truth: _Cells, compared: Sequence[_Compared]) -> Iterator[Observation]:
    """What each stage showed of these values."""
    for cell in cells:
        subject = dict(zip(("team", "environment", "window", "metric"), cell, strict=True))
        true = truth.get(cell)
        yield Observation(Stage.EVENT, ORACLE, true, true, True, "computed from the events sent", subject)
        for one in (one for one in compared if _is_shown(cell, one.stage)):
            seen = one.seen.get(cell)
            yield Observation(one.stage, one.source, true, seen, _agree(one.stage, cell, true, seen), subject=subject)


class _Truth:
    """The oracle's table."""

    def __init__(self, expect: DoraValuesExpectation, truth: Truth) -> None:
        self._expect, self._truth = expect, truth
        self.teams = expect.teams or truth.teams

    def cells(self, at_s: float) -> dict[Cell, float | None]:
        """Everything any stage shows, for windows that end at `at_s`, of every place that an event was sent of."""
        found: dict[Cell, float | None] = {}
        for team in self.teams:
            for environment in self._truth.environments(team):
                if environment in self._expect.environments:
                    for window in self._expect.windows:
                        values = self._values(team, environment, parse_duration_s(window), at_s)
                        found |= {(team, environment, window, q): v for q, v in rest_quantities(values).items()}
                    ever = rest_quantities(self._truth.values(team, environment, from_s=0.0, to_s=_EVER_TO_S))
                    found |= {(team, environment, EVER, q): ever[q] for q in QUANTILES.values()}
        return found

    def against(self, answers: Record, at_s: float) -> Iterator[Observation]:
        """Each answer that was worked out by hand, beside the oracle's."""
        said = answers.data
        values = self._values(said["team"], said["environment"], said["window_s"], at_s)
        for field, by_hand in said["answers"].items():
            computed = getattr(values, field)
            source = f"{ORACLE}, {field} of {said['team']}"
            yield Observation(Stage.EVENT, source, by_hand, computed, computed == by_hand, "worked out by hand")

    def _values(self, team: str, environment: str, window_s: float, at_s: float) -> DoraValues:
        return self._truth.values(team, environment, from_s=at_s - window_s, to_s=at_s)


@dataclass(frozen=True, slots=True)
class _Compared:
    """One part's table beside the oracle's."""

    record: Record
    seen: Mapping[Cell, Json]
    cells: int
    wrong: Sequence[tuple[Cell, Json, Json]]
    """Cell, expected and observed, the worst ones first."""

    @property
    def stage(self) -> Stage:
        return Stage(self.record.data["stage"])

    @property
    def source(self) -> str:
        return f"{self.record.data['source']}: {self.record.data['query']}"

    def trouble(self) -> str | None:
        """What is wrong with it, in one sentence."""
        if (error := self.record.data.get("error")) is not None:
            return f"{self.source} gave no usable answer: {error}"
        if not self.wrong:
            return None
        cell, expected, observed = self.wrong[0]
        return (
            f"{len(self.wrong)} values of {self.source} are not the oracle's, and those of the "
            f"stages before it are; {_name(cell)} is {_told(observed)} instead of {_told(expected)}"
        )

    def summary(self) -> Observation:
        ok, note = self.trouble() is None, "values that differ from the oracle's"
        return Observation(self.stage, self.source, 0, len(self.wrong), ok, note, {"values": "all"})


def _compared(record: Record, truth: _Cells) -> _Compared:
    stage, seen = Stage(record.data["stage"]), cells_of(record.data["table"] or {})
    cells = sum(_is_shown(cell, stage) for cell in truth)
    return _Compared(record, seen, cells, differing(stage, truth, seen))


def _is_shown(cell: Cell, stage: Stage) -> bool:
    *_, window, quantity = cell
    if window == EVER:
        return stage in (Stage.REST, Stage.RULE, Stage.THANOS)
    return stage is Stage.REST or not quantity.endswith((".invalid", ".open"))


def _agree(stage: Stage, cell: Cell, expected: float | None, observed: Json) -> bool:
    if cell[2] == EVER and stage is not Stage.REST:
        return in_bucket_of(expected, observed)
    return bool(expected == observed)


def _how_far(pair: tuple[Cell, Json, Json]) -> float:
    """Relative difference; infinite where one is no number."""
    _, expected, observed = pair
    if not isinstance(expected, int | float) or not isinstance(observed, int | float):
        return math.inf
    return abs(observed - expected) / max(abs(expected), abs(observed))


def _name(cell: Cell) -> str:
    team, environment, window, quantity = cell
    return f"{quantity} of {team} in {environment} over {window}"


def _told(value: Json) -> str:
    return "nothing" if value is None else str(value)


def _finding(
    expect: DoraValuesExpectation,
    verdict: Verdict,
    reason: str,
    stage: Stage | None,
    evidence: Sequence[Observation] = (),
) -> Finding:
    wrong = [line for line in evidence if not line.ok and "metric" in line.subject]
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=verdict,
        expected="the oracle's values",
        observed=wrong[0].observed if wrong else None,
        reason=reason,
        stage=stage,
        tolerance=_TOLERANCE,
        evidence=tuple(evidence),
    )
