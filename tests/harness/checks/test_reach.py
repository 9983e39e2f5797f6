"""Who reaches whom, judged from hand-made records: closed doors, open ones, and what says nothing."""

import pytest

from fawkes.harness.checks.reach import ReachExpectation, TargetsExpectation, check_reach, check_targets
from fawkes.harness.model import History, Record, Stage, Verdict

API, DATABASE, PROMETHEUS = "kubernetes:443", "postgres:5432", "prometheus:9090"
REACH = ReachExpectation(name="closed", pod="apps/outsider", reached=(API,), not_reached=(DATABASE, PROMETHEUS))
TARGETS = TargetsExpectation(name="targets", jobs=("prometheus", "dora"))
CLOSED = {API: True, DATABASE: False, PROMETHEUS: False}


def knocked(*rounds):
    data = {"expectation": "closed", "pod": "apps/outsider", "rounds": [{"at_s": 1.0, "reached": r} for r in rounds]}
    return History([Record(1.0, 1.0, "knocked", data)])


def test_closed_doors_pass():
    finding = check_reach(REACH, knocked(*[CLOSED] * 5))
    assert finding.verdict is Verdict.PASS
    assert finding.reason == f"apps/outsider reaches {API}, and not {DATABASE}, {PROMETHEUS}"


@pytest.mark.parametrize("door", [DATABASE, PROMETHEUS])
@pytest.mark.parametrize("times", [1, 5])
def test_an_open_door_fails_even_if_it_opens_once(door, times):
    rounds = [CLOSED] * (5 - times) + [{**CLOSED, door: True}] * times
    finding = check_reach(REACH, knocked(*rounds))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.PART)
    assert finding.reason == f"apps/outsider reaches {door}, which should be closed to it"


@pytest.mark.parametrize(
    ("rounds", "reason"),
    [
        ([CLOSED] * 4, "has knocked 4 times"),
        ([{**CLOSED, API: False}] * 5, "its silence says nothing"),
        ([{**CLOSED, DATABASE: None}] * 5, f"knows no {DATABASE}"),
        ([{API: True}] * 5, f"knows no {DATABASE}"),
    ],
)
def test_silence_that_has_another_reason_cannot_be_judged(rounds, reason):
    finding = check_reach(REACH, knocked(*rounds))
    assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
    assert reason in finding.reason


def test_without_a_record_nobody_knows():
    assert check_reach(REACH, History([])).verdict is Verdict.INCONCLUSIVE


def up(*targets, part="prometheus-core-0"):
    """Each is (job, value); no targets at all for a part that gave no answer."""
    value = [{"labels": {"job": job, "instance": "10.0.0.1:80"}, "value": v} for job, v in targets] or None
    data = {"expectation": "targets", "stage": "prometheus", "source": part, "query": "up", "value": value}
    return Record(1.0, 1.0, "value", data)


GOOD = (("prometheus", 1.0), ("prometheus", 1.0), ("dora", 1.0))


def test_targets_that_all_answer_pass():
    finding = check_targets(TARGETS, History([up(*GOOD), up(*GOOD, part="prometheus-core-1")]))
    assert (finding.verdict, finding.reason) == (Verdict.PASS, "all 3 targets answer every replica")


@pytest.mark.parametrize(
    ("targets", "reason"),
    [
        ((*GOOD, ("minio", 0.0)), "targets that do not answer: minio 10.0.0.1:80"),
        (GOOD[:2], "jobs without a target: dora"),
    ],
)
def test_a_target_that_is_silent_or_missing_fails(targets, reason):
    finding = check_targets(TARGETS, History([up(*GOOD), up(*targets, part="prometheus-core-1")]))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.PROMETHEUS)
    assert finding.reason == f"prometheus-core-1: {reason}"


@pytest.mark.parametrize("records", [[], [up(*GOOD), up(part="prometheus-core-1")]])
def test_a_replica_without_an_answer_cannot_be_judged(records):
    assert check_targets(TARGETS, History(records)).verdict is Verdict.INCONCLUSIVE
