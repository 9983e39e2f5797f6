"""The verdict as plain lines, for a terminal or a CI log."""

from __future__ import annotations

from fawkes.harness.model import Finding, Json, RunResult, Verdict
from fawkes.reports.alerts import alert_counts
from fawkes.reports.dora import chain_counts
from fawkes.reports.outcome import Outcome, counts, mutant_note, verdict_beyond_findings, where_it_broke
from fawkes.reports.printable import one_line, shortened
from fawkes.reports.stages import noted
from fawkes.reports.values import allowance, rows, seconds, show

_VALUE_LIMIT = 160
"""Characters of one value: two lines of a terminal. The HTML report has all of it."""


def summary_lines(result: RunResult) -> list[str]:
    """One line per scenario, details below what did not pass, what was covered, and the counts as the last line.

    No colour codes.
    """
    lines: list[str] = []
    name_width = max((len(one_line(scenario.name)) for scenario in result.scenarios), default=0)
    for scenario in result.scenarios:
        outcome = Outcome.of(scenario)
        name = one_line(scenario.name).ljust(name_width)
        lines.append(f"{outcome.name:<12}  {name}  {seconds(scenario.timing.wall_s):>9}  {one_line(scenario.claim)}")
        if scenario.skipped is not None:
            lines.append(f"    skipped: {one_line(scenario.skipped)}")
            continue
        for finding in scenario.findings:
            if finding.verdict is not Verdict.PASS:
                lines += [f"    {line}" for line in finding_lines(finding)]
        if beyond := verdict_beyond_findings(scenario):
            lines.append(f"    {beyond}")
    if note := mutant_note(result):
        lines.append(one_line(note))
    lines += [f"alerts: {one_line(alert_counts(result))}"] if result.alerts else []
    lines += [f"dora: {chain_counts(result)}"] if result.dora else []
    return [*lines, counts(result)]


def finding_lines(finding: Finding) -> list[str]:
    """One finding told in full: verdict and reason first, the values and what was not as expected indented below."""
    lines = [f"{finding.verdict.name} {one_line(finding.expectation)}: {one_line(finding.reason)}"]
    for row in rows(finding.expected, finding.observed):
        label = f"{one_line(row.label)}: " if row.label else ""
        difference = f" ({row.difference})" if row.difference else ""
        lines.append(f"    {label}expected {_short(row.expected)}, observed {_short(row.observed)}{difference}")
    if finding.tolerance is not None:
        lines.append(f"    tolerance {allowance(finding.tolerance)}: {one_line(finding.tolerance.source)}")
    if where := where_it_broke(finding):
        lines.append(f"    {where}")
    for seen in finding.evidence:
        if not seen.ok:
            source = f"{seen.stage} ({one_line(seen.source)})"
            said = one_line(noted(finding, seen))
            note = f": {said}" if said else ""
            lines.append(f"    {source}: expected {_short(seen.expected)}, observed {_short(seen.observed)}{note}")
    return lines


def _short(value: Json) -> str:
    return shortened(one_line(show(value)), _VALUE_LIMIT)
