"""The counter rules judged from hand-made histories: what the events allow, what they don't, and what says nothing."""

import pytest

from fawkes.harness.checks.counter_rules import DEPLOYMENTS, FAILED, RATIO, CounterRulesExpectation, check_counter_rules
from fawkes.harness.model import History, Record, Stage, Verdict

BEGAN_S = 1_000_000.0
EVALUATED_S = BEGAN_S + 100
RANGE_S = 43_200.0
EXPECT = CounterRulesExpectation(name="counted", team="a")
PART = "prometheus-core-0"


def record(kind, at_s=EVALUATED_S, **data):
    return Record(at_s, 1.0, kind, data)


def event(number, type_, at_s, answer=201, **data):
    """Sent 10 ms before it was acknowledged."""
    body = {"team": "a", "service": "s", "environment": "production"} | data
    sent = {
        "id": f"e{number}",
        "source": "t",
        "type": f"dev.fawkes.{type_}",
        "time": f"2026-01-01T{number:02}:00:00Z",
        "data": body,
    }
    ack = "stored" if answer else "lost"
    return record("event", at_s + 0.01, event=sent, attempts=1, status=answer, ack=ack, latency_s=0.01)


def deployed(number, at_s, kind="normal", **data):
    body = {"deployment_id": f"d{number}", "status": "success", "commit_sha": "c", "kind": kind} | data
    return event(number, "deployment_completed", at_s, **body)


def events():
    """The series are there at second 0; four deployments from second 20 on; the last one repairs the one before it."""
    announced = event(0, "deployment_started", BEGAN_S, deployment_id="d1", commit_sha="c")
    made = [deployed(n, BEGAN_S + 10 + 10 * n) for n in (1, 2, 3)]
    return [announced, *made, deployed(4, BEGAN_S + 50, kind="hotfix")]


def seen(rule, value, part=PART, evaluated_s=EVALUATED_S):
    about = {"rule": rule, "evaluated_s": evaluated_s, "range_s": RANGE_S}
    return record("value", expectation="counted", stage="rule", source=part, query=rule, value=value, **about)


def scraping(gap_max_s=0.6, part=PART):
    return record("scraping", expectation="counted", source=part, gap_max_s=gap_max_s, took_max_s=0.01)


def history(*values, sent=None, scraped=None):
    return History([*(events() if sent is None else sent), *values, scraping() if scraped is None else scraped])


TAKEN_BACK = deployed(5, BEGAN_S + 60, deployment_id="d4", status="failure")
RIGHT = (seen(DEPLOYMENTS, 4.01), seen(FAILED, 1.002), seen(RATIO, 0.25))


def test_counts_that_the_events_allow_pass():
    finding = check_counter_rules(EXPECT, history(*RIGHT))
    assert finding.verdict is Verdict.PASS, finding.reason
    assert len(finding.evidence) == 4


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (DEPLOYMENTS, 3.0),
        (DEPLOYMENTS, 5.0),
        (DEPLOYMENTS, 4.0 / RANGE_S),
        (DEPLOYMENTS, 8.02),
        (DEPLOYMENTS, None),
        (FAILED, 0.0),
        (FAILED, None),
        (RATIO, 0.5),
        (RATIO, None),
    ],
    ids=["one lost", "one too many", "per second", "two replicas", "gone", "none", "gone", "twice", "gone"],
)
def test_what_they_do_not_allow_fails_at_the_rule(rule, value):
    values = [seen(rule, value) if one.data["rule"] == rule else one for one in RIGHT]
    finding = check_counter_rules(EXPECT, history(*values))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.RULE)
    assert rule in finding.reason


def test_every_replica_is_judged():
    other = seen(DEPLOYMENTS, 5.0, part="prometheus-core-1")
    finding = check_counter_rules(EXPECT, history(*RIGHT, other, sent=[*events(), scraping(part="prometheus-core-1")]))
    assert finding.verdict is Verdict.FAIL
    assert "prometheus-core-1" in finding.reason


def test_an_event_that_was_not_acknowledged_fails_at_the_event():
    lost = event(9, "deployment_completed", BEGAN_S + 60, answer=0)
    finding = check_counter_rules(EXPECT, history(*RIGHT, sent=[*events(), lost]))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.EVENT)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (history(*RIGHT, sent=[]), "no event was sent"),
        (history(), "no rule was looked at"),
        (history(*RIGHT, sent=events()[:1]), "deployed nothing"),
        (history(seen(DEPLOYMENTS, None, evaluated_s=None)), "was not seen"),
        (history(*RIGHT, scraped=scraping(part="prometheus-core-1")), "was not seen"),
        (history(*RIGHT, scraped=scraping(gap_max_s=60.0)), "too far apart"),
        (history(*RIGHT, sent=[*events(), TAKEN_BACK]), "takes a deployment back"),
    ],
    ids=[
        "no events",
        "no rule",
        "no deployment",
        "not evaluated",
        "not scraped",
        "scraped rarely",
        "a count went back",
    ],
)
def test_what_says_nothing_is_inconclusive(given, says):
    finding = check_counter_rules(EXPECT, given)
    assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
    assert says in finding.reason
