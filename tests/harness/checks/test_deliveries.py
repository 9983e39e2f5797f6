"""What must be answered to a first delivery, a repetition and a contradiction."""

import pytest

from fawkes.harness.checks.deliveries import DeliveriesExpectation, check_deliveries
from fawkes.harness.model import History, Record, Stage, Verdict


def sent(number, status, *, attempts=1, kind="event"):
    event = {"source": "//t", "id": str(number)}
    return Record(float(number), 0.0, kind, {"event": event, "status": status, "attempts": attempts})


def conflict(number, status=409):
    return sent(number, status, kind="conflict")


RIGHT = [sent(1, 201), sent(2, 201), sent(1, 200), conflict(2)]


def judge(*records):
    return check_deliveries(DeliveriesExpectation(name="deliveries"), History(records))


def test_right_answers_pass():
    found = judge(*RIGHT)
    assert (found.verdict, found.stage) == (Verdict.PASS, None)
    assert [line.observed for line in found.evidence] == [2, 1, 1]


@pytest.mark.parametrize(
    "wrong",
    [
        sent(1, 201),  # stored a second time
        sent(3, 200),  # called a duplicate at its first delivery
        sent(3, 409),
        sent(3, 0),
        conflict(1, 200),
        conflict(1, 201),
        conflict(1, 500),
    ],
)
def test_any_other_answer_fails_at_the_event(wrong):
    found = judge(*RIGHT, wrong)
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.EVENT)


def test_an_event_whose_first_answer_was_lost_may_be_a_duplicate_of_itself():
    assert judge(*RIGHT, sent(3, 200, attempts=2)).verdict is Verdict.PASS


@pytest.mark.parametrize("left", [RIGHT[:2], RIGHT[:3], [*RIGHT[:2], RIGHT[3]], []])
def test_what_never_came_proves_nothing(left):
    assert judge(*left).verdict is Verdict.INCONCLUSIVE
