"""Changes the durations inside a PromQL expression (ranges, offsets, steps) by a parser, never by regex."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import promql_parser as promql

from fawkes.harness.duration import format_duration
from fawkes.harness.errors import HarnessError, UsageError

_CLOCK_FUNCTIONS: Final = {
    *("rate", "irate", "deriv", "predict_linear", "double_exponential_smoothing", "time", "timestamp"),
    *("minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year"),
}
"""Functions whose value depends on how fast the clock runs: per-second rates and readings of the clock."""


def map_durations(expr: str, change: Callable[[float], float]) -> str:
    """`expr` with every duration, in seconds, replaced by `change` of it; offsets may be negative.

    Untouched where there is none, otherwise in the parser's own layout.

    The result is parsed again and, with the old durations put back, must be the expression it came from.
    UsageError if `expr` isn't PromQL. HarnessError if that check fails: then the rewriting has a defect.
    """
    parsed = _parse(expr)
    before: list[float] = []

    def noting(duration_s: float) -> float:
        before.append(duration_s)
        return change(duration_s)

    changed = _rewrite(parsed, noting)
    if not before:
        return expr
    originals = iter(before)
    restored = _rewrite(_parse(changed), lambda _: next(originals, float("nan")))
    if restored != parsed.prettify() or next(originals, None) is not None:
        raise HarnessError(
            f"rewriting the durations of {expr!r} gave {changed!r}, which is another expression; "
            "run this rule on the true clock and report the expression"
        )
    return changed


def clock_functions(expr: str) -> list[str]:
    """Names of the functions in `expr` whose value depends on the speed of the clock, sorted."""
    found: set[str] = set()

    def note(node: Any) -> None:
        if isinstance(node, promql.Call) and node.func.name in _CLOCK_FUNCTIONS:
            found.add(node.func.name)

    promql.walk(_parse(expr), note)
    return sorted(found)


def _parse(expr: str) -> Any:
    try:
        return promql.parse(expr)
    except ValueError as error:
        raise UsageError(f"{expr!r} is not a PromQL expression this parser understands: {error}; correct it") from error


def _rewrite(parsed: Any, change: Callable[[float], float]) -> str:
    """Children come before their parents, and a selector's offset before the range around it, so that each duration is
    met once and in the same order every time."""

    def post(node: Any) -> Any:
        if isinstance(node, promql.VectorSelector):
            return _with_offset(node, node.offset, node.prettify(), change)
        if isinstance(node, promql.MatrixSelector):
            inner = node.vector_selector
            return _with_range(node, f"[{_written(node.range)}]", f"[{_scaled(node.range, change)}]", inner)
        if isinstance(node, promql.SubqueryExpr):
            old = [_written(one) if one is not None else "" for one in (node.range, node.step)]
            new = [_scaled(one, change) if one is not None else "" for one in (node.range, node.step)]
            ranged = _with_range(node, f"[{':'.join(old)}]", f"[{':'.join(new)}]", node)
            return _with_offset(ranged, node.offset, ranged.prettify(), change)
        return None

    return str(promql.transform(parsed, None, post).prettify())


def _with_offset(node: Any, offset: timedelta | None, text: str, change: Callable[[float], float]) -> Any:
    if not offset:
        return node
    return _parse(_swap(text, f" offset {_written(offset)}", f" offset {_scaled(offset, change)}", ""))


def _with_range(node: Any, old: str, new: str, holder: Any) -> Any:
    """`node` with its bracket changed. `holder` carries the modifiers that stand behind the bracket."""
    text = str(node.prettify())
    offset = f" offset {_written(holder.offset)}" if holder.offset else ""
    # An @ modifier is the last thing before the offset, so its last occurrence is the modifier itself.
    at = text[text.rindex(" @ ") : len(text) - len(offset)] if holder.at is not None else ""
    return _parse(_swap(text, old, new, at + offset))


def _swap(text: str, old: str, new: str, behind: str) -> str:
    if not text.endswith(old + behind):
        raise HarnessError(f"{text!r} does not end in {old + behind!r} as its parsed form says; report the expression")
    return text.removesuffix(old + behind) + new + behind


def _written(duration: timedelta) -> str:
    """As the parser itself writes it."""
    sign = "-" if duration < timedelta(0) else ""
    return sign + str(promql.display_duration(abs(duration)))


def _scaled(duration: timedelta, change: Callable[[float], float]) -> str:
    changed_s = change(duration / timedelta(seconds=1))
    return ("-" if changed_s < 0 else "") + format_duration(abs(changed_s))
