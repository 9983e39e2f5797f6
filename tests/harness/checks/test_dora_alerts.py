"""Alerts on DORA values, judged from hand-made histories: beyond the limit, at it, below the minimum of samples."""

import pytest
from pydantic import ValidationError

from fawkes.harness.checks.dora_alerts import DoraAlertExpectation, alerts_query, check_dora_alert, samples_query
from fawkes.harness.model import History, Record, Stage, Verdict

NOW_S = 1_772_323_200.0  # 2026-03-01
REPLICAS = ("prometheus-core-0", "prometheus-core-1")


def expectation(**fields):
    claim = {
        "alert": "DoraChangeFailureRatioHigh",
        "team": "a",
        "metric": "change_failure_ratio",
        "value": 0.5,
        "limit": "> 0.15",
        "samples": 4,
        "at_least": 4,
        "fires": True,
    }
    return DoraAlertExpectation(name="n", **(claim | fields))


def event(number, kind="normal", status=201):
    data = {
        "team": "a",
        "service": "s",
        "environment": "production",
        "deployment_id": f"d{number}",
        "commit_sha": "c",
        "status": "success",
        "kind": kind,
    }
    sent = {
        "id": f"e{number}",
        "source": "//test",
        "type": "dev.fawkes.deployment_completed",
        "time": f"2026-02-{number:02}T12:00:00+00:00",
        "data": data,
    }
    return Record(
        NOW_S, 1.0, "event", {"event": sent, "status": status, "ack": "stored" if status < 300 else "refused"}
    )


EVENTS = [event(10), event(11, "rollback"), event(12), event(13, "hotfix")]
"""Two of four deployments are repaired by the next one."""


def looks(expect, states=("pending", "firing"), *, samples=4.0, replicas=REPLICAS, answer=..., at_s=NOW_S):
    """What the observer recorded on each replica."""
    for part in replicas:
        about = {"expectation": "n", "stage": "rule", "source": part}
        alerts = alerts_query(expect)
        yield Record(
            NOW_S, 2.0, "value", {**about, "query": samples_query(expect), "value": samples, "since_s": NOW_S - 2}
        )
        count = len(states) if answer is ... else answer
        yield Record(NOW_S, 2.0, "value", {**about, "query": alerts, "value": count})
        for state in states:
            labels = {"alertname": expect.alert, "team": "a", "alertstate": state}
            yield Record(NOW_S, 2.0, "series", {**about, "query": alerts, "labels": labels, "samples": [[at_s, 1.0]]})


def judged(expect, records, events=EVENTS):
    finding = check_dora_alert(expect, History([*events, *records]))
    return finding.verdict, finding.stage


def test_it_fires_beyond_the_limit():
    expect = expectation()
    assert judged(expect, looks(expect)) == (Verdict.PASS, None)


@pytest.mark.parametrize("claim", [{"limit": "> 0.5"}, {"at_least": 5}], ids=["at the limit", "a sample too few"])
def test_it_keeps_quiet_at_the_limit_and_below_the_minimum(claim):
    expect = expectation(fires=False, **claim)
    assert judged(expect, looks(expect, states=())) == (Verdict.PASS, None)
    assert judged(expect, looks(expect, states=("pending",))) == (Verdict.FAIL, Stage.RULE)
    assert judged(expect, looks(expect)) == (Verdict.FAIL, Stage.RULE)


def test_while_events_are_still_arriving_it_may_be_pending_but_not_fire():
    expect = expectation(fires=False, limit="> 0.5")
    assert judged(expect, looks(expect, ("pending",), at_s=NOW_S - 3)) == (Verdict.PASS, None)
    assert judged(expect, looks(expect, ("firing",), at_s=NOW_S - 3)) == (Verdict.FAIL, Stage.RULE)


@pytest.mark.parametrize("states", [(), ("pending",)])
def test_an_alert_that_does_not_fire_fails_at_the_rule(states):
    expect = expectation()
    assert judged(expect, looks(expect, states)) == (Verdict.FAIL, Stage.RULE)


def test_one_replica_that_keeps_quiet_is_enough_to_fail():
    expect = expectation()
    records = [*looks(expect, replicas=REPLICAS[:1]), *looks(expect, (), replicas=REPLICAS[1:])]
    assert judged(expect, records) == (Verdict.FAIL, Stage.RULE)


def test_another_number_of_recorded_samples_fails_even_if_the_alert_is_right():
    expect = expectation(fires=False, limit="> 0.5")
    assert judged(expect, looks(expect, (), samples=3.0)) == (Verdict.FAIL, Stage.RULE)


@pytest.mark.parametrize("claim", [{"value": 0.25}, {"samples": 5}, {"fires": False}, {"limit": "> 0.9"}])
def test_a_scenario_that_contradicts_the_oracle_proves_nothing(claim):
    expect = expectation(**claim)
    assert judged(expect, looks(expect, samples=float(expect.samples))) == (Verdict.INCONCLUSIVE, Stage.HARNESS)


def test_without_an_answer_or_an_event_nothing_is_known():
    expect = expectation(fires=False, limit="> 0.5")
    silent = (
        [],
        list(looks(expect, (), samples=None)),
        list(looks(expect, (), answer=None)),
    )
    for records in silent:
        assert judged(expect, records) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
    refused = [event(10, status=401)]
    assert judged(expect, looks(expect, ()), events=[]) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
    assert judged(expect, looks(expect, ()), events=refused) == (Verdict.INCONCLUSIVE, Stage.HARNESS)


@pytest.mark.parametrize("limit", ["0.15", "< 0.15", "> x", ">0.15"])
def test_a_limit_that_cannot_be_read_is_refused(limit):
    with pytest.raises(ValidationError, match="limit"):
        expectation(limit=limit)
