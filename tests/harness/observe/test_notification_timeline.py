import json

from fawkes.harness.checks.notification_timeline import NotificationTimelineExpectation
from fawkes.harness.observe.notification_timeline import observe_notification_timeline

ALERTS = 'ALERTS{alertname="PlatformServiceDown"}'


def entry(message, alert, receiver="mattermost", **labels):
    return {"id": message, "message": message, "receiver": receiver, "alert": alert, "labels": labels}


def observe(world, **fields):
    expect = NotificationTimelineExpectation(name="told", **fields)
    observe_notification_timeline(expect, world, world.record)


def test_records_the_whole_of_every_message_about_the_alerts_and_what_nobody_can_read(world, part, away):
    away("alertmanager-main-0")
    entries = [
        entry(1, "Down", team="search"),
        entry(1, "Down", team="payments"),
        entry(2, "Down", team="payments"),
        entry(3, ""),
    ]
    part("receivers-0").shows("/received", json.dumps(entries))
    observe(world, labels={"alertname": "Down", "team": "search"})
    told = [(one["message"], one["labels"]) for one in world.recorded("received")]
    assert told == [(1, {"team": "search"}), (1, {"team": "payments"}), (3, {})]
    (value,) = world.recorded("value", stage="receiver")
    assert value["value"] == {"until_s": world.now_s(), "entries": 4}


def test_records_the_shipped_configuration_on_the_runs_clock_and_nothing_secret_of_it(world, part, away):
    away("alertmanager-main-0")
    away("alertmanager-main-1")
    part("receivers-0").shows("/received", "[]")
    world.clock_factor = 60.0
    observe(world)
    (about,) = world.recorded("alertmanager")
    assert about["replicas"] == ["alertmanager-main-0", "alertmanager-main-1"]
    assert about["peer_timeout_s"] == 0.25
    assert (about["config"]["route"]["group_wait"], about["config"]["route"]["group_interval"]) == ("500ms", "5s")
    assert {one["name"] for one in about["config"]["receivers"]} == {"mattermost", "team-leads", "pagerduty"}
    assert "file" not in json.dumps(about) and "smtp" not in json.dumps(about)


def test_receivers_that_do_not_answer_leave_null(world, away):
    away("alertmanager-main-0")
    away("receivers-0")
    observe(world)
    (value,) = world.recorded("value", stage="receiver")
    assert value["value"] is None


def test_waits_for_the_end_of_the_alert_and_two_flushes_more_and_records_how_prometheus_sends(world, part, away):
    away("alertmanager-main-0")
    part("receivers-0").shows("/received", "[]")
    prometheus = part("prometheus-core-0")
    labels = {"__name__": "ALERTS", "alertname": "PlatformServiceDown", "alertstate": "firing"}
    firing = {"metric": labels, "value": [0, "1"]}
    prometheus.answers(ALERTS, [firing], [firing], [])
    began_s = world.now_s()
    samples = {"metric": labels, "values": [[began_s, "1"]]}
    prometheus.answers(f"{ALERTS}[60s]", [samples])
    prometheus.answers("ALERTS[660s]", [samples])
    observe(world, labels={"alertname": "PlatformServiceDown"}, app="prometheus-core")
    assert world.now_s() == began_s + 600, "two group_intervals of 5m after its last evaluation"
    (series,) = world.recorded("series")
    assert (series["source"], series["samples"]) == ("prometheus-core-0", [[began_s, 1.0]])
    (sending,) = world.recorded("prometheus")
    assert sending["resend_delay_s"] == 60.0
    assert sending["intervals_s"]["PlatformServiceDown"] == 30.0
    assert "prometheus_replica" not in sending["external_labels"] and "prometheus" in sending["external_labels"]
