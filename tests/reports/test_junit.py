"""JUnit XML: well-formed whatever the findings hold, counted right, and never green without a pass."""

import dataclasses
from xml.etree import ElementTree as ET

import pytest

from fawkes.harness.model import ScenarioResult, Timing, Verdict
from fawkes.reports.junit import junit


def parsed(result) -> ET.Element:
    return ET.fromstring(junit(result).encode("utf-8"))


def test_counts_of_suites_and_root_agree_with_their_cases(mixed):
    root = parsed(mixed)
    suites = root.findall("testsuite")
    assert [suite.get("name") for suite in suites] == [scenario.name for scenario in mixed.scenarios]
    for element in (root, *suites):
        assert element.get("tests") == str(len(element.findall(".//testcase")))
        assert element.get("failures") == str(len(element.findall(".//failure")))
        assert element.get("errors") == str(len(element.findall(".//error")))
        assert element.get("skipped") == str(len(element.findall(".//skipped")))
    assert (root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped")) == ("11", "2", "2", "1")


def test_every_expectation_is_a_case_with_its_verdict(mixed):
    root = parsed(mixed)
    tags = {Verdict.PASS: [], Verdict.FAIL: ["failure"], Verdict.INCONCLUSIVE: ["error"]}
    for scenario, suite in zip(mixed.scenarios, root.findall("testsuite"), strict=True):
        cases = suite.findall("testcase")
        for finding, case in zip(scenario.findings, cases, strict=False):
            assert [child.tag for child in case] == tags[finding.verdict]


def test_a_failure_says_expected_observed_tolerance_and_stage(mixed):
    (failure,) = parsed(mixed).findall("testsuite[@name='dora_golden']//failure")
    assert failure.get("type") == "dora" and "divides by 30 days" in failure.get("message")
    assert "deployments_per_day: expected 1.14285714286, observed 0.0342857142857" in failure.text
    assert "tolerance: ± 0.0119 1/day (increase() over 7d" in failure.text
    assert "The chain breaks at rule." in failure.text
    assert "rule prometheus-core-1: expected 1.14285714286, observed absent: NOT OK (no series)" in failure.text


def test_a_skipped_scenario_gives_its_reason(mixed):
    (skipped,) = parsed(mixed).findall("testsuite[@name='replica_loss']/testcase/skipped")
    assert skipped.get("message") == "The provider `existing` cannot kill a part."


def test_time_and_properties_stand_at_the_suite(mixed):
    suite = parsed(mixed).find("testsuite[@name='dora_golden']")
    assert suite.get("time") == "31.400"
    properties = {p.get("name"): p.get("value") for p in suite.findall("properties/property")}
    assert properties["seed"] == "4711" and properties["provider"] == "local"
    assert properties["version.prometheus"] == "3.13.5" and "mutant" not in properties


def test_odd_characters_survive_or_are_spelled_out(mixed):
    (failure,) = parsed(mixed).findall("testsuite[@name='odd_characters']//failure")
    message = failure.get("message")
    assert "a<b>&\"c'</script><!-- ]]>" in message and "日本 🚀" in message
    assert r"\x00\x07\x1b[31mred\x0d next \u202eevil \ud83d" in message


def test_a_scenario_worse_than_its_findings_is_an_error_of_its_own(mixed):
    suite = parsed(mixed).find("testsuite[@name='retention_tiers']")
    assert [case.get("name") for case in suite.findall("testcase")] == ["blocks uploaded", "scenario"]
    assert "INCONCLUSIVE" in suite.find("testcase/error").get("message")


def test_a_scenario_without_findings_is_an_error(make_run):
    broken = ScenarioResult("smoke", "A claim.", Verdict.INCONCLUSIVE, (), Timing(1, 1, 0))
    (error,) = parsed(make_run(broken)).findall("testsuite[@name='smoke']/testcase/error")
    assert error.get("message") == "No expectation was judged."


@pytest.mark.parametrize("skipped", [True, False])
def test_a_run_in_which_nothing_ran_is_an_error(make_run, mixed, skipped):
    scenarios = [scenario for scenario in mixed.scenarios if scenario.skipped] if skipped else []
    (error,) = parsed(make_run(*scenarios)).findall("testsuite[@name='run']/testcase/error")
    assert "nothing was proved" in error.get("message")


def test_a_mutant_is_a_property(make_run, failing_scenario):
    root = parsed(make_run(failing_scenario, mutant="dropped_webhook"))
    assert root.find(".//property[@name='mutant']").get("value") == "dropped_webhook"


def test_an_endless_value_is_cut_with_its_length(make_run, failing_scenario):
    finding = dataclasses.replace(failing_scenario.findings[1], observed="y" * 1_000_000)
    text = junit(make_run(dataclasses.replace(failing_scenario, findings=(finding,))))
    assert len(text) < 20_000 and "(1000000 characters)" in text
