"""A series as PromQL selects it, and as an exposition shows it: its name and labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def selector(metric: str, labels: Mapping[str, str]) -> str:
    """`metric{name="value",...}` with the values escaped, in the same way for PromQL and the text format."""
    pairs = (f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
    return f"{metric}{{{','.join(pairs)}}}"


def narrowed(written: str, labels: Mapping[str, str]) -> str:
    """A selector as someone wrote it, with `labels` required beside its own matchers."""
    own = written.removesuffix("}") if written.endswith("}") else f"{written}{{"
    more = selector("", labels)[1:-1]
    return f"{own}{',' if more and not own.endswith('{') else ''}{more}}}"
