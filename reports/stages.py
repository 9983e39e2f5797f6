"""A finding's evidence along the way of a value: which stage saw what, and where the chain broke first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fawkes.harness.model import Finding, Json, Observation, Stage, Verdict
from fawkes.reports.values import show

CHAIN = (
    Stage.EVENT,
    Stage.STORE,
    Stage.REST,
    Stage.EXPORTER,
    Stage.PROMETHEUS,
    Stage.RULE,
    Stage.THANOS,
    Stage.ALERTMANAGER,
    Stage.RECEIVER,
)
"""What is always drawn; other stages (sidecar, bucket, load, harness) appear where a finding speaks of them."""

_ORDER = (Stage.HARNESS, Stage.LOAD, *(stage for stage in Stage if stage not in (Stage.HARNESS, Stage.LOAD)))
"""Our own stages come first: when they are in trouble, nothing after them means much."""

_BROKEN = {Verdict.FAIL: "breaks here", Verdict.INCONCLUSIVE: "trouble here"}

_DIGITS = 6
"""Significant digits in the narrow cells of the strip; the evidence has them all."""
_CELL_LENGTH = 18
"""Characters; a longer mapping or list is only counted."""

State = Literal["ok", "broken", "wrong", "unseen"]


@dataclass(frozen=True, slots=True)
class StageCell:
    """One stage of the strip. `broken` is the first stage where the chain broke, `wrong` any other deviation."""

    stage: Stage
    state: State
    value: str
    """What was observed there; empty for an unseen stage."""
    word: str
    """The state in words, for those who do not see the colour."""


def strip(finding: Finding) -> tuple[StageCell, ...]:
    """The stages in the order of the way. Empty when the finding speaks of no stage of the platform."""
    broken = finding.stage if finding.verdict is not Verdict.PASS else None
    spoken_of = {observation.stage for observation in finding.evidence} | ({broken} if broken else set())
    if spoken_of <= {Stage.HARNESS, Stage.LOAD}:
        return ()
    drawn = spoken_of | set(CHAIN)
    return tuple(_cell(stage, finding, broken) for stage in _ORDER if stage in drawn)


def noted(finding: Finding, seen: Observation) -> str:
    """An observation's note; what it is a value of comes before it, where the finding speaks of several."""
    if all(line.subject == seen.subject for line in finding.evidence if line.subject):
        return seen.note
    about = ", ".join(f"{name} {seen.subject[name]}" for name in sorted(seen.subject))
    return ": ".join(part for part in (about, seen.note) if part)


def shown_evidence(finding: Finding, limit: int) -> list[Observation]:
    """At most `limit` observations, in their order; what is not as expected is left out last."""
    lines = list(enumerate(finding.evidence))
    chosen = sorted(lines, key=lambda line: line[1].ok)[:limit]
    return [observation for _, observation in sorted(chosen, key=lambda line: line[0])]


def _cell(stage: Stage, finding: Finding, broken: Stage | None) -> StageCell:
    seen = [observation for observation in finding.evidence if observation.stage is stage]
    if stage is broken:
        return StageCell(stage, "broken", _value(seen) or "no value", _BROKEN[finding.verdict])
    if not seen:
        return StageCell(stage, "unseen", "", "not looked at")
    if all(observation.ok for observation in seen):
        return StageCell(stage, "ok", _value(seen), "as expected")
    return StageCell(stage, "wrong", _value(seen), "not as expected")


def _value(seen: list[Observation]) -> str:
    """What a stage showed: one value when all sources agree, else the values that were not as expected."""
    wrong = [observation for observation in seen if not observation.ok]
    return " / ".join(dict.fromkeys(_brief(observation.observed) for observation in wrong or seen))


def _brief(value: Json) -> str:
    text = show(value, _DIGITS)
    if len(text) > _CELL_LENGTH and isinstance(value, Mapping | list):
        return f"{len(value)} values"
    return text
