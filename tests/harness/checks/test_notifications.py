import pytest

from fawkes.harness.checks.notifications import NotificationExpectation, check_notification
from fawkes.harness.model import History, Record, Stage, Verdict

ABOUT = {"expectation": "told", "source": "part", "query": "q"}


def expect(receiver="mattermost", firing=1, resolved=1):
    labels = {"job": "jenkins"}
    return NotificationExpectation(
        name="told", alert="Down", labels=labels, receiver=receiver, firing=firing, resolved=resolved
    )


def message(number, status, *, receiver="mattermost", alert="Down", job="jenkins", key=None, refused=None):
    entry = {
        "expectation": "told",
        "id": number,
        "message": number,
        "receiver": receiver,
        "received_s": 100.0 + number,
        "status": status,
        "alert": alert,
        "labels": {"job": job, "severity": "critical"} if alert else {},
        "dedup_key": key,
        "refused": refused,
        "tls": "TLSv1.3" if receiver == "email" else None,
        "raw_bytes": 500 + number,
    }
    return ("received", entry)


def prometheus(evaluations=3):
    first_s = 100.5 if evaluations else None
    return (
        "value",
        ABOUT | {"stage": "rule", "value": {"evaluations": evaluations, "first_s": first_s, "last_s": first_s}},
    )


def alertmanager(listed=False, received=1.0):
    return (
        "value",
        ABOUT
        | {
            "stage": "alertmanager",
            "value": {"listed": listed, "received_firing": received, "notifications": 0.0, "failed": 0.0},
        },
    )


def receivers(**messages):
    return ("value", ABOUT | {"stage": "receiver", "value": {"messages": messages, "watched_s": [90.0, 130.0]}})


def judge(expectation, *records):
    return check_notification(expectation, History([Record(0.0, 0.0, kind, data) for kind, data in records]))


ASKED = (prometheus(), alertmanager(), receivers(mattermost=2))


def test_passes_on_the_exact_counts_and_says_how_long_it_took():
    finding = judge(expect(), *ASKED, message(1, "firing"), message(2, "resolved"))
    assert finding.verdict is Verdict.PASS
    assert finding.observed == {"firing": 1, "resolved": 1, "delivery_s": 0.5}
    assert "2 group_intervals" in finding.tolerance.source


def test_other_alerts_targets_and_receivers_do_not_count():
    others = [
        message(3, "firing", alert="Other"),
        message(4, "firing", job="argocd"),
        message(5, "firing", receiver="pagerduty"),
    ]
    assert judge(expect(), *ASKED, message(1, "firing"), message(2, "resolved"), *others).verdict is Verdict.PASS


def test_two_alerts_of_one_message_are_one_notification():
    pair = [message(1, "firing"), message(1, "firing")]
    assert judge(expect(resolved=0), *ASKED, *pair).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        (
            [message(1, "firing"), message(2, "firing"), message(3, "resolved")],
            "told 2 times instead of 1 that Down is f",
        ),
        ([message(1, "firing"), message(2, "resolved"), message(3, "resolved")], "told 2 times instead of 1"),
        ([message(1, "firing", refused="400 no text")], "mattermost refused it: 400 no text"),
        ([message(1, None, alert="", refused="400 not JSON")], "mattermost refused it: 400 not JSON"),
        ([message(1, "firing", alert="")], "1 messages from which no alert can be read"),
    ],
)
def test_fails_at_the_receiver(messages, reason):
    finding = judge(expect(), *ASKED, *messages)
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.RECEIVER)
    assert reason in finding.reason


def test_fails_at_the_receiver_when_alertmanager_had_it():
    for upstream in (
        (prometheus(), alertmanager(listed=True), receivers()),
        (prometheus(), alertmanager(), receivers(pagerduty=1)),
        (prometheus(), receivers(pagerduty=1)),
    ):
        finding = judge(expect(), *upstream)
        assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.RECEIVER)
        assert "Alertmanager had the alert" in finding.reason


def test_a_resolve_that_never_came_is_lost_at_the_receiver():
    finding = judge(expect(), prometheus(), alertmanager(), receivers(mattermost=1), message(1, "firing"))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.RECEIVER)
    assert "not told that Down is resolved" in finding.reason


def test_fails_at_alertmanager_when_it_fired_but_nobody_heard_of_it():
    finding = judge(expect(), prometheus(), alertmanager(received=0.0), receivers())
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.ALERTMANAGER)
    assert "0 firing alerts" in finding.reason


def test_fails_at_the_rule_when_it_never_fired():
    finding = judge(expect(), prometheus(0), prometheus(0), alertmanager(), receivers())
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.RULE)


def test_quiet_means_no_message_at_all():
    quiet = expect(firing=0, resolved=0)
    assert judge(quiet, prometheus(0), alertmanager(), receivers()).verdict is Verdict.PASS
    loud = judge(quiet, *ASKED, message(1, "firing"))
    assert (loud.verdict, loud.stage) == (Verdict.FAIL, Stage.RECEIVER)
    unclear = judge(quiet, *ASKED, message(1, "firing", alert=""))
    assert unclear.verdict is Verdict.INCONCLUSIVE


def test_pagerduty_must_resolve_the_incident_it_opened():
    pager = expect("pagerduty")
    opened = message(1, "firing", receiver="pagerduty", key="a")
    same, other = (message(2, "resolved", receiver="pagerduty", key=key) for key in "ab")
    assert judge(pager, *ASKED, opened, same).verdict is Verdict.PASS
    finding = judge(pager, *ASKED, opened, other)
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.RECEIVER)
    assert "resolves incident b" in finding.reason
    late = judge(
        pager,
        *ASKED,
        message(1, "resolved", receiver="pagerduty", key="a"),
        message(2, "firing", receiver="pagerduty", key="a"),
    )
    assert (late.verdict, late.stage) == (Verdict.FAIL, Stage.RECEIVER)


def test_the_evidence_tells_in_what_form_the_messages_came():
    mail = judge(
        expect("email"), *ASKED, message(1, "firing", receiver="email"), message(2, "resolved", receiver="email")
    )
    assert mail.evidence[-1].note == "at most 502 bytes, TLSv1.3"
    page = [message(n, status, receiver="pagerduty", key="a") for n, status in ((1, "firing"), (2, "resolved"))]
    assert judge(expect("pagerduty"), *ASKED, *page).evidence[-1].note == "at most 502 bytes, 1 incident key"
    refused = judge(expect(), *ASKED, message(1, "firing", refused="400 no"))
    assert refused.evidence[-1].note == "1 refused, at most 501 bytes"


@pytest.mark.parametrize(
    "records",
    [
        [],
        [message(1, "firing"), message(2, "resolved")],
        [("value", ABOUT | {"stage": "receiver", "value": None})],
        [receivers()],
        [prometheus(), receivers()],
    ],
)
def test_is_inconclusive_without_data(records):
    finding = judge(expect(), *records)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.stage is Stage.HARNESS
