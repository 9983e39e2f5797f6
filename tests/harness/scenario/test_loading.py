"""Scenario files: every problem at once, with file, line, field and a hint."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict

from fawkes.harness.errors import ScenarioError, UsageError
from fawkes.harness.expectation import Expectation
from fawkes.harness.scenario import Loader, find_scenarios


class Alpha(Expectation):
    check: Literal["alpha"] = "alpha"
    team: str


class Beta(Expectation):
    check: Literal["beta"] = "beta"


class Play(BaseModel):
    model_config = ConfigDict(extra="forbid")
    do: Literal["play"]
    history: str


class Shout(BaseModel):
    model_config = ConfigDict(extra="forbid")
    do: Literal["shout"]


class TellNatively(BaseModel):
    model_config = ConfigDict(extra="forbid")
    do: Literal["native_senders"]


LOADER = Loader([Alpha, Beta], [Play, Shout, TellNatively])

GOOD = """\
claim: The thing that is claimed.
needs: [kill]
platform: {clock: {ci: 60}}
workload:
  - do: play
    history: golden
faults:
  - {do: kill, part: jenkins, at: 0s, lasts: 10m}
expect:
  - check: alpha
    name: a
    team: payments
    within: 1m30s
  - {check: beta, name: b}
"""


def load(tmp_path: Path, text: str):
    path = tmp_path / "case.yaml"
    path.write_text(text)
    return LOADER.load([path])["case"]


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ScenarioError) as refused:
        load(tmp_path, text)
    return [str(p).removeprefix(f"{tmp_path}/") for p in refused.value.problems]


def test_a_good_file_loads_with_its_kinds_told_apart(tmp_path):
    scenario, value = load(tmp_path, GOOD)
    assert isinstance(scenario.expect[0], Alpha)
    assert scenario.expect[0].within == 90
    assert isinstance(scenario.workload[0], Play)
    assert scenario.clock_factor("ci") == 60
    assert scenario.clock_factor("nightly") == 1
    assert LOADER.restore(value, "run.json") == scenario


def test_an_unknown_field_gets_a_line_and_a_suggestion(tmp_path):
    assert problems(tmp_path, GOOD.replace("    team:", "    teem:")) == [
        "case.yaml:10: expect.0.team: is required",
        "case.yaml:12: expect.0.teem: unknown field (did you mean 'team'?); known are check, name, within, team",
    ]


def test_a_wrong_duration_shows_the_right_form(tmp_path):
    (only,) = problems(tmp_path, GOOD.replace("1m30s", "90"))
    assert only.startswith("case.yaml:13: expect.0.within: 90 is not a duration; write a number with a unit")


def test_a_refused_item_does_not_make_its_list_too_short(tmp_path):
    text = GOOD.replace("  - {check: beta, name: b}\n", "").replace("team: payments", "team: 7")
    assert [line.split(": ")[1] for line in problems(tmp_path, text)] == ["expect.0.team"]


def test_two_problems_are_told_at_once(tmp_path):
    found = problems(tmp_path, GOOD.replace("history: golden", "historie: golden").replace("lasts: 10m", "lasts: long"))
    assert [line.split(": ")[1] for line in found] == ["workload.0.history", "workload.0.historie", "faults.0.lasts"]


def test_problems_of_several_files_are_told_at_once(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text("claim: x\n")
    with pytest.raises(ScenarioError) as refused:
        LOADER.load([tmp_path / "one.yaml", tmp_path / "two.yaml"])
    assert {Path(p.file).name for p in refused.value.problems} == {"one.yaml", "two.yaml"}


def test_an_unknown_kind_is_compared_with_those_there_are(tmp_path):
    (only,) = problems(tmp_path, GOOD.replace("check: beta", "check: betta"))
    assert only == "case.yaml:14: expect.1: check 'betta' is unknown (did you mean 'beta'?); known are alpha, beta"


def test_a_key_given_twice_is_refused(tmp_path):
    (only,) = problems(tmp_path, GOOD.replace("    team: payments", "    team: payments\n    team: other"))
    assert only == "case.yaml:13: expect.0.team: given twice, first on line 12"


def test_two_expectations_of_one_name_are_refused(tmp_path):
    (only,) = problems(tmp_path, GOOD.replace("name: b", "name: a"))
    assert "'a' is not" in only


def test_a_fault_needs_the_ability(tmp_path):
    (only,) = problems(tmp_path, GOOD.replace("needs: [kill]\n", ""))
    assert "needs: [kill]" in only


def test_yaml_1_1_surprises_are_not_read(tmp_path):
    scenario, _ = load(tmp_path, GOOD.replace("team: payments", "team: no"))
    assert scenario.expect[0].team == "no", "`no` is a word, not false"


@pytest.mark.parametrize("text", ["", "- a\n", "claim: [\n", "a: b: c\n", "\t\n"])
def test_what_is_no_scenario_at_all_has_a_problem_with_a_line(tmp_path, text):
    assert problems(tmp_path, text)[0].startswith("case.yaml:")


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "case.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="UTF-8"):
        LOADER.load([path])


def test_the_schema_knows_every_kind():
    text = str(LOADER.json_schema())
    assert all(word in text for word in ("alpha", "beta", "play", "shout", "clock"))


def test_finding_by_name_suggests_the_nearest(tmp_path):
    (tmp_path / "smoke.yaml").write_text(GOOD)
    assert [p.stem for p in find_scenarios([], tmp_path)] == ["smoke"]
    with pytest.raises(UsageError, match="did you mean 'smoke'"):
        find_scenarios(["smok"], tmp_path)


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(UsageError, match="no scenarios"):
        find_scenarios([], tmp_path)


def test_native_senders_must_be_known_to_the_platform(tmp_path):
    text = GOOD.replace("  - do: play\n    history: golden\n", "  - do: native_senders\n")
    assert problems(tmp_path, text) == [
        "case.yaml:1: `do: native_senders` needs `platform: {native_senders: true}`, or nobody knows them"
    ]
    known = text.replace("platform: {", "platform: {native_senders: true, ")
    assert load(tmp_path, known)[0].platform.native_senders
