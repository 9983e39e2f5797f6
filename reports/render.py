"""All reports of a run at once."""

from __future__ import annotations

from fawkes.harness.model import RunResult
from fawkes.reports.html import html
from fawkes.reports.junit import junit
from fawkes.reports.markdown import markdown


def render_all(result: RunResult) -> dict[str, str]:
    """File name -> text, to be written as UTF-8. The same result gives the same bytes."""
    return {"junit.xml": junit(result), "report.md": markdown(result), "report.html": html(result)}
