"""One self-contained HTML page: works from disk, needs no network and no JavaScript, prints.

The templates draw; what is drawn is computed in values, outcome, stages and timeline. Everything is escaped by
Jinja2, and a content security policy keeps the browser from loading or running anything that is not in the file.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fawkes.harness.model import RunResult, Verdict
from fawkes.reports import outcome, stages, timeline, values
from fawkes.reports.printable import one_line, printable, shortened

_TEMPLATES = Path(__file__).parent / "templates"
_INLINE_MAX = 120
"""Characters of a value shown at once; a longer one unfolds."""
_VALUE_MAX = 20_000
"""Characters of one unfolded value. What is longer is read in result.json; a browser must not choke on it."""
_MARKS_MAX = 500
"""Rows of a timeline's table, for the same reason; history.jsonl has them all."""


def html(result: RunResult) -> str:
    """The text of report.html."""
    style, script = _asset("style.css"), _asset("script.js")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            result=result,
            outcome_of=outcome.Outcome.of,
            tally=outcome.tally(result),
            counts=outcome.counts(result),
            headline=outcome.headline(result),
            mutant_note=outcome.mutant_note(result),
            troubles=list(outcome.troubles(result)),
            unexplained=[s for s in result.scenarios if outcome.verdict_beyond_findings(s)],
            anchors=_anchors(result),
            wall_s=sum(scenario.timing.wall_s for scenario in result.scenarios),
            wall_max_s=max((scenario.timing.wall_s for scenario in result.scenarios), default=0.0),
            style=Markup(style),
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


def _asset(name: str) -> str:
    """A file of ours that goes into the page as it is."""
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_finalize,
    )
    environment.filters |= {
        "show": values.show,
        "indented": _indented,
        "number": values.number,
        "seconds": values.seconds,
        "size": values.size,
        "instant": values.instant,
        "allowance": values.allowance,
        "line": one_line,
        "px": lambda length: f"{length:.1f}",
        "percent": _percent,
    }
    environment.globals |= {
        "rows": values.rows,
        "strip": stages.strip,
        "chart": timeline.chart,
        "where_it_broke": outcome.where_it_broke,
        "beyond": outcome.verdict_beyond_findings,
        "facts": _facts,
        "long": lambda text: len(text) > _INLINE_MAX,
        "start_of": lambda text: shortened(text, _INLINE_MAX),
        "drawing": timeline,
        "verdicts": Verdict,
        "marks_max": _MARKS_MAX,
    }
    return environment


def _finalize(value: Any) -> Any:
    """Every text that a template prints loses the characters that have no place in HTML."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _indented(value: Any) -> str:
    text = values.indented(value)
    if len(text) <= _VALUE_MAX:
        return text
    return f"{text[:_VALUE_MAX]}… ({len(text) - _VALUE_MAX} more characters in result.json)"


def _percent(share: float, whole: float) -> str:
    """A width for a bar, as CSS; 0 of 0 is 0."""
    return f"{100 * min(share / whole, 1):.2f}%" if whole > 0 and share > 0 else "0%"


def _facts(mapping: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name.removesuffix("_bytes"), values.fact(name, mapping[name])) for name in sorted(mapping)]


def _anchors(result: RunResult) -> dict[tuple[str, str], str]:
    """(scenario, expectation) -> id in the page; (scenario, "") is the scenario itself."""
    anchors = {}
    for number, scenario in enumerate(result.scenarios, 1):
        anchors[scenario.name, ""] = f"s{number}"
        for index, finding in enumerate(scenario.findings, 1):
            anchors[scenario.name, finding.expectation] = f"s{number}-e{index}"
    return anchors
