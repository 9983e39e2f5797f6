"""result.json: same result, same bytes; and a damaged file is refused with the place."""

import dataclasses
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fawkes.harness.errors import RecordError
from fawkes.harness.model import (
    AlertCoverage,
    AlertSighting,
    ChainLink,
    DoraChain,
    Finding,
    Mark,
    Observation,
    Passage,
    RunResult,
    ScenarioResult,
    ShippedAlert,
    Stage,
    Timing,
    Tolerance,
    Verdict,
)
from fawkes.harness.result_io import dump_result, load_result


def a_finding(verdict=Verdict.FAIL, **changes) -> Finding:
    finding = Finding(
        expectation="lead time p50",
        check="dora",
        verdict=verdict,
        expected={"p95": 7200, "p50": 4950.0},
        observed={"p50": 4950.0, "p95": None},
        reason="Prometheus has no p95 — nothing was scraped.",
        stage=Stage.PROMETHEUS,
        tolerance=Tolerance(0.5, "s", "half a bucket of 1 s"),
        evidence=(Observation(Stage.STORE, "postgres", 9, 9, True), Observation(Stage.RULE, "core-0", 9, None, False)),
    )
    return dataclasses.replace(finding, **changes)


def a_scenario(**changes) -> ScenarioResult:
    scenario = ScenarioResult(
        name="dora_golden",
        claim="DORA values are right.",
        verdict=Verdict.FAIL,
        findings=(a_finding(),),
        timing=Timing(wall_s=12.5, platform_s=4.0, waiting_s=8.0),
        timeline=(Mark(1700000000.0, "webhook", "commit"), Mark(1700000001.0, "alert", "pending", 1700000006.0)),
        notes=("Clock compressed by 60.",),
        rss_bytes={"thanos-query": 2, "alertmanager-0": 1},
    )
    return dataclasses.replace(scenario, **changes)


def a_result(**changes) -> RunResult:
    result = RunResult(
        run_id="r1",
        seed=7,
        provider="local",
        profile="ci",
        started_at_s=1700000000.25,
        verdict=Verdict.FAIL,
        scenarios=(a_scenario(),),
        versions={"prometheus": "3.13.5", "alertmanager": "0.31.1"},
        machine={"cores": 2},
        git={"commit": "abc", "dirty": False},
        command="harness run",
    )
    return dataclasses.replace(result, **changes)


def damaged(change) -> str:
    """The text of a good result after `change` has worked on its parsed form."""
    data = json.loads(dump_result(a_result()))
    change(data)
    return json.dumps(data)


def test_the_text_is_stable_and_says_its_format_first():
    text = dump_result(a_result())
    lines = text.splitlines()
    assert lines[:3] == ["{", '  "format": 2,', '  "run_id": "r1",']
    assert text.endswith("\n}\n") and not text.endswith("\n\n")
    assert '"verdict": "FAIL"' in text and '"stage": "prometheus"' in text and "—" in text
    assert text.index('"alertmanager": "0.31.1"') < text.index('"prometheus": "3.13.5"')
    assert text.index('"p50": 4950.0') < text.index('"p95": 7200')


def an_alert() -> AlertCoverage:
    way = (Passage("firing", 1700000001.0), Passage("mattermost", 1700000002.5))
    sighting = AlertSighting("s", Verdict.PASS, 60.0, raised=way, quiet=("no page",))
    return AlertCoverage(ShippedAlert("ServiceDown", "ns/alerts", "g", "critical", True, False), (sighting,))


def a_chain() -> DoraChain:
    return DoraChain("s", "e", {"metric": "m", "team": "t"}, 1, (ChainLink(Stage.RULE, None, False, "core-0"),))


def test_a_result_comes_back_equal():
    result = a_result(mutant="dropped_webhook", alerts=(an_alert(),), dora=(a_chain(),))
    assert load_result(dump_result(result)) == result


def test_a_whole_number_in_a_field_of_seconds_is_written_as_a_float():
    scenario = a_scenario(timeline=(Mark(5, "lane", "label", until_s=6),), timing=Timing(3, 1, 1))
    text = dump_result(a_result(scenarios=(scenario,), started_at_s=9))
    assert dump_result(load_result(text)) == text
    assert '"wall_s": 3.0' in text and '"until_s": 6.0' in text


def test_not_a_number_and_infinities_are_valid_json_and_come_back():
    observed = {"a": math.inf, "b": [-math.inf, {"c": math.nan}], "d": {"$float": "NaN"}, "e": {"$$float": 1}}
    finding = a_finding(observed=observed, tolerance=Tolerance(math.inf, "s", "unbounded"))
    text = dump_result(a_result(scenarios=(a_scenario(findings=(finding,)),)))
    json.loads(text, parse_constant=pytest.fail)
    back = load_result(text).scenarios[0].findings[0]
    assert back.observed["a"] == math.inf and back.observed["b"][0] == -math.inf
    assert math.isnan(back.observed["b"][1]["c"])
    assert back.observed["d"] == {"$float": "NaN"} and back.observed["e"] == {"$$float": 1}
    assert back.tolerance is not None and back.tolerance.value == math.inf
    assert dump_result(load_result(text)) == text


def test_half_a_character_can_still_be_written_to_disk():
    result = a_result(command="broken \ud83d text")
    assert load_result(dump_result(result).encode().decode()) == result


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["$float", "$$float"]), inner),
        max_leaves=10,
    )
)
@settings(max_examples=60, deadline=None)
def test_any_json_value_round_trips_to_the_same_bytes(value):
    text = dump_result(a_result(scenarios=(a_scenario(findings=(a_finding(expected=value),)),)))
    assert dump_result(load_result(text.encode().decode())) == text


def test_what_json_cannot_carry_is_refused_by_name():
    with pytest.raises(TypeError, match=r"observed\.a: bytes"):
        dump_result(a_result(scenarios=(a_scenario(findings=(a_finding(observed={"a": b""}),)),)))
    with pytest.raises(TypeError, match=r"observed: key 0\.5"):
        dump_result(a_result(scenarios=(a_scenario(findings=(a_finding(observed={0.5: 1}),)),)))


def test_a_truncated_file_names_the_line():
    text = dump_result(a_result())
    with pytest.raises(RecordError, match=r"result\.json:11: .*harness judge"):
        load_result("\n".join(text.splitlines()[:11])[:-1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("seed"), "seed: missing"),
        (lambda d: d.update(extra=1), "extra: no such field"),
        (lambda d: d.update(seed="7"), "seed: expected a whole number, found text"),
        (lambda d: d.update(seed=True), "seed: expected a whole number, found true or false"),
        (lambda d: d.update(started_at_s=10**400), "started_at_s: the number is too large"),
        (lambda d: d.update(started_at_s={"$float": ["NaN"]}), "started_at_s: expected one of NaN"),
        (lambda d: d.update(verdict="GREEN"), "verdict: expected one of PASS, INCONCLUSIVE, FAIL, found 'GREEN'"),
        (lambda d: d.update(verdict=["PASS"]), "verdict: expected one of"),
        (lambda d: d.update(scenarios={}), "scenarios: expected a list, found an object"),
        (lambda d: d["scenarios"][0]["timing"].update(wall_s=None), r"scenarios\[0\]\.timing\.wall_s: expected a numb"),
        (lambda d: d["scenarios"][0]["findings"][0].update(stage="moon"), r"findings\[0\]\.stage: expected one of ev"),
        (lambda d: d["scenarios"][0]["findings"][0].update(stage=[]), r"findings\[0\]\.stage: expected one of ev"),
        (lambda d: d["scenarios"][0]["rss_bytes"].update(x=1.5), r"rss_bytes\.x: expected a whole number"),
        (lambda d: d.update(format=1), "format: expected 2, found 1"),
        (lambda d: d.update(format=True), "format: expected 2, found True"),
        (lambda d: d.pop("format"), "format: expected 2, found None"),
    ],
)
def test_a_wrong_shape_names_the_field(change, message):
    with pytest.raises(RecordError, match=message):
        load_result(damaged(change))


@pytest.mark.parametrize("text", ["", "[]", "NaN", '{"format": 2, "seed": NaN}', "[" * 100_000, "1" * 5000])
def test_what_is_no_result_at_all_is_refused(text):
    with pytest.raises(RecordError, match="harness judge"):
        load_result(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(verdict="PASS"), "verdict: PASS, but the scenarios say FAIL"),
        (lambda d: d["scenarios"][0].update(verdict="INCONCLUSIVE"), "INCONCLUSIVE, but its findings say FAIL"),
        (lambda d: d["scenarios"][0].update(verdict="PASS", findings=[]), "PASS, but its findings say INCONCLUSIVE"),
        (lambda d: d["scenarios"][0].update(verdict="PASS", skipped="no kill"), "though the scenario was skipped"),
        (lambda d: d.update(verdict="PASS", scenarios=[]), "verdict: PASS, but the scenarios say INCONCLUSIVE"),
    ],
)
def test_a_verdict_greener_than_its_evidence_is_refused(change, message):
    with pytest.raises(RecordError, match=message):
        load_result(damaged(change))
