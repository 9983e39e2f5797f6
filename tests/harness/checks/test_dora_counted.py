"""Samples of the event counter beside what was acknowledged when: what is accepted, what is rejected."""

import pytest
from pydantic import ValidationError

from fawkes.harness.checks.dora_counted import DoraCountedExpectation, check_dora_counted
from fawkes.harness.model import History, Record, Stage, Verdict


def event(number, at_s, status=201):
    return Record(at_s, 0.0, "event", {"event": {"source": "//t", "id": str(number)}, "status": status})


EVENTS = [event(n, 100.0 + n) for n in range(10)]
"""Acknowledged at 100, 101, ... 109."""


def killed(part="dora-0", at_s=104.0):
    return Record(at_s, 0.0, "fault", {"action": "stop", "part": part, "began_s": at_s, "ended_s": at_s})


def series(samples, *, source="prometheus-core-0", kind="commit", expectation="counted"):
    labels = {"pod": "dora-0", "type": kind}
    return Record(
        200.0, 0.0, "series", {"expectation": expectation, "source": source, "labels": labels, "samples": samples}
    )


RIGHT = [[99.5, 0], [101.5, 2], [104.5, 5], [108.5, 10], [120.0, 10]]


FAULTS = (killed(),)


def judge(samples, *, events=EVENTS, faults=FAULTS, more=()):
    expect = DoraCountedExpectation(name="counted", killed=("dora-0",))
    return check_dora_counted(expect, History([*events, *faults, series(samples), *more]))


def test_no_sample_below_what_was_acknowledged_passes():
    found = judge(RIGHT)
    assert (found.verdict, found.stage) == (Verdict.PASS, None)
    assert found.evidence[0].expected == 5


def test_event_types_of_one_scrape_are_added_up():
    found = judge([[101.5, 1], [120.0, 4]], more=[series([[101.5, 1], [120.0, 6]], kind="build_started")])
    assert found.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ([[101.5, 1], [120.0, 10]], "1 events, 2 were acknowledged"),
        ([[101.5, 2], [120.0, 9]], "9 events, 10 were acknowledged"),
        ([[101.5, 2], [120.0, 11]], "only 10 were ever sent"),
        ([[101.5, 9], [101.9, 8], [120.0, 10]], "falls from 9 to 8"),
    ],
    ids=["lost under load", "lost for good", "counted twice", "dips"],
)
def test_a_wrong_sample_fails_at_prometheus(samples, said):
    found = judge(samples)
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.PROMETHEUS)
    assert said in found.reason


def test_one_replica_that_is_wrong_is_enough():
    found = judge(RIGHT, more=[series([[101.5, 1], [120.0, 10]], source="prometheus-core-1")])
    assert found.verdict is Verdict.FAIL
    assert "prometheus-core-1" in found.reason


def test_an_acknowledgement_just_after_the_scrape_began_need_not_be_in_it():
    assert judge([[101.001, 1], [120.0, 10]]).verdict is Verdict.PASS


def test_what_was_never_acknowledged_need_not_be_there_and_may():
    events = [*EVENTS, event(10, 110.0, status=0)]
    assert judge(RIGHT, events=events).verdict is Verdict.PASS
    assert judge([*RIGHT[:-1], [120.0, 11]], events=events).verdict is Verdict.PASS


@pytest.mark.parametrize(
    "changes",
    [
        {"events": ()},
        {"faults": ()},
        {"faults": (killed(at_s=99.0),)},
        {"faults": (killed(at_s=110.0),)},
        {"faults": (killed("postgres-0"),)},
    ],
    ids=["no events", "no fault", "killed before", "killed after", "another part"],
)
def test_without_a_kill_under_load_it_is_inconclusive(changes):
    assert judge(RIGHT, **changes).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("samples", [[], [[99.0, 0]], [[120.0, 10]]], ids=["none", "before", "after"])
def test_without_a_scrape_under_load_it_is_inconclusive(samples):
    assert judge(samples).verdict is Verdict.INCONCLUSIVE


def test_without_any_series_it_is_inconclusive():
    expect = DoraCountedExpectation(name="counted", killed=("dora-0",))
    other = series(RIGHT, expectation="other")
    assert check_dora_counted(expect, History([*EVENTS, killed(), other])).verdict is Verdict.INCONCLUSIVE


def test_somebody_must_be_killed():
    with pytest.raises(ValidationError):
        DoraCountedExpectation(name="counted", killed=())
