"""The verdict on answers counted kind by kind: each kind must have come, and all of it be answered rightly."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, Observation, Stage, Tolerance, Verdict


def judge_answers(
    expect: Expectation,
    kinds: Sequence[Observation],
    tolerance: Tolerance,
    *,
    failed: Callable[[Observation], str],
    passed: str,
) -> Finding:
    """Of each kind `expected` is how many were sent, `observed` how many of them were answered rightly.

    FAIL at `event` for the first wrong kind, told by `failed`; INCONCLUSIVE when one never came.
    """
    wrong = [kind for kind in kinds if not kind.ok]
    missing = [kind for kind in kinds if not kind.expected]
    if wrong:
        verdict, stage, reason = Verdict.FAIL, Stage.EVENT, failed(wrong[0])
    elif missing:
        verdict, stage = Verdict.INCONCLUSIVE, Stage.HARNESS
        reason = f"the workload made no {missing[0].source}, so nothing is known of them"
    else:
        verdict, stage, reason = Verdict.PASS, None, passed
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=verdict,
        expected=sum(kind.expected for kind in kinds),
        observed=sum(kind.observed for kind in kinds),
        reason=reason,
        stage=stage,
        tolerance=tolerance,
        evidence=tuple(kinds),
    )
