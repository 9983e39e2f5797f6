"""Wrong ports. Each is `oracle.promql` with one text in it replaced, and must be told from Prometheus.

They are the mistakes that a port makes: another comparison, a step left out, an order changed, an older version.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Final

from fawkes.harness.oracle import promql
from fawkes.harness.oracle.promql_proof.comparison import TOLERANCE, Compared, compare
from fawkes.harness.oracle.promql_proof.live import Answers
from fawkes.harness.oracle.promql_proof.questions import Kind, Port, Question


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake, and on what kind of question it must show."""

    name: str
    kind: Kind
    old: str
    new: str

    def module(self) -> ModuleType:
        """The wrong port. Raises ValueError when the text to replace isn't there exactly once."""
        source = inspect.getsource(promql)
        if (times := source.count(self.old)) != 1:
            raise ValueError(f"mutant {self.name!r}: {self.old!r} is {times} times in oracle/promql.py; adapt it")
        wrong = ModuleType(f"{promql.__name__} with {self.name}")
        exec(compile(source.replace(self.old, self.new), wrong.__name__, "exec"), wrong.__dict__)
        return wrong


@dataclass(frozen=True, slots=True)
class Noticed:
    """The first disagreement of a wrong port, and after how many comparisons it came."""

    at: Compared
    after: int


_CLAMP: Final = """    if to_start_s >= threshold_s:
        to_start_s = average_s / 2
    if grown > 0 and first >= 0:
        to_start_s = min(to_start_s, sampled_s * (first / grown))
"""
_CLAMP_FIRST: Final = """    if grown > 0 and first >= 0:
        to_start_s = min(to_start_s, sampled_s * (first / grown))
    if to_start_s >= threshold_s:
        to_start_s = average_s / 2
"""

MUTANTS: Final = (
    Mutant("threshold 1.0", "range", "_THRESHOLD = 1.1", "_THRESHOLD = 1.0"),
    Mutant("threshold 1.2", "range", "_THRESHOLD = 1.1", "_THRESHOLD = 1.2"),
    Mutant("window closed on the left", "range", "if start_ms < (", "if start_ms <= ("),
    Mutant("window open on the right", "range", "<= end_ms]", "< end_ms]"),
    Mutant("time cut to seconds", "range", "(t_ms := round(t * 1000))", "(t_ms := int(t) * 1000)"),
    Mutant("three samples needed", "range", "len(window) < 2", "len(window) < 3"),
    Mutant("resets not added back", "range", "        if after < before:\n", "        if False:\n"),
    Mutant("a pause is a reset", "range", "        if after < before:\n", "        if after <= before:\n"),
    Mutant("reset adds what comes after", "range", "grown += before", "grown += after"),
    Mutant("average over samples, not gaps", "range", "/ (len(window) - 1)", "/ len(window)"),
    Mutant("start threshold exclusive", "range", "to_start_s >= threshold_s", "to_start_s > threshold_s"),
    Mutant("end threshold exclusive", "range", "to_end_s >= threshold_s", "to_end_s > threshold_s"),
    Mutant("a whole gap before the start", "range", "to_start_s = average_s / 2", "to_start_s = average_s"),
    Mutant("a whole gap behind the end", "range", "to_end_s = average_s / 2", "to_end_s = average_s"),
    Mutant("no zero clamp", "range", "if grown > 0 and first >= 0:", "if False:"),
    Mutant("zero clamp below zero", "range", "grown > 0 and first >= 0", "grown > 0"),
    Mutant("zero clamp before the threshold", "range", _CLAMP, _CLAMP_FIRST),
    Mutant("no extrapolation at the end", "range", "to_start_s + to_end_s)", "to_start_s)"),
    Mutant("rate per sampled second", "range", "factor /= range_s", "factor /= sampled_s"),
    Mutant("rate is not per second", "range", "        factor /= range_s\n", "        pass\n"),
    Mutant("q outside comes last", "quantile", "math.copysign(math.inf, q)", "math.nan"),
    Mutant("+Inf not needed", "quantile", " or bounds[-1] != math.inf:\n        return", ":\n        return"),
    Mutant("no observation is 0", "quantile", "if counts[-1] else math.nan", "if counts[-1] else 0.0"),
    Mutant("rank exclusive", "quantile", "count >= rank", "count > rank"),
    Mutant("+Inf bucket is infinite", "quantile", "return bounds[-2]\n    if b", "return bounds[-1]\n    if b"),
    Mutant("lowest bucket has no width", "quantile", "else (0.0, 0.0)", "else (bounds[0], 0.0)"),
    Mutant("negative lowest bound interpolated", "quantile", "if b == 0 and bounds[0] <= 0:", "if False:"),
    Mutant("upper bound, not interpolated", "quantile", "* (rank / inside)", "* 1.0"),
    Mutant("0/0 is the lower bound", "quantile", "math.nan\n    return low", "low\n    return low"),
    Mutant("falling counts kept", "quantile", "count < before or _almost", "_almost"),
    Mutant("rounding differences kept", "quantile", "count < before or _almost_equal(before, count)", "count < before"),
    Mutant("the last spelling wins", "quantile", "buckets[bound] + count if bound in buckets else count", "count"),
    Mutant("sum keeps the first only", "joined", "        total = after\n", "        pass\n"),
    Mutant("minimum for maximum", "joined", "largest < value", "largest > value"),
    Mutant("no part, no ratio", "joined", "(0 * whole if part is None else part) / whole", "part and part / whole"),
    Mutant("no guard", "joined", "if whole is None or not whole > 0:", "if not whole:"),
)


def notice(
    mutant: Mutant, questions: Sequence[Question], answers: Mapping[str, Answers], *, keys_max: int
) -> Noticed | None:
    """Where a wrong port first disagrees, on the first `keys_max` elements of each question; None: nowhere."""
    port, after = Port(mutant.module()), 0
    for question in questions:
        if question.kind != mutant.kind:
            continue
        for one in compare(question, answers[question.expr], port, list(question.elements)[:keys_max]):
            after += 1
            if one.error > TOLERANCE:
                return Noticed(one, after)
    return None
