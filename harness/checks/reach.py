"""Who reaches whom: from a pod that knocks at addresses, and from Prometheus, which scrapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from pydantic import Field

from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Json, Observation, Stage, Verdict

KNOCKED: Final = "knocked"
"""Kind of record: `{expectation, pod, rounds}`, the last rounds of a pod that knocks (fawkes.harness.knock)."""
ROUNDS: Final = 5
"""So many in a row must say the same: a connection may be lost, and a policy needs a second for a new pod."""


class ReachExpectation(Expectation):
    """A pod reaches some addresses and does not reach others."""

    check: Literal["reach"] = "reach"
    pod: str = Field(description="NAMESPACE/NAME of a pod that runs fawkes.harness.knock.")
    reached: tuple[str, ...] = Field(
        min_length=1, description="HOST:PORT that it must reach, or its silence is its own."
    )
    not_reached: tuple[str, ...] = Field(min_length=1, description="HOST:PORT that it must not reach.")


class TargetsExpectation(Expectation):
    """Every target that a Prometheus has found answers it, and those of certain jobs are among them."""

    check: Literal["targets"] = "targets"
    app: str = Field(default="prometheus-core", description="The Prometheus.")
    jobs: tuple[str, ...] = Field(min_length=1, description="Jobs of which it must have targets.")


def check_reach(expect: ReachExpectation, history: History) -> Finding:
    """FAIL at `part` when an address that must not be reached is, in any of the last rounds.

    INCONCLUSIVE when there are too few rounds, a name is not known, or the pod doesn't reach what it must.
    """
    rounds = [r for record in history.of(KNOCKED, expectation=expect.name) for r in record.data["rounds"]][-ROUNDS:]
    if len(rounds) < ROUNDS:
        return _finding(expect, Verdict.INCONCLUSIVE, f"{expect.pod} has knocked {len(rounds)} times", ())
    lines = list(_lines(expect, rounds))
    if (trouble := _trouble(lines)) is not None:
        return _finding(expect, Verdict.INCONCLUSIVE, trouble, lines)
    open_doors = [line.note for line in lines if not line.ok]
    if open_doors:
        reason = f"{expect.pod} reaches {', '.join(open_doors)}, which should be closed to it"
        return _finding(expect, Verdict.FAIL, reason, lines, Stage.PART)
    reason = f"{expect.pod} reaches {', '.join(expect.reached)}, and not {', '.join(expect.not_reached)}"
    return _finding(expect, Verdict.PASS, reason, lines)


def check_targets(expect: TargetsExpectation, history: History) -> Finding:
    """FAIL at `prometheus` when a target does not answer, or a job has none. INCONCLUSIVE without an answer."""
    asked = history.of("value", expectation=expect.name, stage=Stage.PROMETHEUS.value)
    if not asked or any(record.data["value"] is None for record in asked):
        return _finding(expect, Verdict.INCONCLUSIVE, f"{expect.app} gave no answer", ())
    lines = [line for record in asked for line in _targets(expect, record.data["source"], record.data["value"])]
    wrong = next((line for line in lines if not line.ok), None)
    if wrong is not None:
        reason = f"{wrong.source}: {wrong.note}: {', '.join(map(str, wrong.observed))}"
        return _finding(expect, Verdict.FAIL, reason, lines, Stage.PROMETHEUS)
    count = max(len(record.data["value"]) for record in asked)
    return _finding(expect, Verdict.PASS, f"all {count} targets answer every replica", lines)


def _lines(expect: ReachExpectation, rounds: Sequence[Mapping[str, Json]]) -> Iterator[Observation]:
    for wanted, addresses in ((True, expect.reached), (False, expect.not_reached)):
        for address in addresses:
            seen = [one["reached"].get(address) for one in rounds]
            yield Observation(Stage.PART, expect.pod, [wanted] * ROUNDS, seen, set(seen) == {wanted}, address)


def _trouble(lines: Sequence[Observation]) -> str | None:
    for line in lines:
        if None in line.observed:
            return f"{line.source} knows no {line.note}"
        if True in line.expected and not line.ok:
            return f"{line.source} does not reach {line.note}, which everybody may: its silence says nothing"
    return None


def _targets(expect: TargetsExpectation, part: str, found: Sequence[Mapping[str, Json]]) -> Iterator[Observation]:
    down = [f"{one['labels'].get('job')} {one['labels'].get('instance')}" for one in found if one["value"] != 1]
    yield Observation(Stage.PROMETHEUS, part, [], down, not down, "targets that do not answer")
    missing = sorted(set(expect.jobs) - {one["labels"].get("job") for one in found})
    yield Observation(Stage.PROMETHEUS, part, [], missing, not missing, "jobs without a target")


def _finding(
    expect: Expectation, verdict: Verdict, reason: str, lines: Sequence[Observation], stage: Stage | None = None
) -> Finding:
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=verdict,
        expected=[line.note for line in lines],
        observed=[line.observed for line in lines],
        reason=reason,
        stage=Stage.HARNESS if verdict is Verdict.INCONCLUSIVE else stage,
        evidence=tuple(lines),
    )
