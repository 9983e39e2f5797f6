"""One self-contained HTML page: works from disk, needs no network and no JavaScript, prints.

The templates draw; what is drawn is computed in values, outcome, stages and timeline. Everything is escaped by
Jinja2, and a content security policy keeps the browser from loading or running anything that is not in the file.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fawkes.harness.model import RunResult, Verdict
from fawkes.reports import alerts, dora, outcome, stages, timeline, values
from fawkes.reports.printable import one_line, printable, shortened

_TEMPLATES = Path(__file__).parent / "templates"
_INLINE_MAX = 120
"""Characters of a value shown at once; a longer one unfolds."""
_VALUE_MAX = 20_000
"""Characters of one unfolded value. What is longer is read in result.json; a browser must not choke on it."""
_MARKS_MAX, _PAGE_MARKS_MAX = 500, 2500
"""Rows of one timeline's table and of all of them, for the same reason; history.jsonl has them all."""
_ROWS_MAX, _PAGE_ROWS_MAX = 200, 600
"""The same for the values and the evidence of a finding; result.json has them all. What passed and what did not have
their own share of the page: with 25 scenarios, each broken at hundreds of values, it stays below 2 MB."""
_ROWS_LEAST = 8
"""What every table may have, however many there are."""
_PROOFS_MAX = 5
"""Links to expectations in one cell of the table of alerts; result.json has them all."""
_CHAINS_MAX = 200
"""Rows of a table of DORA values; result.json has them all."""


def html(result: RunResult) -> str:
    """The text of report.html."""
    style, script = _asset("style.css"), _asset("script.js")
    anchors, alert_rows = _anchors(result), alerts.alert_rows(result)
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
            worst_first=outcome.worst_first(result),
            alert_counts=alerts.alert_counts(result),
            alert_rows=alert_rows,
            alert_ways=alerts.ways(alert_rows),
            chain_counts=dora.chain_counts(result),
            differing=dora.differing(result),
            whole=dora.whole(result),
            marks_max=_share(_MARKS_MAX, _PAGE_MARKS_MAX, len(result.scenarios)),
            rows_max=_rows_max(result),
            anchors=anchors,
            anchor_of=partial(_anchor_of, anchors),
            wall_s=sum(scenario.timing.wall_s for scenario in result.scenarios),
            wall_max_s=max((scenario.timing.wall_s for scenario in result.scenarios), default=0.0),
            style=Markup(style),
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


def _rows_max(result: RunResult) -> dict[bool, int]:
    """Whether a finding passed -> how many rows its tables may have."""
    passed = Counter(finding.verdict is Verdict.PASS for one in result.scenarios for finding in one.findings)
    return {did: _share(_ROWS_MAX, _PAGE_ROWS_MAX, passed[did]) for did in (True, False)}


def _share(most: int, in_all: int, tables: int) -> int:
    """Rows of one table, so that all tables together stay small."""
    return max(_ROWS_LEAST, min(most, in_all // max(1, tables)))


def _asset(name: str) -> str:
    """A file of ours that goes into the page as it is."""
    return (_TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    """Compiled once: that takes longer than to render a page."""
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
        "live": lambda value_s: f"{value_s:.2f} s",
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
        "shown_evidence": stages.shown_evidence,
        "noted": stages.noted,
        "chart": timeline.chart,
        "where_it_broke": outcome.where_it_broke,
        "beyond": outcome.verdict_beyond_findings,
        "facts": _facts,
        "long": lambda text: len(text) > _INLINE_MAX,
        "start_of": lambda text: shortened(text, _INLINE_MAX),
        "drawing": timeline,
        "unit_tests": alerts.unit_tests,
        "receivers": alerts.receivers,
        "stages_of": dora.stages_of,
        "about": dora.about,
        "chain_cell": dora.chain_cell,
        "brief": dora.brief,
        "chains_max": _CHAINS_MAX,
        "proofs_max": _PROOFS_MAX,
        "verdicts": Verdict,
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


def _anchor_of(anchors: Mapping[tuple[str, str], str], scenario: str, expectation: str) -> str:
    """Where a link to an expectation leads: to it, else to its scenario, else to all of them."""
    return anchors.get((scenario, expectation)) or anchors.get((scenario, "")) or "scenarios"


def _anchors(result: RunResult) -> dict[tuple[str, str], str]:
    """(scenario, expectation) -> id in the page; (scenario, "") is the scenario itself."""
    anchors = {}
    for number, scenario in enumerate(result.scenarios, 1):
        anchors[scenario.name, ""] = f"s{number}"
        for index, finding in enumerate(scenario.findings, 1):
            anchors[scenario.name, finding.expectation] = f"s{number}-e{index}"
    return anchors
