"""What must have been accepted and refused of each sender, before anything is said of it."""

import pytest

from fawkes.harness.checks.refusals import RefusalsExpectation, check_refusals
from fawkes.harness.model import History, Record, Stage, Verdict


def event(sender, status=201):
    return Record(1.0, 0.0, "event", {"kind": sender, "status": status})


def refusal(sender, wrong, status, case="only a prefix"):
    return Record(2.0, 0.0, "refusal", {"kind": sender, "wrong": wrong, "status": status, "case": case})


def right(sender):
    return [event(sender), event(sender, 200), refusal(sender, "proof", 401), refusal(sender, "name", 422)]


RIGHT = [*right("github"), *right("gitlab")]


def judge(*records):
    expect = RefusalsExpectation(name="refusals", senders=("github", "gitlab"))
    return check_refusals(expect, History(records))


def test_right_answers_pass():
    found = judge(*RIGHT)
    assert (found.verdict, found.stage, found.expected, found.observed) == (Verdict.PASS, None, 8, 8)
    assert found.reason == "4 deliveries of 2 senders were refused, each as it must be"


@pytest.mark.parametrize(
    "wrong",
    [
        *(refusal("gitlab", "proof", status) for status in (201, 200, 422, 503, 0)),
        *(refusal("github", "name", status) for status in (201, 200, 401, 500, 0)),
        *(event("github", status) for status in (401, 422, 0)),
    ],
)
def test_any_other_answer_fails_at_the_event(wrong):
    found = judge(*RIGHT, wrong)
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.EVENT)


def test_the_case_and_its_answer_are_told():
    found = judge(*RIGHT, refusal("gitlab", "proof", 201, case="a delivery of an hour ago"))
    assert found.reason == (
        "1 of 2 deliveries of gitlab with a false proof, answered 401 got that answer; "
        "a delivery of an hour ago was answered 201"
    )


@pytest.mark.parametrize("left_out", [RIGHT[:2], [RIGHT[2]], [RIGHT[3]], right("gitlab"), RIGHT])
def test_what_never_came_proves_nothing(left_out):
    found = judge(*(record for record in RIGHT if record not in left_out))
    assert (found.verdict, found.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)


def test_other_senders_are_no_matter():
    assert judge(*RIGHT, refusal("jenkins", "proof", 201)).verdict is Verdict.PASS
