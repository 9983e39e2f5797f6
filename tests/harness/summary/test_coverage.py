"""What a run has seen of an alert, read from hand-made records: never more than they hold."""

import pytest

from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Record, ShippedAlert, Verdict
from fawkes.harness.summary.coverage import alert_sightings, coverage

BEGAN_S = 1_772_323_200.0
EVERY_S = 0.5
"""The evaluation interval of the hand-made samples."""


class AlertExpectation(Expectation):
    check: str = "some_check"
    alert: str = "ServiceDown"


def at(*seconds):
    return [[BEGAN_S + s, 1.0] for s in seconds]


def every(start, stop):
    """One sample per evaluation, both ends included."""
    return at(*(start + EVERY_S * n for n in range(round((stop - start) / EVERY_S) + 1)))


def series(state, samples, *, expectation="timeline", source="core-0", read_s=60.0, **labels):
    labels = {"__name__": "ALERTS", "alertname": "ServiceDown", "alertstate": state, "job": "jenkins", **labels}
    where = {"expectation": expectation, "stage": "rule", "source": source, "query": "ALERTS"}
    return Record(BEGAN_S + read_s, read_s, "series", {**where, "labels": labels, "samples": samples})


def asked(stage, value, *, expectation="timeline", source="core-0"):
    data = {"expectation": expectation, "stage": stage, "source": source, "query": "q", "value": value}
    return Record(BEGAN_S + 60, 60.0, "value", data)


def condition(from_s, until_s, *, source="core-0"):
    end_s = None if until_s is None else BEGAN_S + until_s
    about = {"expectation": "timeline", "source": source, "alert": "ServiceDown", "labels": {"job": "jenkins"}}
    return Record(BEGAN_S + 60, 60.0, "condition", {**about, "from_s": BEGAN_S + from_s, "until_s": end_s})


def accepted(at_s, alert="ServiceDown"):
    about = {"source": "alertmanager-main-0", "alert": alert, "at_s": BEGAN_S + at_s}
    return Record(BEGAN_S + 60, 60.0, "accepted", about)


def told(receiver, at_s, status="firing", *, expectation="told", refused=None, alert="ServiceDown", **labels):
    entry = {"receiver": receiver, "received_s": BEGAN_S + at_s, "status": status, "alert": alert, "refused": refused}
    labels = {"job": "jenkins", "severity": "critical", **labels}
    return Record(BEGAN_S + 60, 60.0, "received", {"expectation": expectation, **entry, "labels": labels})


def finding(expectation, verdict=Verdict.PASS):
    return Finding(expectation, "some_check", verdict, None, None, "because")


def seen(records, findings=None, names=("timeline", "told")):
    findings = [finding("timeline"), finding("told")] if findings is None else findings
    expectations = [AlertExpectation(name=name) for name in names]
    found = alert_sightings("s", expectations, History(records), findings, clock_factor=60)
    return found["ServiceDown"]


def places(passages):
    return {passage.place: round(passage.at_s - BEGAN_S, 3) for passage in passages}


WAY = [
    condition(10, 25),
    condition(10.2, 25.1, source="core-1"),
    asked("rule", 2),
    series("pending", every(10.5, 15)),
    series("firing", every(15.5, 25)),
    series("pending", every(10.7, 15.2), source="core-1"),
    series("firing", every(15.7, 25.2), source="core-1"),
    accepted(3.0),  # of an episode before
    accepted(15.6),
    accepted(15.55, alert="Other"),
    asked("receiver", {"messages": {"mattermost": 2}}, expectation="told"),
    told("pagerduty", 16.2),
    told("mattermost", 16.1),
    told("mattermost", 26.5, "resolved"),
]


def test_each_place_of_the_way_has_the_time_of_the_first_replica_that_came_there():
    sighting = seen(WAY)
    assert places(sighting.raised) == {
        "condition": 10,
        "pending": 10.5,
        "firing": 15.5,
        "alertmanager": 15.6,
        "mattermost": 16.1,
        "pagerduty": 16.2,
    }
    assert [p.place for p in sighting.raised][-2:] == ["mattermost", "pagerduty"]
    # The last evaluation that returned it, on the slower replica, and one more.
    assert places(sighting.cleared) == {"condition": 25, "inactive": 25.7, "mattermost": 26.5}
    assert (sighting.fired, sighting.resolved, sighting.delivered) == (True, True, ("mattermost", "pagerduty"))
    assert (sighting.verdict, sighting.quiet, sighting.not_passed) == (Verdict.PASS, (), ())


def test_what_was_not_recorded_is_not_on_the_way():
    sighting = seen([record for record in WAY if record.kind in ("value", "series")])
    assert list(places(sighting.raised)) == ["pending", "firing"]
    assert sighting.delivered == ()


def test_pending_is_not_firing():
    sighting = seen([asked("rule", 1), series("pending", every(10, 12))])
    assert (sighting.fired, sighting.raised, sighting.cleared) == (False, (), ())


def test_an_alert_that_fired_up_to_the_last_look_is_not_resolved():
    sighting = seen([asked("rule", 2), series("firing", every(15, 59.5), read_s=60)])
    assert (sighting.fired, sighting.resolved) == (True, False)


def test_a_single_sample_does_not_tell_whether_it_is_over():
    assert not seen([series("firing", at(15))]).resolved


def test_of_several_episodes_the_first_that_fired_is_followed():
    flapping = [
        condition(1, 3),
        condition(10, 20),
        series("pending", every(1, 3) + every(10, 14.5) + every(40, 44.5)),
        series("firing", every(15, 19.5) + every(45, 49.5)),
    ]
    sighting = seen(flapping)
    assert places(sighting.raised) == {"condition": 10, "pending": 10, "firing": 15}
    assert places(sighting.cleared) == {"condition": 20, "inactive": 20}


def test_one_missed_evaluation_does_not_end_an_episode():
    sighting = seen([series("firing", every(15, 17) + every(18, 20))])
    assert places(sighting.cleared) == {"inactive": 20.5}


def test_messages_about_another_target_and_refused_ones_are_no_delivery():
    other = [told("mattermost", 16, job="argocd"), told("email", 16, refused="too long"), told("email", 16, alert="X")]
    assert seen([*WAY[:10], *other]).delivered == ()


def test_a_message_from_before_it_fired_is_no_delivery():
    assert seen([*WAY[:10], told("mattermost", 3)]).delivered == ()


@pytest.mark.parametrize(
    ("records", "verdict", "is_proof"),
    [
        ([asked("rule", 0)], Verdict.PASS, True),
        ([asked("rule", 1), series("pending", every(1, 3))], Verdict.PASS, True),
        ([asked("rule", 1), series("firing", every(1, 3))], Verdict.PASS, False),
        ([asked("rule", 0)], Verdict.FAIL, False),
        ([asked("rule", 0)], Verdict.INCONCLUSIVE, False),
        ([asked("rule", None)], Verdict.PASS, False),
        ([asked("prometheus", 1)], Verdict.PASS, False),
        ([], Verdict.PASS, False),
    ],
)
def test_quiet_is_proved_by_a_passed_expectation_that_asked_the_rule_and_saw_nothing_fire(records, verdict, is_proof):
    sighting = seen(records, [finding("timeline", verdict)], ["timeline"])
    assert sighting.quiet == (("timeline",) if is_proof else ())


def test_a_receiver_that_rightly_was_not_told_proves_quiet_though_the_alert_fired():
    looked = [asked("rule", {"evaluations": 9}, expectation="no page"), asked("receiver", {}, expectation="no page")]
    fired = series("firing", every(15, 25), expectation="no page")
    findings = [finding("timeline"), finding("told"), finding("no page")]
    assert seen([*WAY, *looked, fired], findings, ["timeline", "told", "no page"]).quiet == ("no page",)


def test_an_expectation_that_names_no_alert_speaks_of_those_in_its_records():
    whole = Expectation(name="every message", check="notification_timeline")
    records = [series("firing", every(15, 25), expectation="every message")]
    found = alert_sightings("s", [whole], History(records), [finding("every message")], clock_factor=60)
    assert list(found) == ["ServiceDown"] and found["ServiceDown"].fired


def test_an_alert_named_among_the_labels_is_the_only_one_that_is_spoken_of():
    class Narrow(Expectation):
        labels: dict[str, str]

    narrow = Narrow(name="narrow", check="c", labels={"alertname": "Lonely"})
    records, findings = [series("firing", every(15, 25), expectation="narrow")], [finding("narrow")]
    found = alert_sightings("s", [narrow], History(records), findings, clock_factor=60)
    assert list(found) == ["Lonely"]


def test_the_worst_finding_about_it_is_its_verdict_and_is_named():
    sighting = seen(WAY, [finding("timeline"), finding("told", Verdict.FAIL)])
    assert (sighting.verdict, sighting.not_passed) == (Verdict.FAIL, ("told",))


def test_trouble_in_the_run_makes_every_alert_inconclusive():
    sighting = seen(WAY, [finding("run: record", Verdict.INCONCLUSIVE), finding("timeline"), finding("told")])
    assert (sighting.verdict, sighting.not_passed) == (Verdict.INCONCLUSIVE, ())


def test_an_alert_that_no_scenario_touches_has_a_row_without_sightings():
    down, lonely = (ShippedAlert(n, "ns/r", "g", "critical", True, False) for n in ("ServiceDown", "Lonely"))
    rows = coverage([down, lonely], [{"ServiceDown": seen(WAY)}, {"NotOurs": seen(WAY)}])
    assert [(row.alert.name, len(row.sightings), row.verdict) for row in rows] == [
        ("ServiceDown", 1, Verdict.PASS),
        ("Lonely", 0, None),
    ]
    assert (rows[0].fired, rows[0].resolved, rows[0].delivered) == (True, True, ("mattermost", "pagerduty"))
    assert (rows[1].fired, rows[1].resolved, rows[1].delivered, rows[1].quiet) == (False, False, (), ())
