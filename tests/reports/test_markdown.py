"""Markdown: verdict first, fits a comment, and no value can break a table or call a person."""

import dataclasses
import re

from fawkes.harness.model import (
    AlertCoverage,
    ChainLink,
    DoraChain,
    Finding,
    Observation,
    ShippedAlert,
    Stage,
    Tolerance,
    Verdict,
)
from fawkes.reports.markdown import LENGTH_MAX, markdown

GITHUB_COMMENT_MAX = 65_536


def table_rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


def test_the_first_line_is_the_verdict(mixed, green, unclear, empty):
    first = {name: markdown(run).splitlines()[0] for name, run in locals().items()}
    assert first["mixed"] == "## ❌ FAIL: 2 of 7 scenarios failed, 2 could not be judged, 1 skipped."
    assert first["green"] == "## ✅ PASS: All 2 scenarios passed."
    assert first["unclear"].startswith(
        "## ⚠️ INCONCLUSIVE: Nothing failed, but 2 of 4 scenarios could not be judged, 1 skipped. This"
    )
    assert first["empty"] == "## ⚠️ INCONCLUSIVE: No scenario ran, so nothing was proved."


def test_only_what_passed_has_the_green_mark(mixed):
    marked = [line for line in markdown(mixed).splitlines() if "✅" in line]
    # Two scenarios and three alerts.
    assert len(marked) == 5 and all("✅ PASS" in line for line in marked)


def test_each_table_has_as_many_cells_in_every_row(mixed):
    blocks = re.findall(r"(?:^\|.*\n)+", markdown(mixed), re.MULTILINE)
    assert len(blocks) == 9
    for block in blocks:
        # A cell ends at a bar that is not escaped, inside of code spans too (GitHub Flavored Markdown, 4.10).
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in block.splitlines()}) == 1


def test_a_failure_shows_tolerance_source_stage_and_evidence(mixed):
    text = markdown(mixed)
    assert "- Tolerance: `± 0.0119 1/day`: increase() over 7d extrapolates" in text
    assert "- The chain breaks at rule." in text and "- Not judged: trouble at load." in text
    assert "| **rule** | `prometheus-core-1` | `1.14285714286` | `absent` | **no** | no series |" in text
    assert "<summary>6 expectations passed</summary>" in text
    assert text.rstrip().endswith("```sh\nharness run --on local --profile ci --seed 4711\n```")


def test_every_alert_has_a_row_and_the_worst_are_first(mixed):
    rows = [row for row in table_rows(markdown(mixed)) if "firing" in row or "| none |" in row]
    assert rows[0] == "| `DoraDeploymentsStopped` | ❌ FAIL | firing and quiet | dora_golden | no | email | not shown |"
    assert rows[2] == "| `PlatformServiceAbsent` | not covered | firing only | no | no | nobody | not shown |"
    assert rows[3] == (
        "| `PlatformServiceDown` | ✅ PASS | firing and quiet | alert_platform_service_down | yes | mattermost, pagerduty "
        "| alert_platform_service_down / notified once |"
    )
    assert len(rows) == len(mixed.alerts)
    assert (
        "- `PlatformServiceDown` in alert_platform_service_down, on a clock 60 times as fast: from the condition to pending "
        "0.50 s, firing 5.10 s, mattermost 0.20 s, pagerduty 0.25 s; after its end to inactive 0.20 s, mattermost 0.90 s, "
        "pagerduty 0.92 s"
    ) in markdown(mixed).splitlines()


def test_a_dora_value_shows_each_stage_and_where_it_first_differs(mixed):
    text = markdown(mixed)
    assert "<summary>DORA values: 2 followed, 1 the same at every stage; different: 1 first at rule</summary>" in text
    assert (
        "| deployment_frequency_per_day (payments, 7d) | `1.14285714286` | `8` | `1.14286` | `1.14286` | `1.14286` "
        "| **`0.0342857`** | `0.0342857` | rule: `prometheus-core-0` |"
    ) in text


def test_odd_text_makes_no_markup_and_mentions_nobody(mixed):
    text = markdown(mixed)
    outside_code = re.sub(r"(`+)(?:(?!`).|(?!\1)`+)*?\1(?!`)", "", text)
    assert not re.search(r"(?<!\\)<(?!/?(details|summary)>)", outside_code)
    assert "@team" not in outside_code and "\x1b" not in text and "\x00" not in text
    assert r"\*\*bold\*\*" in outside_code


def test_a_reason_cannot_become_a_list_or_heading(make_run, failing_scenario):
    for start in ("- item", "+ item", "1. item", "# head", "> quote", "=== rule"):
        finding = dataclasses.replace(failing_scenario.findings[1], reason=start)
        text = markdown(make_run(dataclasses.replace(failing_scenario, findings=(finding,))))
        assert start not in text.splitlines()
        assert start in text.replace("\\", "").splitlines()


def test_a_huge_run_still_fits_a_comment_and_counts_what_is_left_out(make_run, failing_scenario):
    failed = dataclasses.replace(failing_scenario.findings[1], expected={f"v{n}": "x" * 500 for n in range(99)})
    findings = tuple(dataclasses.replace(failed, expectation=f"e{n}") for n in range(60))
    scenarios = [dataclasses.replace(failing_scenario, name=f"s{n}", findings=findings) for n in range(300)]
    text = markdown(make_run(*scenarios))
    assert len(text) <= LENGTH_MAX < GITHUB_COMMENT_MAX
    left_out = re.search(r"_(\d+) more in report\.html: they did not fit here\._", text)
    assert left_out and int(left_out[1]) + text.count("\n### ") == 300 * 60
    assert re.search(r"^\| and \d+ more in report\.html \| \| \| \|$", text, re.MULTILINE) and "Reproduce:" in text
    assert any(row.startswith("| and 81 more |") for row in table_rows(text))


def test_the_longest_texts_leave_room_for_the_first_failure(make_run, failing_scenario, green):
    worst = "*" * 5000
    evidence = tuple(Observation(Stage.RULE, worst, worst, worst, False, worst) for _ in range(500))
    values = {f"{n}{worst}": worst for n in range(500)}
    failed = Finding(
        worst, worst, Verdict.FAIL, values, values, worst, Stage.RULE, Tolerance(0, worst, worst), evidence
    )
    passed = dataclasses.replace(green.scenarios[0].findings[0], expectation=worst, reason=worst)
    scenario = dataclasses.replace(failing_scenario, name=worst, claim=worst, findings=(failed, *[passed] * 300))
    alert = AlertCoverage(ShippedAlert(worst, worst, worst, worst, True, True), ())
    chain = DoraChain(worst, worst, {"metric": worst}, worst, (ChainLink(Stage.RULE, worst, False, worst),))
    about = {"run_id": worst, "command": worst, "versions": {worst: worst}, "provider": worst}
    run = make_run(*[scenario] * 300, **about, alerts=(alert,) * 300, dora=(chain,) * 300)
    text = markdown(run)
    assert len(text) <= LENGTH_MAX and text.count("\n### ") >= 1 and "Reproduce:" in text
    assert "- and " in text and "<summary>90000 expectations passed</summary>" in text


def test_a_mutant_is_announced(make_run, failing_scenario):
    assert "> The platform was broken on purpose (mutant dropped_webhook)" in markdown(
        make_run(failing_scenario, mutant="dropped_webhook")
    )
