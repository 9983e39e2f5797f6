"""Restarts as stored against restarts as the API server told, from hand-made histories."""

import pytest

from fawkes.harness.checks.restarts import RestartsExpectation, check_restarts
from fawkes.harness.model import History, Record, Stage, Verdict

EXPECT = RestartsExpectation(name="restarts", pod="loops", at_least=3)
CORES = ("prometheus-core-0", "prometheus-core-1")
TOLD_S = {0: 100.0, 1: 105.0, 2: 120.0, 3: 145.0}
"""Count -> when the API server told of it; each look took 0.1 s."""


def record(kind, **data):
    return Record(1.0, 1.0, kind, data)


def count_at(at_s):
    return float(max(count for count, told_s in TOLD_S.items() if told_s <= max(at_s, 100.0)))


def samples(from_s=100.0, until_s=160.0, lag_s=0.0):
    return [[float(at_s), count_at(at_s - lag_s)] for at_s in range(int(from_s), int(until_s))]


GOOD = samples()


def history(*, told=TOLD_S, stored=GOOD, drop=(), silent=False):
    status = [
        record(
            "pod_status",
            pod="loops",
            since_s=told_s - 0.1,
            told_s=told_s,
            containers={"app": {"restarts": count, "state": "running"}},
        )
        for count, told_s in told.items()
    ]
    records = [record("applied", objects=[], began_s=99.0, ended_s=99.5, clock_factor=40.0), *status]
    for part in CORES:
        where = {"expectation": "restarts", "stage": "prometheus", "source": part, "query": "q"}
        records.append(record("value", **where, value=None if silent else 1))
        records.append(record("series", **where, labels={"pod": "loops"}, samples=stored if part == CORES[1] else GOOD))
    return History([one for one in records if one.kind not in drop])


def test_each_count_in_its_time_passes():
    finding = check_restarts(EXPECT, history())
    assert finding.verdict is Verdict.PASS
    assert finding.reason == "loops was restarted 3 times, and every replica stored each count in its time"


def test_a_count_may_come_as_late_as_a_watch_on_a_busy_machine():
    assert check_restarts(EXPECT, history(stored=samples(lag_s=2.0))).verdict is Verdict.PASS


def test_a_count_that_the_api_server_tells_after_the_last_look_is_believed():
    assert check_restarts(EXPECT, history(stored=[*GOOD, [170.0, 4.0]])).verdict is Verdict.PASS


@pytest.mark.parametrize(
    "stored",
    [
        [],
        samples(lag_s=4.0),
        samples(lag_s=-4.0),
        [one for one in GOOD if one[1] != 2.0],
        [*GOOD[:10], [110.0, 7.0], *GOOD[11:]],
        [*GOOD, [170.0, 2.0]],
    ],
)
def test_a_sample_that_is_no_count_of_its_time_or_a_count_without_one_fails(stored):
    finding = check_restarts(EXPECT, history(stored=stored))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.PROMETHEUS)
    assert finding.reason.startswith(CORES[1])


def test_too_few_restarts_show_nothing():
    finding = check_restarts(EXPECT, history(told={0: 100.0, 1: 105.0}))
    assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
    assert finding.reason == "loops was restarted 1 times, the scenario needs 3"


@pytest.mark.parametrize("changes", [{"silent": True}, *({"drop": [k]} for k in ("applied", "pod_status", "value"))])
def test_what_is_not_on_record_cannot_be_judged(changes):
    assert check_restarts(EXPECT, history(**changes)).verdict is Verdict.INCONCLUSIVE


def test_a_pod_that_never_restarts_has_no_other_count():
    calm = EXPECT.model_copy(update={"at_least": 0})
    still = [[float(at_s), 0.0] for at_s in range(100, 160)]
    records = [one for one in history(told={0: 100.0}).records if one.kind != "series"]
    for part, stored in zip(CORES, (still, still), strict=True):
        where = {"expectation": "restarts", "stage": "prometheus", "source": part, "query": "q"}
        records.append(record("series", **where, labels={"pod": "loops"}, samples=stored))
    assert check_restarts(calm, History(records)).verdict is Verdict.PASS
