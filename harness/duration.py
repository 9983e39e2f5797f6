"""Durations in Prometheus' own notation ("1m30s", "250ms", "30d"), as seconds."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

# Units and their order as in Prometheus' configuration documentation; a year is 365 days there.
_UNIT_S = {"y": 365 * 86400.0, "w": 7 * 86400.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PATTERN = "".join(rf"(?:(\d+){unit})?" for unit in _UNIT_S)
_DURATION = re.compile(rf"^{_PATTERN}$")


def parse_duration_s(text: object) -> float:
    """Seconds of "5m", "1h30m", "0s". Raises ValueError that shows the accepted form."""
    match = _DURATION.match(text) if isinstance(text, str) and text else None
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write a number with a unit, like 250ms, 15s, 5m, 1h30m or 30d")
    return sum(int(n) * unit_s for n, unit_s in zip(match.groups(), _UNIT_S.values(), strict=True) if n)


def format_duration(seconds: float) -> str:
    """The shortest exact notation, e.g. 90 -> "1m30s", 0.25 -> "250ms". Rounds to whole milliseconds."""
    left_ms = round(seconds * 1000)
    if left_ms == 0:
        return "0s"
    text = ""
    for unit, unit_s in _UNIT_S.items():
        count, left_ms = divmod(left_ms, round(unit_s * 1000))
        text += f"{count}{unit}" if count else ""
    return text


DurationS = Annotated[
    float,
    BeforeValidator(parse_duration_s),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": f"^{_PATTERN}$", "examples": ["250ms", "15s", "5m", "30d"]}),
]
"""A pydantic field that holds seconds; it reads Prometheus' notation, and writes it in JSON."""
