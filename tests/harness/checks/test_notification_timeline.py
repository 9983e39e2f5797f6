"""Hand-made histories: an alert posted at 1000, group_wait 1 s, group_interval 10 s; Mattermost and PagerDuty."""

import pytest

from fawkes.harness.checks.notification_timeline import (
    LATE_S,
    NotificationTimelineExpectation,
    check_notification_timeline,
)
from fawkes.harness.model import History, Record, Stage, Verdict

NAME = "told"
CONFIG = {
    "route": {
        "receiver": "mattermost",
        "group_by": ["alertname", "team"],
        "group_wait": "1s",
        "group_interval": "10s",
        "repeat_interval": "1h",
        "routes": [
            {"receiver": "pagerduty", "matchers": ["severity = critical"], "continue": True},
            {"receiver": "mattermost"},
        ],
    },
    "receivers": [
        {"name": "mattermost", "slack_configs": [{"send_resolved": True, "channel": "{{ .GroupLabels.team }}-alerts"}]},
        {"name": "pagerduty", "pagerduty_configs": [{}]},
    ],
}
LABELS = {"alertname": "Down", "severity": "critical", "team": "search"}


def expect(**fields):
    return NotificationTimelineExpectation(name=NAME, **{"labels": {"alertname": "Down"}, **fields})


def posted(at_s, ends_s, labels=LABELS, starts_s=1000.0, **status):
    data = {"labels": labels, "starts_s": starts_s, "ends_s": ends_s, "began_s": at_s, "ended_s": at_s}
    return ("alert_posted", data | {"status": status or {"am-0": 200}})


def configured(config=CONFIG, replicas=("am-0",), peer_timeout_s=3.0):
    about = {"expectation": NAME, "config": config, "replicas": list(replicas), "peer_timeout_s": peer_timeout_s}
    return ("alertmanager", about)


def read(until_s=1030.0):
    value = None if until_s is None else {"until_s": until_s, "entries": 4}
    return ("value", {"expectation": NAME, "stage": "receiver", "source": "receivers-0", "query": "q", "value": value})


def heard(message, at_s, status, *, channel="mattermost", labels=LABELS, address="search-alerts", refused=None):
    entry = {"message": message, "receiver": channel, "address": address if channel == "mattermost" else None}
    own = {name: value for name, value in labels.items() if name != "alertname"}
    entry |= {"received_s": at_s, "status": status, "alert": labels.get("alertname", ""), "labels": own}
    return ("received", {"expectation": NAME, "id": message, "dedup_key": None, "refused": refused} | entry)


LIFE = (posted(1000.0, 2000.0), posted(1005.0, 1005.0))
TOLD = (
    heard(1, 1001.02, "firing"),
    heard(2, 1001.05, "firing", channel="pagerduty"),
    heard(3, 1011.02, "resolved"),
    heard(4, 1011.05, "resolved", channel="pagerduty"),
)


def judge(*records, **fields):
    history = History([Record(0.0, 0.0, kind, data) for kind, data in records])
    return check_notification_timeline(expect(**fields), history)


def test_passes_when_every_message_comes_and_none_besides():
    found = judge(*LIFE, configured(), *TOLD, read(), told={"mattermost": "search-alerts", "pagerduty": ""}, messages=2)
    assert (found.verdict, found.stage) == (Verdict.PASS, None)
    assert found.reason == "4 messages came as predicted, and none besides"
    assert [line.ok for line in found.evidence] == [True] * 4


@pytest.mark.parametrize("lost", range(4))
def test_fails_when_one_message_is_missing(lost):
    found = judge(*LIFE, configured(), *(one for n, one in enumerate(TOLD) if n != lost), read())
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.ALERTMANAGER)
    assert "was not told" in found.reason


def test_fails_when_one_message_comes_twice():
    found = judge(*LIFE, configured(), *TOLD, heard(5, 1001.1, "firing"), read())
    assert found.verdict is Verdict.FAIL
    assert found.reason == "mattermost search-alerts at +1.1 s (1 firing) was told and must not be"


@pytest.mark.parametrize(
    "wrong",
    [
        heard(3, 1011.0 + LATE_S + 0.1, "resolved"),
        heard(3, 1010.9, "resolved"),
        heard(3, 1011.02, "firing"),
        heard(3, 1011.02, "resolved", address="payments-alerts"),
        heard(3, 1011.02, "resolved", labels=LABELS | {"instance": "a"}),
        heard(3, 1011.02, "resolved", channel="email"),
    ],
    ids=["late", "early", "status", "address", "labels", "channel"],
)
def test_fails_when_a_message_is_another_than_it_must_be(wrong):
    found = judge(*LIFE, configured(), TOLD[0], TOLD[1], wrong, TOLD[3], read())
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.ALERTMANAGER)
    assert "and 1 more" in found.reason


def test_fails_when_alerts_of_one_group_come_apart():
    both = [posted(1000.0, 2000.0, LABELS | {"instance": name}) for name in "ab"]
    apart = [
        heard(n, 1001.0, "firing", channel=c, labels=LABELS | {"instance": name})
        for n, (c, name) in enumerate(
            [("mattermost", "a"), ("mattermost", "b"), ("pagerduty", "a"), ("pagerduty", "b")]
        )
    ]
    assert judge(*both, configured(), *apart, read()).verdict is Verdict.FAIL
    together = [
        heard(message, 1001.0, "firing", channel=c, labels=LABELS | {"instance": name})
        for message, c in enumerate(("mattermost", "pagerduty"))
        for name in "ab"
    ]
    assert judge(*both, configured(), *together, read()).verdict is Verdict.PASS


def test_what_is_due_while_the_receivers_are_read_may_be_there_or_not():
    unread = (*LIFE, configured(), read(until_s=1011.5))
    assert judge(*unread, *TOLD[:2]).verdict is Verdict.PASS
    assert judge(*unread, *TOLD[:3]).verdict is Verdict.PASS


def test_the_file_is_held_against_the_scenarios_own_demand():
    records = (*LIFE, configured(), *TOLD, read())
    found = judge(*records, told={"mattermost": "search-alerts"})
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.ALERTMANAGER)
    assert (
        found.reason
        == "alertmanager.yaml tells mattermost search-alerts, pagerduty instead of mattermost search-alerts"
    )
    assert "2 times instead of 3" in judge(*records, messages=3).reason
    assert "1 times instead of 2" in judge(*records, firing=2).reason
    assert judge(*records, messages=2, firing=1).verdict is Verdict.PASS


def test_a_refused_message_fails_at_the_receiver():
    found = judge(*LIFE, configured(), *TOLD, heard(5, 1001.0, "firing", refused="400 no"), read())
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.RECEIVER)


def test_a_post_or_a_silence_that_alertmanager_refuses_fails_there():
    found = judge(posted(1000.0, 2000.0, **{"am-0": 400}), configured(), read())
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.ALERTMANAGER)
    refused = ("silenced", {"id": None, "matchers": ["a = b"], "starts_s": 0.0, "ends_s": 1.0, "status": 400})
    found = judge(*LIFE, refused, configured(), *TOLD, read())
    assert "refused a silence" in found.reason


def test_a_silenced_alert_stays_quiet_and_may_not_be_told_of():
    silence = (
        "silenced",
        {"id": "s", "matchers": ["team = search"], "starts_s": 999.0, "ends_s": 1100.0, "status": 200},
    )
    records = (*LIFE, silence, configured(), read())
    assert judge(*records, told={}).verdict is Verdict.PASS
    assert judge(*records, *TOLD, told={}).verdict is Verdict.FAIL
    expired = ("silence_expired", {"id": "s", "ends_s": 1000.5, "status": 200})
    assert judge(*records, expired, *TOLD).verdict is Verdict.PASS


def test_nothing_heard_where_somebody_must_hear_is_no_pass():
    silence = (
        "silenced",
        {"id": "s", "matchers": ["team = search"], "starts_s": 999.0, "ends_s": 1100.0, "status": 200},
    )
    found = judge(*LIFE, silence, configured(), read(), messages=1)
    assert (found.verdict, found.reason) == (Verdict.FAIL, "alertmanager.yaml tells nobody instead of somebody 1 times")


def test_replicas_that_are_cut_off_may_both_tell_and_otherwise_one():
    two = configured(replicas=("am-0", "am-1"))
    again = (heard(5, 1004.0, "firing"), heard(6, 1004.0, "firing", channel="pagerduty"))
    firing = (posted(1000.0, 2000.0, **{"am-0": 200, "am-1": 200}), two, read(until_s=1009.0), *TOLD[:2])
    cut = [
        ("fault", {"action": action, "part": "alertmanager-main", "began_s": at_s, "ended_s": at_s})
        for action, at_s in (("partition", 999.0), ("heal", 1006.0))
    ]
    assert judge(*firing).verdict is Verdict.PASS
    assert judge(*firing, *again).verdict is Verdict.FAIL
    assert judge(*firing, *again, *cut).verdict is Verdict.PASS


def test_a_replica_that_is_killed_is_not_waited_for():
    two = configured(replicas=("am-0", "am-1"))
    killed = ("fault", {"action": "stop", "part": "am-0", "began_s": 999.0, "ended_s": 999.0})
    records = (posted(1000.0, 2000.0, **{"am-0": None, "am-1": 200}), two, killed, read(until_s=1009.0))
    late = (heard(1, 1004.0, "firing"), heard(2, 1004.0, "firing", channel="pagerduty"))
    assert judge(*records, *late).verdict is Verdict.PASS
    assert judge(*records).verdict is Verdict.FAIL


def test_a_replica_that_comes_back_learns_what_was_told_and_does_not_say_it_again():
    two = configured(replicas=("am-0", "am-1"))
    both = {"am-0": 200, "am-1": 200}
    fault = {"part": "am-0", "ended_s": 1004.0}
    gone = ("fault", fault | {"action": "stop", "began_s": 1004.0})
    back = ("fault", fault | {"action": "start", "began_s": 1005.0, "ended_s": 1006.0})
    posts = (posted(1000.0, 2000.0, **both), posted(1007.0, 2000.0, **both))
    records = (*posts, two, gone, back, *TOLD[:2], read(until_s=1025.0))
    assert judge(*records).verdict is Verdict.PASS
    assert judge(*records, heard(5, 1017.0, "firing")).verdict is Verdict.FAIL


def raised(states, part="prometheus-core-0"):
    about = {"expectation": NAME, "stage": "rule", "source": part, "query": "ALERTS"}
    for state, times in states.items():
        labels = {"__name__": "ALERTS", "alertstate": state, **LABELS}
        yield ("series", about | {"labels": labels, "samples": [[at_s, 1.0] for at_s in times]})
    sending = {"intervals_s": {"Down": 1.0}, "resend_delay_s": 2.0, "external_labels": {"prometheus": "core"}}
    yield ("prometheus", {"expectation": NAME, "part": part, "asked_s": 1030.0} | sending)


def test_what_prometheus_raised_is_predicted_with_the_labels_that_it_adds():
    states = {"pending": [998.0, 999.0], "firing": [1000.0, 1001.0, 1002.0, 1003.0, 1004.0]}
    added = [(kind, data | {"labels": data["labels"] | {"prometheus": "core"}}) for kind, data in TOLD]
    assert judge(*raised(states), configured(), *added, read()).verdict is Verdict.PASS
    assert judge(*raised(states), configured(), *TOLD, read()).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([*LIFE, configured()], "the receivers were never heard of"),
        ([*LIFE, configured(), read(until_s=None)], "the receivers were never heard of"),
        ([*LIFE, read()], "the configuration of Alertmanager is not on record"),
        ([configured(), read()], "no alert with {'alertname': 'Down'} was ever raised"),
        ([posted(1000.0, 2000.0, LABELS | {"alertname": "Slow"}), configured(), read()], "was ever raised"),
        ([posted(1000.0, 2000.0, **{"am-0": None}), configured(), read()], "no Alertmanager answered"),
        ([*LIFE, configured(CONFIG | {"route": {"receiver": "x", "match": {"a": "b"}}}), read()], "does not model"),
        ([*LIFE, configured(), *TOLD, heard(5, 1001.0, None, labels={}), read()], "no alert can be read"),
        (
            [
                *LIFE,
                configured(),
                read(),
                ("fault", {"action": "pause", "part": "am-0", "began_s": 1.0, "ended_s": 1.0}),
            ],
            "am-0 was paused",
        ),
    ],
)
def test_cannot_tell_without_what_it_needs(records, said):
    found = judge(*records)
    assert (found.verdict, found.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
    assert said in found.reason


def test_cannot_tell_when_an_address_is_a_template_of_another_kind():
    receivers = [
        {"name": "mattermost", "slack_configs": [{"channel": "{{ .CommonLabels.team }}"}]},
        CONFIG["receivers"][1],
    ]
    found = judge(*LIFE, configured(CONFIG | {"receivers": receivers}), *TOLD, read())
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "can't read the template" in found.reason
