"""Sums over two exporters: what is accepted, what is rejected, and when nothing is known."""

import pytest

from fawkes.harness.checks.dora_sums import ONCE, PER_REPLICA, DoraSumsExpectation, check_dora_sums
from fawkes.harness.model import History, Record, Stage, Verdict


def deployed(number, team="payments", environment="production", status=201, ack="stored"):
    data = {"team": team, "service": "shop", "environment": environment}
    data |= {"deployment_id": f"d{number}", "commit_sha": "c", "status": "success"}
    event = {"source": "//t", "id": f"{team}-{number}", "type": "dev.fawkes.deployment_completed"}
    event |= {"time": f"2026-01-0{number}T00:00:00+00:00", "data": data}
    return Record(1.0, 0.0, "event", {"event": event, "status": status, "ack": ack})


EVENTS = [deployed(1), deployed(2), deployed(3, environment="staging"), deployed(1, team="search")]
TRUTH = {"payments": {"production": 2.0, "staging": 1.0}, "search": {"production": 1.0}}
TWICE = {"payments": {"production": 4.0, "staging": 2.0}, "search": {"production": 2.0}}


def seen(query, sums, *, stage="prometheus", source="prometheus-core-0", exporters=2):
    about = {"expectation": "sums", "stage": stage, "source": source, "query": query, "exporters": exporters}
    return Record(2.0, 0.0, "sums", {**about, "sums": sums})


RIGHT = [
    seen(ONCE, TRUTH),
    seen(PER_REPLICA, TWICE),
    seen(ONCE, TRUTH, stage="thanos"),
    seen(PER_REPLICA, TWICE, stage="thanos"),
]


def judge(sums, events=EVENTS):
    return check_dora_sums(DoraSumsExpectation(name="sums"), History([*events, *sums]))


def test_once_by_max_and_twice_by_sum_passes():
    assert judge(RIGHT).verdict is Verdict.PASS


@pytest.mark.parametrize(
    "sums", [TWICE, {}, None, {**TRUTH, "search": {"production": 1.5}}, {**TRUTH, "x": {"y": 1.0}}]
)
def test_another_sum_fails_where_it_was_seen(sums):
    found = judge([*RIGHT[:2], seen(ONCE, sums, stage="thanos")])
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.THANOS)


def test_a_plain_sum_that_is_not_doubled_means_an_exporter_is_missing():
    found = judge([seen(ONCE, TRUTH), seen(PER_REPLICA, TRUTH)])
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.PROMETHEUS)


def test_one_exporter_shows_nothing():
    assert (
        judge([seen(ONCE, TRUTH, exporters=1), seen(PER_REPLICA, TRUTH, exporters=1)]).verdict is Verdict.INCONCLUSIVE
    )


def test_an_event_that_was_not_taken_fails_at_event():
    found = judge(RIGHT, [*EVENTS, deployed(4, status=0, ack="lost")])
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.EVENT)
    assert "payments-4: lost, status 0" in found.reason


@pytest.mark.parametrize(("events", "sums"), [([], RIGHT), (EVENTS, []), ([], [])])
def test_without_data_it_is_inconclusive(events, sums):
    assert judge(sums, events).verdict is Verdict.INCONCLUSIVE
