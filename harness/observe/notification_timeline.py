"""Reads what all receivers were told, and what the prediction is made of: the shipped alertmanager.yaml and ALERTS."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any, Final

from fawkes.harness.checks.alerting_record import APP
from fawkes.harness.checks.notification_timeline import NotificationTimelineExpectation
from fawkes.harness.checks.notifications import SETTLE_FLUSHES
from fawkes.harness.clock import scale_objects
from fawkes.harness.duration import parse_duration_s
from fawkes.harness.inventory import Inventory
from fawkes.harness.model import Json, Stage
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.observe.promql import Series, instant, samples_since_start
from fawkes.harness.observe.recording import record_series, record_value
from fawkes.harness.operator.alertmanager import config_secret, read_config
from fawkes.harness.operator.objects import Manifest, Objects, load_objects
from fawkes.harness.operator.prometheus import alert_labels
from fawkes.harness.oracle.alert_routing import parse_config
from fawkes.harness.places import PLATFORM
from fawkes.harness.promql.selector import selector
from fawkes.harness.world import Recorder, World

_ANSWER_WITHIN_S: Final = 10.0
"""For questions that only have to be answered; a page on loopback takes milliseconds."""
_PEER_TIMEOUT: Final = "15s"
_RESEND_DELAY: Final = "1m"
_RULE_INTERVAL: Final = "30s"
"""Defaults of --cluster.peer-timeout, --rules.alert.resend-delay and, in the CRD, of evaluationInterval."""
_TOLD: Final = ("send_resolved", "channel", "to")
"""What is recorded of a receiver's integration: whom it tells and of what. Never a URL, which may be a secret."""


def observe_notification_timeline(expect: NotificationTimelineExpectation, world: World, record: Recorder) -> None:
    """Record as `received` every entry of the messages about the alerts, as `alertmanager` the shipped configuration on
    the run's clock, and for each replica of `app` its ALERTS and as `prometheus` how it sends them.

    With `app`, waits until its alerts have ended, at most `within`, and then for two group_intervals, in which
    everything that Alertmanager still has to say is said.
    """
    objects = _shipped(world.clock_factor)
    about, config = _alertmanager(objects, world.replicas(APP))
    if expect.app is not None:
        _wait_for_the_end(expect, world, SETTLE_FLUSHES * parse_config(config).route.group_interval_s)
    part = world.replicas("receivers")[0]
    ask = partial(_received, world, part)
    entries = last_seen(world, "what was received", ask, until_s=world.now_s() + _ANSWER_WITHIN_S)
    value = None if entries is None else {"until_s": world.now_s(), "entries": len(entries)}
    record_value(record, expect, value, stage=Stage.RECEIVER, part=part, query="/received")
    for entry in _about(expect.labels, entries or ()):
        record("received", expectation=expect.name, **entry)
    record("alertmanager", expectation=expect.name, **about)
    if expect.app is not None:
        _record_alerts(expect, world, record, objects)


@cache
def _shipped(factor: float) -> Objects:
    objects = load_objects(PLATFORM)
    return objects if factor == 1.0 else scale_objects(objects, factor).objects


def _alertmanager(objects: Objects, replicas: Sequence[str]) -> tuple[dict[str, Json], dict[str, Any]]:
    """The fields of an `alertmanager` record, and the configuration in it."""
    (manifest,) = objects.of("Alertmanager")
    whole = read_config(config_secret(manifest, objects))
    config: dict[str, Any] = {key: whole[key] for key in ("route", "inhibit_rules") if key in whole}
    config["receivers"] = [_without_secrets(receiver) for receiver in whole["receivers"]]
    config["global"] = {k: v for k, v in (whole.get("global") or {}).items() if k == "resolve_timeout"}
    peer_timeout_s = parse_duration_s(manifest["spec"].get("clusterPeerTimeout", _PEER_TIMEOUT))
    return {"config": config, "replicas": list(replicas), "peer_timeout_s": peer_timeout_s}, config


def _without_secrets(receiver: Mapping[str, Any]) -> dict[str, Any]:
    told = {
        kind: [{key: one[key] for key in _TOLD if key in one} for one in configs]
        for kind, configs in receiver.items()
        if kind != "name"
    }
    return {"name": receiver["name"], **told}


def _received(world: World, part: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = world.http.get(f"{world.url(part)}/received").raise_for_status().json()
    return entries


def _about(labels: Mapping[str, str], entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """All entries of each message in which an alert has the labels, or none can be read."""
    messages = {
        entry["message"]
        for entry in entries
        if not entry["alert"] or labels.items() <= {"alertname": entry["alert"], **entry["labels"]}.items()
    }
    return [entry for entry in entries if entry["message"] in messages]


def _wait_for_the_end(expect: NotificationTimelineExpectation, world: World, settle_s: float) -> None:
    until_s = world.now_s() + expect.within
    alerts = selector("ALERTS", expect.labels)
    ended_s = [0.0]
    for part in world.replicas(expect.app or ""):
        now, since_start = (partial(ask, world, part, alerts) for ask in (instant, samples_since_start))
        last_seen(world, f"{alerts} gone on {part}", now, operator.not_, until_s=until_s)
        for series in last_seen(world, alerts, since_start, until_s=until_s) or ():
            ended_s += [at_s for at_s, _ in series.samples]
    world.poll_for(max(ended_s) + settle_s - world.now_s())


def _record_alerts(expect: NotificationTimelineExpectation, world: World, record: Recorder, objects: Objects) -> None:
    manifest = next(one.manifest for one in Inventory(objects).prometheus if one.app == expect.app)
    about = {
        "external_labels": alert_labels(manifest),
        "resend_delay_s": parse_duration_s(
            manifest["spec"].get("rules", {}).get("alert", {}).get("resendDelay", _RESEND_DELAY)
        ),
        "intervals_s": _intervals_s(objects, manifest),
    }
    for part in world.replicas(expect.app or ""):
        ask, until_s = partial(samples_since_start, world, part, "ALERTS"), world.now_s() + _ANSWER_WITHIN_S
        series: list[Series] | None = last_seen(world, f"ALERTS of {part}", ask, until_s=until_s)
        record_series(record, expect, series, stage=Stage.RULE, part=part, query="ALERTS")
        record("prometheus", expectation=expect.name, part=part, asked_s=world.now_s(), **about)


def _intervals_s(objects: Objects, prometheus: Manifest) -> dict[str, float]:
    """Alert -> how often its rule is evaluated."""
    default = prometheus["spec"].get("evaluationInterval", _RULE_INTERVAL)
    return {
        rule["alert"]: parse_duration_s(group.get("interval", default))
        for manifest in objects.of("PrometheusRule")
        for group in manifest["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
