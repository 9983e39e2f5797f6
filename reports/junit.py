"""JUnit XML: a test suite per scenario, a test case per expectation, as CI systems read it.

FAIL is a `failure`. INCONCLUSIVE is an `error`, because no CI system shows an error green. A skipped scenario is one
`skipped` case with the reason. Times stand at the suites: an expectation has no duration of its own.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from fawkes.harness.model import Finding, RunResult, ScenarioResult, Verdict
from fawkes.reports.outcome import Outcome, headline, verdict_beyond_findings, where_it_broke
from fawkes.reports.printable import one_line, printable
from fawkes.reports.stages import noted
from fawkes.reports.values import allowance, rows, show

_TAG = {Verdict.FAIL: "failure", Verdict.INCONCLUSIVE: "error"}
_VALUE_LIMIT = 2000
"""Characters of one value. CI pages show the text in full; what is longer is read in the HTML report."""


def junit(result: RunResult) -> str:
    """The text of junit.xml: well-formed XML 1.0, whatever characters the findings hold."""
    root = ET.Element("testsuites", name="fawkes-metrics-harness")
    for scenario in result.scenarios:
        root.append(_suite(scenario, result))
    ran = [scenario.verdict for scenario in result.scenarios if scenario.skipped is None]
    if not ran or result.verdict > Verdict.worst(ran):  # else a CI system would show the run green
        root.append(_run_suite(result))
    for attribute in ("tests", "failures", "errors", "skipped"):
        root.set(attribute, str(sum(int(suite.get(attribute, "0")) for suite in root)))
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in root):.3f}")
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(scenario: ScenarioResult, result: RunResult) -> ET.Element:
    suite = ET.Element("testsuite", name=one_line(scenario.name))
    _properties(suite, scenario, result)
    class_name = f"scenarios.{one_line(scenario.name)}"
    if Outcome.of(scenario) is Outcome.SKIPPED:
        case = ET.SubElement(suite, "testcase", classname=class_name, name="scenario")
        ET.SubElement(case, "skipped", message=one_line(scenario.skipped or ""))
    else:
        for finding in scenario.findings:
            suite.append(_case(finding, class_name))
        if beyond := verdict_beyond_findings(scenario):
            case = ET.SubElement(suite, "testcase", classname=class_name, name="scenario")
            ET.SubElement(case, _TAG[scenario.verdict], message=beyond, type="scenario")
    return _counted(suite, scenario.timing.wall_s)


def _run_suite(result: RunResult) -> ET.Element:
    """The run's own verdict as a case, where no scenario carries it."""
    suite = ET.Element("testsuite", name="run")
    case = ET.SubElement(suite, "testcase", classname="run", name="verdict")
    if result.verdict is not Verdict.PASS:
        ET.SubElement(case, _TAG[result.verdict], message=headline(result), type="run")
    return _counted(suite, 0.0)


def _counted(suite: ET.Element, wall_s: float) -> ET.Element:
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("errors", str(len(suite.findall("testcase/error"))))
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    suite.set("time", f"{wall_s:.3f}")
    return suite


def _properties(suite: ET.Element, scenario: ScenarioResult, result: RunResult) -> None:
    facts = {
        "claim": scenario.claim,
        "run_id": result.run_id,
        "seed": str(result.seed),
        "provider": result.provider,
        "profile": result.profile,
        "command": result.command,
    }
    facts |= {"mutant": result.mutant} if result.mutant is not None else {}
    facts |= {f"version.{name}": result.versions[name] for name in sorted(result.versions)}
    properties = ET.SubElement(suite, "properties")
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=one_line(name), value=one_line(value))


def _case(finding: Finding, class_name: str) -> ET.Element:
    case = ET.Element("testcase", classname=class_name, name=one_line(finding.expectation))
    if finding.verdict is not Verdict.PASS:
        trouble = ET.SubElement(case, _TAG[finding.verdict], message=one_line(finding.reason), type=finding.check)
        trouble.text = "\n".join(["", *_details(finding), ""])
    return case


def _details(finding: Finding) -> list[str]:
    lines = []
    for row in rows(finding.expected, finding.observed):
        label = f"{printable(row.label)}: " if row.label else ""
        lines.append(f"{label}expected {_short(row.expected)}, observed {_short(row.observed)}")
    if finding.tolerance is not None:
        lines.append(f"tolerance: {allowance(finding.tolerance)} ({one_line(finding.tolerance.source)})")
    if where := where_it_broke(finding):
        lines.append(where)
    for seen in finding.evidence:
        state = "ok" if seen.ok else "NOT OK"
        said = one_line(noted(finding, seen))
        note = f" ({said})" if said else ""
        values = f"expected {_short(seen.expected)}, observed {_short(seen.observed)}"
        lines.append(f"{seen.stage} {one_line(seen.source)}: {values}: {state}{note}")
    return lines


def _short(value: object) -> str:
    text = one_line(show(value))
    return text if len(text) <= _VALUE_LIMIT else f"{text[:_VALUE_LIMIT]}… ({len(text)} characters)"
