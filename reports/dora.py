"""DORA values as every report tells them: one row per value, a cell per stage, and where it first differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fawkes.harness.model import ChainLink, DoraChain, Json, RunResult, Stage
from fawkes.reports.values import show

_DIGITS = 6
"""Significant digits in a narrow cell; the evidence has them all."""

State = Literal["same", "broken", "wrong", "unseen"]


@dataclass(frozen=True, slots=True)
class ChainCell:
    """One stage of one value. `broken` is the first that differs, `wrong` any after it."""

    state: State
    value: str
    source: str


def chain_counts(result: RunResult) -> str:
    """`120 followed, 118 the same at every stage; different: 1 first at rule, 1 first at thanos`."""
    broken = [chain.broken.stage for chain in result.dora if chain.broken]
    whole = len(result.dora) - len(broken)
    text = f"{len(result.dora)} followed, {whole} the same at every stage"
    where = ", ".join(f"{broken.count(stage)} first at {stage}" for stage in Stage if stage in broken)
    return f"{text}; different: {where}" if broken else text


def differing(result: RunResult) -> list[DoraChain]:
    """The values that differ somewhere, the worst first."""
    return [chain for chain in result.dora if chain.broken]


def whole(result: RunResult) -> list[DoraChain]:
    """The values that are the same at every stage that was looked at."""
    return [chain for chain in result.dora if not chain.broken]


def stages_of(chains: Sequence[DoraChain]) -> list[Stage]:
    """The stages that any of them was looked at, in the order of the way; `event` only where it isn't the oracle's."""
    seen = {link.stage for chain in chains for link in chain.links if link.stage is not Stage.EVENT or not link.ok}
    return [stage for stage in Stage if stage in seen]


def about(chain: DoraChain) -> tuple[str, str]:
    """What it is a value of: the metric, and the rest of the subject such as `payments, production, 30d`."""
    rest = {name: value for name, value in chain.subject.items() if name != "metric"}
    ordered = [rest.pop("team")] if "team" in rest else []
    return chain.subject["metric"], ", ".join([*ordered, *(rest[name] for name in sorted(rest))])


def chain_cell(chain: DoraChain, stage: Stage) -> ChainCell:
    """What `stage` shows of the value."""
    link = next((link for link in chain.links if link.stage is stage), None)
    if link is None:
        return ChainCell("unseen", "", "")
    return ChainCell(_state(link, chain.broken), brief(link.value), link.source)


def brief(value: Json) -> str:
    """A value for a narrow cell. Whole numbers keep all their digits: durations are whole seconds."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return show(value, _DIGITS)


def _state(link: ChainLink, broken: ChainLink | None) -> State:
    if link.ok:
        return "same"
    return "broken" if link is broken else "wrong"
