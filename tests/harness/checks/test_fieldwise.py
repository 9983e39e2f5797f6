"""How two sides are compared field by field."""

import pytest

from fawkes.harness.checks import meant_differences
from fawkes.harness.checks.fieldwise import compare, differences, judged, leaves
from fawkes.harness.checks.meant_differences import Meant, meant
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Stage, Verdict

EXPECT = Expectation(check="any", name="same")


def test_differences_are_told_field_by_field():
    theirs = {"a": [1, 2], "jobs": [{"job_name": "x", "n": 1}, {"job_name": "y"}], "gone": None}
    ours = {"a": [1], "jobs": [{"job_name": "y"}, {"job_name": "x", "n": 2}], "new": "absent?"}
    assert [tuple(one) for one in differences(theirs, ours)] == [
        (("a", "1"), 2, "absent"),
        (("jobs", "x", "n"), 1, 2),
        (("gone",), None, "absent"),
        (("new",), "absent", "absent?"),
    ]
    assert leaves(theirs) == 6


def sections(theirs, ours):
    return list(compare("p-0", "p", theirs, ours, lambda path: Stage.RULE if path[0] == "rules" else Stage.PROMETHEUS))


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setattr(meant_differences, "MEANT", (Meant(("p", "config", "*", "host"), "another machine"),))


def test_each_wrong_field_is_a_line_and_each_reason_one_for_all_its_fields():
    theirs = {"config": {"a": {"host": "x", "n": 1}, "b": {"host": "y"}}, "rules": {"r": 1}}
    ours = {"config": {"a": {"host": "z", "n": 2}, "b": {"host": "z"}}, "rules": {"r": 1}}
    found = judged(EXPECT, sections(theirs, ours))
    assert (found.verdict, found.stage, found.expected, found.observed) == (Verdict.FAIL, Stage.PROMETHEUS, 1, 2)
    assert found.reason == "p-0: config > a > n is 2 here and 1 on a cluster"
    assert [(line.note, line.ok, line.expected, line.observed) for line in found.evidence] == [
        ("config: fields, and how many are equal or meant to differ", False, 3, 2),
        ("rules: fields, and how many are equal or meant to differ", True, 1, 1),
        ("config > a > n", False, 1, 2),
        ("config > a > host and 1 more; meant: another machine", True, "x", "z"),
    ]


def test_a_section_that_one_side_lacks_is_wrong():
    for theirs, ours, equal in (({}, {"rules": {"r": 1}}, 0), ({"rules": {"r": 1}}, {}, 0)):
        found = judged(EXPECT, sections(theirs, ours))
        assert (found.verdict, found.stage, found.evidence[0].observed) == (Verdict.FAIL, Stage.RULE, equal)


def test_only_the_very_path_is_meant():
    assert meant(("p", "config", "a", "host"))
    for path in (("p", "config", "host"), ("p", "config", "a", "b", "host"), ("q", "config", "a", "host"), ("p",)):
        assert meant(path) is None
