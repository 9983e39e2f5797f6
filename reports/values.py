"""Values of findings as people read them: numbers, durations, sizes, and expected beside observed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fawkes.harness.model import Json, Tolerance
from fawkes.reports.printable import one_line, printable

ABSENT = "absent"
"""How a missing value reads. It is never shown as 0."""


@dataclass(frozen=True, slots=True)
class Row:
    """One value of an expectation: what it is called, expected, observed, and observed minus expected."""

    label: str
    expected: Json
    observed: Json
    difference: str
    """Of two numbers; where two texts or lists part, e.g. `from [3]` (counted from 0); else empty."""


def number(value: float, digits: int = 12) -> str:
    """A number with that many significant digits: more than 12 show the binary rounding of, say, 0.1 + 0.2."""
    return str(value) if isinstance(value, int) else f"{value:.{digits}g}"


def show(value: Json, digits: int = 12) -> str:
    """A JSON value on one line: text bare, numbers by `number`, mappings by sorted key, null as `absent`."""
    return printable(_compact(value, digits))


def indented(value: Json) -> str:
    """A JSON value over several lines, for values that are too long for a table cell."""
    if isinstance(value, str):
        return printable(value)
    return printable(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False))


def seconds(value: float) -> str:
    """A duration with its unit: `0.25 s`, `12.5 s`, `11 min 5 s`."""
    if not math.isfinite(value) or abs(value) < 1:
        return f"{value:.3g} s"
    if value < 600:  # under ten minutes the tenths are worth reading
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s"


def size(value: float) -> str:
    """Bytes in binary units: `512 B`, `1.5 MiB`, `23.4 GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def instant(unix_s: float) -> str:
    """A wall-clock instant in UTC, or `unknown` for what is not one."""
    try:
        return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return "unknown"


def fact(name: str, value: Json) -> str:
    """One entry of the machine or git description; names that end in `_bytes` are shown as sizes."""
    is_size = name.endswith("_bytes") and isinstance(value, int | float) and not isinstance(value, bool)
    return size(value) if is_size else show(value)


def allowance(tolerance: Tolerance) -> str:
    """How far observed may be from expected, e.g. `± 0.5 s`."""
    return f"± {number(tolerance.value)} {one_line(tolerance.unit)}".rstrip()


def rows(expected: Json, observed: Json) -> tuple[Row, ...]:
    """Expected beside observed, one row per leaf of the two mappings (`p50`, `teams.red.cfr`), sorted by name.

    Values that are no mappings give a single row with an empty label.
    """
    sides = [value for value in (expected, observed) if value is not None and value != {}]
    if not sides or not all(isinstance(value, Mapping) for value in sides):
        return (Row("", expected, observed, _difference(expected, observed)),)
    left, right = _leaves(expected), _leaves(observed)
    labels = {*left, *right}
    groups = {label[:at] for label in labels for at, char in enumerate(label) if char == "."}
    made = []
    for label in sorted(labels):
        one, other = left.get(label), right.get(label)
        if one is not None or other is not None or label not in groups:  # an absent group is told by its members
            made.append(Row(label, one, other, _difference(one, other)))
    return tuple(made)


def _leaves(value: Json, prefix: str = "") -> dict[str, Json]:
    """Dotted name -> leaf. An empty mapping is a leaf, but the outermost one has no leaves."""
    if not isinstance(value, Mapping) or not value:
        return {prefix: value} if prefix else {}
    found: dict[str, Json] = {}
    for key, item in value.items():
        found |= _leaves(item, f"{prefix}.{key}" if prefix else str(key))
    return found


def _difference(expected: Json, observed: Json) -> str:
    if isinstance(expected, str | list) and type(expected) is type(observed):
        return "" if expected == observed else f"from [{_parting(expected, observed)}]"
    for value in (expected, observed):
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            return ""
    difference = observed - expected
    return "0" if difference == 0 else f"{difference:+.6g}"


def _parting(one: str | list[Json], other: str | list[Json]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (left, right) in pairs if left != right), min(len(one), len(other)))


def _compact(value: Any, digits: int) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_compact(value[key], digits)}" for key in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_compact(item, digits) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number(value, digits)
    return ABSENT if value is None else str(value)
