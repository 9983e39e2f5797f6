"""What a rule's expression returns on given samples: the part of PromQL that the platform's alerts are written in.

Instant selectors, increase, rate, absent, arithmetic, filtering comparisons, and, or, unless; vectors are matched on
all labels but the name. Everything else is refused when the expression is read. Semantics from Prometheus 3.13.5
(promql/engine.go): a selector takes the last sample at most five minutes old and nothing behind a stale marker, a range
holds no stale markers, comparisons drop what does not hold, arithmetic and functions drop the name.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import promql_parser as promql

from fawkes.harness.errors import UsageError
from fawkes.harness.oracle.promql import increase, rate

LOOKBACK_S: Final = 300.0
"""`--query.lookback-delta`, which the platform leaves at its default."""

Labels = Mapping[str, str]
Key = tuple[tuple[str, str], ...]
"""Labels without the name, sorted: what vectors are matched on."""
Vector = dict[Key, tuple[Labels, float]]


@dataclass(frozen=True, slots=True)
class InputSeries:
    """A series as a rule sees it: labels with `__name__`, and (seconds, value) in order of time; None: stale marker."""

    labels: Labels
    samples: Sequence[tuple[float, float | None]]


def key_of(labels: Labels) -> Key:
    return tuple(sorted((name, value) for name, value in labels.items() if name != "__name__"))


class Expression:
    """One expression, read once and evaluated many times. UsageError for what is not covered here."""

    def __init__(self, text: str) -> None:
        try:
            self._parsed = promql.parse(text)
        except ValueError as error:
            raise UsageError(f"{text!r} is not PromQL: {error}; correct it") from error
        self._selectors: dict[str, None] = {}
        promql.walk(self._parsed, self._note)

    def selectors(self) -> list[str]:
        """The instant selectors in it, each once, in its order."""
        return list(self._selectors)

    def at(self, series: Sequence[InputSeries], at_s: float) -> Vector:
        """The vector it returns at `at_s`; a number becomes a vector with one element without labels."""
        value = _evaluate(self._parsed, series, at_s)
        return value if isinstance(value, dict) else {(): ({}, value)}

    def _note(self, node: Any) -> None:
        if isinstance(node, promql.VectorSelector):
            self._selectors[node.prettify()] = None
        if (reason := _not_covered(node)) is not None:
            raise UsageError(f"the oracle does not know {reason}; write the rule without it, or teach it the oracle")


def _not_covered(node: Any) -> str | None:
    match node:
        case promql.VectorSelector():
            return "offset, @ and alternative matchers" if node.offset or node.at or node.matchers.or_matchers else None
        case promql.Call():
            return None if node.func.name in ("increase", "rate", "absent") else f"{node.func.name}()"
        case promql.BinaryExpr():
            plain = node.modifier is None or (node.modifier.matching is None and not node.modifier.return_bool)
            known = str(node.op) in _ARITHMETIC | _COMPARISONS.keys() | _SETS
            return None if plain and known else f"{node.op} with these modifiers"
        case promql.NumberLiteral() | promql.ParenExpr() | promql.MatrixSelector():
            return None
    return type(node).__name__


def _divided(a: float, b: float) -> float:
    """As Go divides doubles."""
    if b != 0:
        return a / b
    return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1.0, b)


_ARITHMETIC: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
}
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_SETS: Final = {"and", "or", "unless"}


def _evaluate(node: Any, series: Sequence[InputSeries], at_s: float) -> Vector | float:
    match node:
        case promql.NumberLiteral():
            return float(node.val)
        case promql.ParenExpr():
            return _evaluate(node.expr, series, at_s)
        case promql.VectorSelector():
            return _selected(node, series, at_s)
        case promql.Call():
            return _called(node, series, at_s)
    return _combined(str(node.op), _evaluate(node.lhs, series, at_s), _evaluate(node.rhs, series, at_s))


def _selected(node: Any, series: Sequence[InputSeries], at_s: float) -> Vector:
    found: Vector = {}
    for one in series:
        if _matches(node, one.labels):
            latest = next((sample for sample in reversed(one.samples) if sample[0] <= at_s), None)
            if latest is not None and latest[1] is not None and latest[0] > at_s - LOOKBACK_S:
                found[key_of(one.labels)] = (one.labels, latest[1])
    return found


def _called(node: Any, series: Sequence[InputSeries], at_s: float) -> Vector:
    (argument,) = node.args
    if node.func.name == "absent":
        labels = _equalities(argument) if isinstance(argument, promql.VectorSelector) else {}
        return {} if _evaluate(argument, series, at_s) else {key_of(labels): (labels, 1.0)}
    compute = {"increase": increase, "rate": rate}[node.func.name]
    range_s = argument.range / timedelta(seconds=1)
    found: Vector = {}
    for one in series:
        if _matches(argument.vector_selector, one.labels):
            known = [(t_s, value) for t_s, value in one.samples if value is not None and t_s <= at_s]
            if (value := compute(known, at_s=at_s, range_s=range_s)) is not None:
                found[key_of(one.labels)] = (dict(key_of(one.labels)), value)
    return found


def _combined(op: str, left: Vector | float, right: Vector | float) -> Vector | float:
    if isinstance(left, float) and isinstance(right, float):
        if op not in _ARITHMETIC:
            raise UsageError(f"two numbers can't be compared with {op} in a rule; compare a vector")
        return _ARITHMETIC[op](left, right)
    if op in _SETS:
        return _set_operation(op, _vector(left), _vector(right))
    keys = _vector(left).keys() & _vector(right).keys() if isinstance(left, dict) and isinstance(right, dict) else None
    result: Vector = {}
    for key, (labels, _) in (left if isinstance(left, dict) else _vector(right)).items():
        if keys is not None and key not in keys:
            continue
        a, b = (side if isinstance(side, float) else side[key][1] for side in (left, right))
        if op in _ARITHMETIC:
            result[key] = (dict(key), _ARITHMETIC[op](a, b))
        elif _COMPARISONS[op](a, b):
            result[key] = (labels, a if isinstance(left, dict) else b)
    return result


def _set_operation(op: str, left: Vector, right: Vector) -> Vector:
    if op == "or":
        return right | left
    return {key: element for key, element in left.items() if (key in right) == (op == "and")}


def _vector(value: Vector | float) -> Vector:
    if isinstance(value, float):
        raise UsageError("and, or and unless take vectors, not numbers; correct the rule")
    return value


def _matches(node: Any, labels: Labels) -> bool:
    if node.name is not None and labels.get("__name__") != node.name:
        return False
    return all(_holds(matcher, labels.get(matcher.name, "")) for matcher in node.matchers.matchers)


def _holds(matcher: Any, value: str) -> bool:
    if matcher.op in (promql.MatchOp.Equal, promql.MatchOp.NotEqual):
        return bool((matcher.op == promql.MatchOp.Equal) == (value == matcher.value))
    # RE2 and Python read the alternations and classes of label matchers alike; both are anchored.
    return bool((matcher.op == promql.MatchOp.Re) == bool(re.fullmatch(matcher.value, value)))


def _equalities(node: Any) -> dict[str, str]:
    """The labels that absent() gives its result: those with one matcher, and that an equality."""
    names = [matcher.name for matcher in node.matchers.matchers]
    return {
        matcher.name: matcher.value
        for matcher in node.matchers.matchers
        if matcher.op == promql.MatchOp.Equal and names.count(matcher.name) == 1
    }
