"""Both alert observers on real parts: exporter, two kinds of Prometheus, Alertmanager, receivers, on a fast clock.

`prometheus-core` evaluates the rule as it ships, `prometheus-hasty` one whose `for` is a fifth too short.
"""

import contextlib
import json
import re
import signal
from pathlib import Path

import pytest
import yaml

from fawkes import fixtures
from fawkes.harness.checks.alerts import AlertTimelineExpectation, check_alert_timeline
from fawkes.harness.checks.notifications import NotificationExpectation, check_notification
from fawkes.harness.components.exporter import exporter
from fawkes.harness.components.receivers import receivers
from fawkes.harness.history import HistoryWriter, read_history
from fawkes.harness.model import Stage, Verdict
from fawkes.harness.observe.accepted import record_accepted
from fawkes.harness.observe.alerts import find_rule, observe_alert_timeline
from fawkes.harness.observe.notifications import observe_notification
from fawkes.harness.places import PLATFORM
from fawkes.harness.summary.coverage import alert_sightings
from free_ports import free_ports
from live_world import LiveWorld, built

pytestmark = [pytest.mark.platform, pytest.mark.slow]

# 30 s become 0.25 s: fast, and still many times what an evaluation takes on a busy machine.
FACTOR = 120.0
TOKEN, KEY = "abcdefghijklmnopqrstuvwxyz", "0123456789abcdef0123456789abcdef"
ALERT = {"alert": "PlatformServiceDown", "labels": {"job": "jenkins"}}
README = Path(fixtures.__file__).parent / "services" / "receivers" / "README.md"


def prometheus_files(ports, hold_ms):
    _, rule = find_rule(PLATFORM, ALERT["alert"])
    rules = {"groups": [{"name": "platform", "interval": "250ms", "rules": [rule | {"for": f"{hold_ms}ms"}]}]}
    config = {
        "global": {"scrape_interval": "250ms", "scrape_timeout": "250ms"},
        "rule_files": ["rules.yml"],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{ports['alertmanager-main-0']}"]}]}]
        },
        "scrape_configs": [
            {"job_name": "jenkins", "static_configs": [{"targets": [f"127.0.0.1:{ports['jenkins-0']}"]}]}
        ],
    }
    if hold_ms != 2500:
        del config["alerting"]
    return {"prometheus.yml": json.dumps(config), "rules.yml": json.dumps(rules)}


def alertmanager_files(ports):
    channels = yaml.safe_load(re.search(r"```yaml\n(.*?)```", README.read_text(), re.DOTALL)[1])["receivers"]
    for channel in channels:
        for email in channel.get("email_configs", []):
            email["smarthost"] = f"127.0.0.1:{ports['smtp']}"
        for event in channel.get("pagerduty_configs", []):
            event["url"] = f"http://127.0.0.1:{ports['receivers-0']}/v2/enqueue"
    route = {
        "receiver": "mattermost",
        "group_by": ["alertname"],
        "group_wait": "100ms",
        "group_interval": "500ms",
        "repeat_interval": "1h",
        # Nothing of this alert goes by mail, and PagerDuty is told twice.
        "routes": [{"receiver": name, "continue": True} for name in ("mattermost", "pagerduty")],
    }
    pagers = next(channel for channel in channels if channel["name"] == "pagerduty")
    pagers["pagerduty_configs"] *= 2
    return {
        "alertmanager.yml": json.dumps({"route": route, "receivers": channels}),
        "mattermost-url": f"http://127.0.0.1:{ports['receivers-0']}/hooks/{TOKEN}",
        "pagerduty-routing-key": KEY,
        "smtp-password": "mail-secret",
    }


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """What the observers recorded of one outage of jenkins, long enough to fire."""
    top = tmp_path_factory.mktemp("world")
    apps = ("jenkins-0", "receivers-0", "smtp", "alertmanager-main-0", "prometheus-core-0", "prometheus-hasty-0")
    ports = dict(zip(apps, free_ports(len(apps)), strict=True))
    binaries = built("prometheus", "promtool", "alertmanager")
    record = HistoryWriter(top / "history.jsonl")
    with contextlib.ExitStack() as stack:
        world = LiveWorld(stack, top, ports, binaries, clock_factor=FACTOR)
        target = exporter("jenkins-0", app="jenkins", port=ports["jenkins-0"], metrics="jenkins_up 1\n")
        peers = receivers(
            http_port=ports["receivers-0"],
            smtp_port=ports["smtp"],
            smtp_password="mail-secret",
            mattermost_token=TOKEN,
            mattermost_channels=["platform-alerts"],
            pagerduty_routing_key=KEY,
            email_recipients=["platform-team@fawkes.example"],
        )
        jenkins = world.start("jenkins-0", target.argv, target.files)
        world.start("receivers-0", peers.argv, peers.files)
        start_servers(world)
        for part in set(ports) - {"smtp"}:
            world.await_ready(part)
        for app in ("prometheus-core-0", "prometheus-hasty-0"):
            await_scraped(world, app)
        kill(record, world, jenkins)
        # The rule needs 2.5 s; jenkins stays away for three and a half.
        world.poll_for(3.5)
        began_s = world.now_s()
        world.start("jenkins-0", target.argv, target.files)
        world.await_ready("jenkins-0")
        record("fault", action="start", part="jenkins-0", began_s=began_s, ended_s=world.now_s())
        for expect in TIMELINES:
            observe_alert_timeline(expect, world, record)
        for expect in NOTIFICATIONS:
            observe_notification(expect, world, record)
        record_accepted(world, record)
    record.close()
    return read_history(top / "history.jsonl")


def start_servers(world):
    ports, binaries = world.ports, world.binaries
    manager = [
        str(binaries["alertmanager"]),
        "--config.file=alertmanager.yml",
        "--storage.path=data",
        "--log.level=debug",
    ]
    address = f"--web.listen-address=127.0.0.1:{ports['alertmanager-main-0']}"
    world.start("alertmanager-main-0", [*manager, address, "--cluster.listen-address="], alertmanager_files(ports))
    for part, hold_ms in (("prometheus-core-0", 2500), ("prometheus-hasty-0", 2000)):
        argv = [
            str(binaries["prometheus"]),
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{ports[part]}",
            "--rules.alert.for-grace-period=1s",
            "--rules.alert.resend-delay=500ms",
        ]
        world.start(part, argv, prometheus_files(ports, hold_ms))


def await_scraped(world, part):
    def probe():
        return world.http.get(f"{world.url(part)}/api/v1/query", params={"query": "up == 1"}).json()["data"]["result"]

    world.eventually(f"{part} scrapes jenkins", probe, bool, within_s=30)


def kill(record, world, process):
    began_s = world.now_s()
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    record("fault", action="stop", part="jenkins-0", began_s=began_s, ended_s=world.now_s())


TIMELINES = [
    AlertTimelineExpectation(name=app, app=app, fault_part="jenkins-0", within="20s", **ALERT)
    for app in ("prometheus-core", "prometheus-hasty")
]
NOTIFICATIONS = [
    NotificationExpectation(
        name=receiver, receiver=receiver, firing=count, resolved=count, group_interval="1m", within=within, **ALERT
    )
    for receiver, count, within in (("mattermost", 1, "10s"), ("pagerduty", 1, "10s"), ("email", 0, "1s"))
]


def timeline(history, app):
    expect = next(e for e in TIMELINES if e.app == app)
    return check_alert_timeline(expect, history)


def notification(history, receiver):
    expect = next(e for e in NOTIFICATIONS if e.receiver == receiver)
    return check_notification(expect, history)


def test_the_shipped_rule_keeps_its_predicted_times(history):
    finding = timeline(history, "prometheus-core")
    assert finding.verdict is Verdict.PASS, finding
    assert finding.expected["live_s"]["firing after pending"] == [2.5, 2.75]
    assert finding.expected["goes"] == ["pending", "firing", "inactive"]
    assert history.of("prediction", expectation="prometheus-core")[0].data["promtool_output"].endswith("SUCCESS")


def test_a_rule_that_waits_too_short_fails(history):
    finding = timeline(history, "prometheus-hasty")
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.RULE), finding
    assert "firing after pending is 2.0" in finding.reason


def test_mattermost_is_told_once_firing_and_once_resolved(history):
    finding = notification(history, "mattermost")
    assert finding.verdict is Verdict.PASS, finding
    assert 0 < finding.observed["delivery_s"] < 5


def test_a_receiver_that_is_told_twice_fails(history):
    finding = notification(history, "pagerduty")
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.RECEIVER), finding
    assert "2 times instead of 1" in finding.reason


def test_a_receiver_that_the_route_leaves_out_is_quiet(history):
    assert notification(history, "email").verdict is Verdict.PASS
    counters = history.of("value", expectation="email", stage="alertmanager")[0].data["value"]
    assert counters["received_firing"] >= 1
    assert counters["notifications"] == 0


def test_an_observer_stops_looking_when_it_has_seen_everything(history):
    watched = history.of("value", expectation="mattermost", stage="receiver")[0].data["value"]["watched_s"]
    assert watched[1] - watched[0] < 10
    ended_s = history.of("fault", action="start")[0].data["ended_s"]
    assert history.of("prediction")[-1].at_s - ended_s < 20


def test_the_record_says_how_the_alert_came_from_place_to_place(history):
    expectations = [TIMELINES[0], *NOTIFICATIONS]
    findings = [timeline(history, "prometheus-core"), *(notification(history, e.name) for e in NOTIFICATIONS)]
    sighting = alert_sightings("live", expectations, history, findings, clock_factor=FACTOR)[ALERT["alert"]]
    places = [passage.place for passage in sighting.raised]
    assert places[:4] == ["condition", "pending", "firing", "alertmanager"]
    assert set(places[4:]) == {"mattermost", "pagerduty"}
    times_s = [passage.at_s for passage in sighting.raised]
    assert times_s == sorted(times_s)
    assert [passage.place for passage in sighting.cleared][:2] == ["condition", "inactive"]
    assert (sighting.quiet, sighting.not_passed) == (("email",), ("pagerduty",))
