"""How a run came out, in the words that every report uses."""

from __future__ import annotations

import enum
from collections.abc import Iterator

from fawkes.harness.model import Finding, RunResult, ScenarioResult, Verdict


class Outcome(enum.StrEnum):
    """A scenario's verdict, or that it was skipped. The order is the order of counting them up."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    SKIPPED = "skipped"

    @classmethod
    def of(cls, scenario: ScenarioResult) -> Outcome:
        """SKIPPED wins over the verdict: a scenario that did not run has proved nothing."""
        return cls.SKIPPED if scenario.skipped is not None else cls(scenario.verdict.name.lower())


def tally(result: RunResult) -> dict[Outcome, int]:
    """Number of scenarios per outcome; every outcome is present."""
    outcomes = [Outcome.of(scenario) for scenario in result.scenarios]
    return {outcome: outcomes.count(outcome) for outcome in Outcome}


def counts(result: RunResult) -> str:
    """`5 scenarios: 4 pass, 1 fail, 0 inconclusive, 0 skipped`."""
    parts = ", ".join(f"{count} {outcome}" for outcome, count in tally(result).items())
    return f"{_scenarios(len(result.scenarios))}: {parts}"


def headline(result: RunResult) -> str:
    """The run's verdict in one sentence for somebody who has to decide."""
    count, total = tally(result), len(result.scenarios)
    skipped = f", {count[Outcome.SKIPPED]} skipped" if count[Outcome.SKIPPED] else ""
    if total == count[Outcome.SKIPPED]:
        return f"No scenario ran{skipped}, so nothing was proved."
    if result.verdict is Verdict.PASS:
        passed = f"{count[Outcome.PASS]} of {_scenarios(total)}" if skipped else f"All {_scenarios(total)}"
        return f"{passed} passed{skipped}."
    unclear = count[Outcome.INCONCLUSIVE]
    if result.verdict is Verdict.INCONCLUSIVE:
        return f"Nothing failed, but {unclear} of {_scenarios(total)} could not be judged{skipped}. This is not a pass."
    also = f", {unclear} could not be judged" if unclear else ""
    return f"{count[Outcome.FAIL]} of {_scenarios(total)} failed{also}{skipped}."


def mutant_note(result: RunResult) -> str:
    """What a reader must know about a run with a mutant; empty without one."""
    if result.mutant is None:
        return ""
    return f"The platform was broken on purpose (mutant {result.mutant}): a FAIL shows that the harness notices it."


def where_it_broke(finding: Finding) -> str:
    """The stage of a finding that is not PASS, as a sentence; empty when the check named none."""
    if finding.stage is None or finding.verdict is Verdict.PASS:
        return ""
    if finding.verdict is Verdict.FAIL:
        return f"The chain breaks at {finding.stage}."
    return f"Not judged: trouble at {finding.stage}."


def troubles(result: RunResult) -> Iterator[tuple[ScenarioResult, Finding]]:
    """Every finding that is not PASS, the failed ones first, else in the order of the run."""
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        for scenario in result.scenarios:
            yield from ((scenario, finding) for finding in scenario.findings if finding.verdict is verdict)


def worst_first(result: RunResult) -> list[ScenarioResult]:
    """The scenarios failed first, then not judged, skipped, passed; within each in the order of the run."""
    order = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.SKIPPED, Outcome.PASS)
    return sorted(result.scenarios, key=lambda scenario: order.index(Outcome.of(scenario)))


def verdict_beyond_findings(scenario: ScenarioResult) -> str:
    """Why a scenario's verdict is worse than its findings; empty when they explain it, and for skipped ones."""
    if scenario.skipped is not None:
        return ""
    if not scenario.findings:
        return "No expectation was judged." if scenario.verdict is not Verdict.PASS else ""
    if scenario.verdict <= Verdict.worst(finding.verdict for finding in scenario.findings):
        return ""
    return f"The scenario as a whole is {scenario.verdict.name}, though each of its expectations fared better."


def _scenarios(count: int) -> str:
    return f"{count} scenario" if count == 1 else f"{count} scenarios"
