"""DORA values along their way: what each stage showed, taken from the evidence of the findings. Pure.

An observation belongs to a DORA value when its `subject` names a `metric`; one without a subject (how many events were
acknowledged, how many rows are stored) belongs to every value of its finding.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from fawkes.harness.model import ORACLE, ChainLink, DoraChain, Finding, Json, Observation, ScenarioResult, Stage


def dora_chains(scenarios: Iterable[ScenarioResult]) -> tuple[DoraChain, ...]:
    """A chain for each value: first those that differ, at the earliest stage and by the most; then the others."""
    chains = [chain for scenario in scenarios for finding in scenario.findings for chain in _chains(scenario, finding)]
    return tuple(sorted(chains, key=_gravity))


def _chains(scenario: ScenarioResult, finding: Finding) -> Iterator[DoraChain]:
    subjects = {_key(line): line.subject for line in finding.evidence if "metric" in line.subject}
    common = [line for line in finding.evidence if not line.subject]
    for key, subject in subjects.items():
        own = [line for line in finding.evidence if _key(line) == key]
        truths = [line for line in own if line.stage is Stage.EVENT and line.source == ORACLE]
        oracle = truths[-1].observed if truths else None
        links = tuple(
            _link(stage, at_stage, oracle)
            for stage in Stage
            if (at_stage := [line for line in (*common, *own) if line.stage is stage])
        )
        yield DoraChain(scenario.name, finding.expectation, subject, oracle, links)


def _key(line: Observation) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(line.subject.items()))


def _link(stage: Stage, lines: list[Observation], oracle: Json) -> ChainLink:
    """The first line that is wrong; else one that shows the value itself, rather than a bound of it."""
    wrong = [line for line in lines if not line.ok]
    exact = [line for line in lines if line.observed == oracle]
    chosen = (*wrong, *exact, *lines)[0]
    return ChainLink(stage, chosen.observed, not wrong, chosen.source)


def _gravity(chain: DoraChain) -> tuple[float, float]:
    """Sorts: the stage where it breaks, then how far off it is there; whole chains last, as they came."""
    if chain.broken is None:
        return math.inf, 0.0
    return list(Stage).index(chain.broken.stage), -_relative_error(chain.oracle, chain.broken.value)


def _relative_error(expected: Json, observed: Json) -> float:
    """0 for the same, infinite where one is no number or is missing."""
    if expected == observed:
        return 0.0
    for value in (expected, observed):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return math.inf
    return abs(observed - expected) / abs(expected) if expected else math.inf
