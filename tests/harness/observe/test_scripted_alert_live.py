"""A scripted target, two real Prometheus and the alert check: an alert that flaps around its `keep_firing_for`.

`prometheus-core` evaluates the rule as it ships here; `prometheus-hasty` has lost `keep_firing_for`, so that each flap is
an alert of its own.
"""

import contextlib
import json

import pytest

from fawkes.harness.checks.alerts import AlertTimelineExpectation, check_alert_timeline
from fawkes.harness.history import HistoryWriter, read_history
from fawkes.harness.model import Stage, Verdict
from fawkes.harness.observe.alerts import observe_alert_timeline
from fawkes.load.expose import Expose, ExposeSpec
from free_ports import free_ports
from live_world import LiveWorld, built

pytestmark = [pytest.mark.platform, pytest.mark.slow]

FACTOR = 120.0
RULE = {"alert": "Full", "expr": "used / total > 0.85", "for": "2m", "keep_firing_for": "3m", "labels": {"team": "a"}}
# Above from 1 to 5 minutes (fires at 3), below until 6:30 (kept), above until 8, then below for good: it ends at 11.
SCRIPT = {
    "do": "expose",
    "app": "node-exporter",
    "for": "12m",
    "series": [
        {"name": "total", "steps": [{"at": "0s", "value": 100}]},
        {
            "name": "used",
            "steps": [
                {"at": at, "value": value}
                for at, value in (("0s", 85), ("1m", 86), ("5m", 10), ("6m30s", 99), ("8m", 85))
            ],
        },
    ],
}
EXPECT = {"alert": "Full", "labels": {"pod": "node-exporter-0"}, "exposed_part": "node-exporter-0", "within": "20s"}


class TwoKinds(LiveWorld):
    """The driver waits for every Prometheus there is: `all`."""

    def replicas(self, app):
        return [part for part in self.ports if part.startswith("prometheus-")] if app == "all" else [f"{app}-0"]


def prometheus(world, part, **changed):
    scaled = RULE | {"for": "1s", "keep_firing_for": "1500ms"} | changed
    target = {"targets": [f"127.0.0.1:{world.ports['node-exporter-0']}"], "labels": {"pod": "node-exporter-0"}}
    config = {
        "global": {"scrape_interval": "250ms", "scrape_timeout": "250ms"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [{"job_name": "node-exporter", "static_configs": [target]}],
    }
    group = {"name": "g", "interval": "250ms", "rules": [scaled]}
    argv = [
        str(world.binaries["prometheus"]),
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        f"--web.listen-address=127.0.0.1:{world.ports[part]}",
    ]
    return argv, {"prometheus.yml": json.dumps(config), "rules.yml": json.dumps({"groups": [group]})}


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """`judged(app, goes)` -> the finding on one of the two, of one run."""
    binaries, top = built("prometheus", "promtool"), tmp_path_factory.mktemp("world")
    group = {"name": "g", "interval": "30s", "rules": [RULE]}
    (top / "rules").mkdir()
    (top / "rules" / "rule.yaml").write_text(json.dumps({"kind": "PrometheusRule", "spec": {"groups": [group]}}))
    parts = ("node-exporter-0", "prometheus-core-0", "prometheus-hasty-0")
    record = HistoryWriter(top / "history.jsonl")
    spec = ExposeSpec.model_validate(SCRIPT | {"scraped_by": "all"})
    with contextlib.ExitStack() as stack:
        world = TwoKinds(stack, top, dict(zip(parts, free_ports(3), strict=True)), binaries, clock_factor=FACTOR)
        (target,) = Expose().components(spec, world)
        world.start("node-exporter-0", target.argv, target.files)
        world.start("prometheus-core-0", *prometheus(world, "prometheus-core-0"))
        world.start("prometheus-hasty-0", *prometheus(world, "prometheus-hasty-0", keep_firing_for="0s"))
        for part in parts:
            world.await_ready(part)
        Expose().run(spec, world, record)
        for app in ("prometheus-core", "prometheus-hasty"):
            observe_alert_timeline(expectation(app, top), world, record)
    record.close()
    history = read_history(top / "history.jsonl")
    return lambda app, **changed: check_alert_timeline(expectation(app, top, **changed), history)


def expectation(app, top, **changed):
    return AlertTimelineExpectation.model_validate(
        {"name": app, "app": app, "rules": str(top / "rules"), **EXPECT, **changed}
    )


def test_an_alert_that_flaps_within_keep_firing_for_fires_once(judged):
    finding = judged("prometheus-core")
    assert finding.verdict is Verdict.PASS, finding
    assert finding.expected["unscaled"][-1][0] - finding.expected["unscaled"][0][0] == pytest.approx(600)


def test_a_rule_that_lost_keep_firing_for_fires_twice_and_fails(judged):
    finding = judged("prometheus-hasty")
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.RULE), finding
    assert "was pending -> firing -> inactive -> pending -> " in finding.reason


def test_a_scenario_that_claims_otherwise_is_inconclusive(judged):
    finding = judged("prometheus-core", goes=["pending", "inactive"])
    assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
