"""The reports there are, and all of a run at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from fawkes.harness.model import RunResult
from fawkes.reports.html import html
from fawkes.reports.junit import junit
from fawkes.reports.markdown import markdown

RENDERERS: Final[Mapping[str, tuple[str, Callable[[RunResult], str]]]] = {
    "junit": ("junit.xml", junit),
    "markdown": ("report.md", markdown),
    "html": ("report.html", html),
}
"""Format -> the file's name in a run directory, and what makes it."""


def render_all(result: RunResult) -> dict[str, str]:
    """File name -> text, to be written as UTF-8. The same result gives the same bytes."""
    return {name: render(result) for name, render in RENDERERS.values()}
