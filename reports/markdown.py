"""Markdown for a pull request comment or a job summary: verdict first, then why, then the rest folded away."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain

from fawkes.harness.model import AlertCoverage, DoraChain, Finding, Json, RunResult, ScenarioResult, Stage, Verdict
from fawkes.reports.alerts import Way, alert_counts, alert_rows, unit_tests, ways
from fawkes.reports.dora import about, chain_cell, chain_counts, stages_of
from fawkes.reports.outcome import (
    Outcome,
    counts,
    headline,
    mutant_note,
    troubles,
    verdict_beyond_findings,
    where_it_broke,
    worst_first,
)
from fawkes.reports.printable import one_line, shortened
from fawkes.reports.stages import noted
from fawkes.reports.values import allowance, instant, number, rows, show

LENGTH_MAX = 60_000
"""Characters. GitHub refuses a comment of more than 65,536; the rest is room for what a bot puts around it."""

# How LENGTH_MAX is shared out, so that even with the longest texts the first failure is told in full.
_TABLE_LENGTH = 12_000
_PASSES_LENGTH = 6_000
_COVERAGE_LENGTH = 4_000
_ROWS_MAX = 20  # rows of one finding's tables
_CELL_LIMIT = 100
_PROSE_LIMIT = 240
_TITLE_LIMIT = 900  # a table's title may name every alert that is not covered
_ICON = {Outcome.PASS: "✅", Outcome.FAIL: "❌", Outcome.INCONCLUSIVE: "⚠️", Outcome.SKIPPED: "⏭️"}
_SPECIAL = re.compile(r"([\\`*{}\[\]<>#|~&]|(?<!\w)_|_(?!\w)|^[-+=]|(?<=^\d)[.)])")


def markdown(result: RunResult) -> str:
    """The text of report.md, at most LENGTH_MAX characters; what did not fit is counted at the end."""
    head = [f"## {_icon(result.verdict)} {result.verdict.name}: {_prose(headline(result))}", ""]
    if note := mutant_note(result):
        head += [f"> {_prose(note)}", ""]
    head += _scenario_table(result)
    foot = _alerts(result) + _dora(result) + _passes(result) + _provenance(result)
    room = LENGTH_MAX - _length(head + foot) - 200
    return "\n".join([*head, *_fitting(result, room), *foot]).rstrip() + "\n"


def _fitting(result: RunResult, room: int) -> list[str]:
    """As many sections as fit into `room` characters, and how many were left out."""
    pending, unexplained = list(troubles(result)), [s for s in result.scenarios if _remark(s)]
    total = len(pending) + len(unexplained)
    sections = chain((_trouble(s, f) for s, f in pending), (_remark(s) for s in unexplained))
    lines: list[str] = []
    for index, section in enumerate(sections):
        room -= _length(section)
        if room < 0:
            return [*lines, f"_{total - index} more in report.html: they did not fit here._", ""]
        lines += section
    return lines


def _cut(lines: Iterable[str], total: int, room: int, rest: str) -> list[str]:
    """As many of the `total` lines as fit into `room` characters, and `rest` with the number of the others."""
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            return [*kept, rest.format(total - len(kept))]
        kept.append(line)
    return kept


def _length(lines: list[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _icon(verdict: Verdict) -> str:
    return _ICON[Outcome(verdict.name.lower())]


def _scenario_table(result: RunResult) -> list[str]:
    head = ["| scenario | claim | verdict | seconds |", "| --- | --- | --- | ---: |"]
    lines = (_scenario_row(scenario) for scenario in worst_first(result))
    rest = "| and {} more in report.html | | | |"
    return [*head, *_cut(lines, len(result.scenarios), _TABLE_LENGTH, rest), "", f"{counts(result)}.", ""]


def _scenario_row(scenario: ScenarioResult) -> str:
    outcome = Outcome.of(scenario)
    cells = (_in_table(scenario.name), _prose(scenario.claim), f"{_ICON[outcome]} {outcome.name}")
    return f"| {' | '.join(cells)} | {scenario.timing.wall_s:.1f} |"


def _trouble(scenario: ScenarioResult, finding: Finding) -> list[str]:
    title = f"{_prose(scenario.name)} / {_prose(finding.expectation)}"
    lines = [f"### {_icon(finding.verdict)} {finding.verdict.name}: {title}", "", _prose(finding.reason), ""]
    lines += ["| | expected | observed | difference |", "| --- | --- | --- | ---: |"]
    compared = rows(finding.expected, finding.observed)
    for row in compared[:_ROWS_MAX]:
        cells = (
            _in_table(row.label) if row.label else "value",
            _cell(row.expected),
            _cell(row.observed),
            row.difference,
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += _rest(len(compared), 4)
    lines.append("")
    if finding.tolerance is not None:
        lines.append(f"- Tolerance: {_code(allowance(finding.tolerance))}: {_prose(finding.tolerance.source)}")
    if where := where_it_broke(finding):
        lines.append(f"- {where}")
    lines.append(f"- Check: {_code(finding.check)}")
    return [*lines, "", *_evidence(finding)]


def _evidence(finding: Finding) -> list[str]:
    if not finding.evidence:
        return []
    lines = ["| stage | source | expected | observed | ok | note |", "| --- | --- | --- | --- | --- | --- |"]
    for seen in finding.evidence[:_ROWS_MAX]:
        ok = "yes" if seen.ok else "**no**"
        stage = f"**{seen.stage}**" if seen.stage is finding.stage else str(seen.stage)
        cells = (
            stage,
            _in_table(seen.source),
            _cell(seen.expected),
            _cell(seen.observed),
            ok,
            _prose(noted(finding, seen)),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, *_rest(len(finding.evidence), 6), ""]


def _rest(total: int, columns: int) -> list[str]:
    return [f"| and {total - _ROWS_MAX} more |{' |' * (columns - 1)}"] if total > _ROWS_MAX else []


def _remark(scenario: ScenarioResult) -> list[str]:
    """Why a scenario was skipped, or that no finding explains its verdict; empty otherwise."""
    why = one_line(scenario.skipped) if scenario.skipped is not None else verdict_beyond_findings(scenario)
    outcome = Outcome.of(scenario)
    return [f"### {_ICON[outcome]} {outcome.name}: {_prose(scenario.name)}", "", _prose(why), ""] if why else []


def _alerts(result: RunResult) -> list[str]:
    """One row per alert that the platform ships; empty when the run knows of none."""
    if not result.alerts:
        return []
    columns = ["alert", "verdict", "unit tests", "fired in", "resolved", "told", "quiet as it must"]
    covered = alert_rows(result)
    steps = [_way_line(way) for way in ways(covered)]
    kept = _cut(steps, len(steps), _COVERAGE_LENGTH, "- and {} more in report.html")
    return _folded(
        f"Alerts: {alert_counts(result)}",
        columns,
        map(_alert_row, covered),
        len(covered),
        below=[*kept, ""] if kept else [],
    )


def _way_line(way: Way) -> str:
    """How long each step took, live."""
    factor = way.sighting.clock_factor
    clock = "on the true clock" if factor == 1 else f"on a clock {number(factor)} times as fast"
    parts = [
        f"{words} " + ", ".join(f"{_prose(place)} {step.live_s:.2f} s" for place, step in steps.items())
        for words, steps in (("from the condition to", way.raised), ("after its end to", way.cleared))
        if steps
    ]
    return f"- {_in_table(way.alert)} in {_prose(way.sighting.scenario)}, {clock}: {'; '.join(parts)}"


def _alert_row(row: AlertCoverage) -> str:
    verdict = "not covered" if row.verdict is None else f"{_icon(row.verdict)} {row.verdict.name}"
    fired = ", ".join(_prose(seen.scenario) for seen in row.sightings if seen.fired)
    quiet = ", ".join(_prose(f"{scenario} / {expectation}") for scenario, expectation in row.quiet)
    cells = (
        _in_table(row.alert.name),
        verdict,
        unit_tests(row),
        fired or "no",
        "yes" if row.resolved else "no",
        ", ".join(map(_prose, row.delivered)) or "nobody",
        quiet or "not shown",
    )
    return f"| {' | '.join(cells)} |"


def _dora(result: RunResult) -> list[str]:
    """One row per DORA value, those that differ first; empty when no finding followed one."""
    if not result.dora:
        return []
    stages = stages_of(result.dora)
    columns = ["value", "oracle", *map(str, stages), "first differs at"]
    lines = (_chain_row(chain, stages) for chain in result.dora)
    return _folded(f"DORA values: {chain_counts(result)}", columns, lines, len(result.dora))


def _chain_row(chain: DoraChain, stages: Sequence[Stage]) -> str:
    name, rest = about(chain)
    seen = [chain_cell(chain, stage) for stage in stages]
    values = [f"**{_in_table(cell.value)}**" if cell.state == "broken" else _in_table(cell.value) for cell in seen]
    where = f"{chain.broken.stage}: {_in_table(chain.broken.source)}" if chain.broken else ""
    cells = (f"{_prose(name)} ({_prose(rest)})" if rest else _prose(name), _cell(chain.oracle), *values, where)
    return f"| {' | '.join(cells)} |"


def _folded(title: str, columns: list[str], lines: Iterable[str], total: int, below: Sequence[str] = ()) -> list[str]:
    """A table that unfolds, cut to its share of the room."""
    head = [f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns)]
    kept = _cut(lines, total, _COVERAGE_LENGTH, f"| and {{}} more in report.html |{' |' * (len(columns) - 1)}")
    return [
        *("<details>", f"<summary>{_prose(title, _TITLE_LIMIT)}</summary>", ""),
        *(*head, *kept, "", *below, "</details>", ""),
    ]


def _passes(result: RunResult) -> list[str]:
    passed = [(s, f) for s in result.scenarios for f in s.findings if f.verdict is Verdict.PASS]
    if not passed:
        return []
    lines = (f"- {_prose(s.name)} / {_prose(f.expectation)}: {_prose(f.reason)}" for s, f in passed)
    head = ["<details>", f"<summary>{len(passed)} expectations passed</summary>", ""]
    kept = _cut(lines, len(passed), _PASSES_LENGTH, "- and {} more in report.html")
    return [*head, *kept, "", "</details>", ""]


def _provenance(result: RunResult) -> list[str]:
    versions = ", ".join(f"{_prose(name)} {_prose(result.versions[name])}" for name in sorted(result.versions))
    commit = result.git.get("commit")
    lines = [
        f"Run {_code(result.run_id)}, {instant(result.started_at_s)}, seed {result.seed}, "
        f"provider {_code(result.provider)}, profile {_code(result.profile)}"
        + (f", commit {_code(show(commit))}" if commit is not None else "")
        + ".",
        "",
    ]
    lines += [f"Versions: {shortened(versions, 2000)}.", ""] if versions else []
    fence = "`" * (_longest_run_of_backticks(result.command) + 3)
    return [*lines, "Reproduce:", "", f"{fence}sh", shortened(one_line(result.command), 2000), fence, ""]


def _cell(value: Json) -> str:
    return _in_table(show(value))


def _in_table(text: str) -> str:
    """A code span in a table, where a bar ends the cell even inside of code."""
    return _code(text).replace("|", "\\|")


def _code(text: str) -> str:
    """A code span: nothing in it is read as Markdown, a link or a mention."""
    text = shortened(one_line(text), _CELL_LIMIT)
    if not text:
        return ""
    fence = "`" * (_longest_run_of_backticks(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _longest_run_of_backticks(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _prose(text: str, limit: int = _PROSE_LIMIT) -> str:
    """Free text with Markdown's special characters escaped. A zero-width space keeps `@name` from notifying anyone."""
    escaped = _SPECIAL.sub(r"\\\1", shortened(one_line(text), limit))
    return escaped.replace("@", "@\u200b")
