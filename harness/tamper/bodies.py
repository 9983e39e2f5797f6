"""Edits of what passes through: pure functions of a body."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

# A sample's line in both text formats: name, label set (values may hold braces, spaces, escaped quotes), value, rest.
_SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[^"}]|"(?:\\.|[^"\\])*")*\})?([ \t]+)(\S+)(.*)$', re.MULTILINE)


def zero_samples(exposition: str, names: re.Pattern[str]) -> str:
    """`exposition` with the value 0 for every sample whose whole name matches. Labels and time stamps stay."""

    def edit(match: re.Match[str]) -> str:
        name, labels, space, _, rest = match.groups(default="")
        return f"{name}{labels}{space}0{rest}" if names.fullmatch(name) else match[0]

    return _SAMPLE.sub(edit, exposition)


def corrupt_answer(body: bytes) -> bytes:
    """A Prometheus API answer with every sample value changed: scalars, vectors and matrices. Anything else as it is.

    Time stamps, labels and native histograms stay.
    """
    try:
        answer = json.loads(body)
        data = answer["data"]
        kind, result = data["resultType"], data["result"]
    except (ValueError, KeyError, TypeError):
        return body
    if kind == "scalar":
        _corrupt_sample(result)
    elif kind in ("vector", "matrix"):
        for series in result:
            for sample in [series["value"]] if "value" in series else series.get("values", []):
                _corrupt_sample(sample)
    return json.dumps(answer, separators=(",", ":")).encode()


def replaced(body: bytes, texts: Mapping[str, str]) -> bytes:
    """`body` with each text replaced, wherever it stands."""
    for text, other in texts.items():
        body = body.replace(text.encode(), other.encode())
    return body


def _corrupt_sample(sample: list[Any]) -> None:
    value = float(sample[1])
    # Adding the value to itself, and at least 1, changes every finite number; one more alone is lost above 2**53.
    changed = value + max(1.0, abs(value)) if math.isfinite(value) else 0.0
    sample[1] = repr(int(changed)) if changed.is_integer() else repr(changed)
