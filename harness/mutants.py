"""Broken platforms. Each breaks one thing that a scenario must catch, at the stage where it broke."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from fawkes.harness.errors import UsageError
from fawkes.harness.model import Json, Stage
from fawkes.harness.operator.objects import Objects
from fawkes.harness.scenario.loading import did_you_mean

_NAMESPACE: Final = "fawkes-monitoring"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One broken platform: changed objects, or a tampering proxy in front of a part."""

    name: str
    breaks: str
    scenario: str
    """The scenario that must turn to FAIL."""
    stage: Stage
    """Where its finding must say that the chain broke."""
    change: Callable[[Objects], Objects] = lambda objects: objects
    tampers_with: str | None = None
    """The app whose `http` port is reached through a proxy (fawkes.harness.tamper)."""
    tamper: Mapping[str, Json] = field(default_factory=dict)
    """The proxy's settings."""


def find_mutant(name: str) -> Mutant:
    """The mutant of that name. UsageError, with the nearest name, if there is none."""
    if name not in MUTANTS:
        raise UsageError(f"there is no mutant {name!r}{did_you_mean(name, MUTANTS)}; `harness mutants` shows all")
    return MUTANTS[name]


def _rule(objects: Objects, owner: str, kind: str, name: str, **fields: str) -> Objects:
    """`objects` with fields of one rule (`record` or `alert` NAME) changed. UsageError if no rule is named so."""
    changed = False

    def change(owner_object: dict[str, Any]) -> None:
        nonlocal changed
        for group in owner_object["spec"]["groups"]:
            for rule in group["rules"]:
                if rule.get(kind) == name:
                    rule.update(fields)
                    changed = True

    edited = objects.edit("PrometheusRule", _NAMESPACE, owner, change)
    if not changed:
        raise UsageError(f"the platform has no {kind} {name!r} in PrometheusRule {owner}; the mutant is out of date")
    return edited


def _adr_literal_rule(objects: Objects) -> Objects:
    return _rule(
        objects,
        "dora-metrics",
        "record",
        "fawkes:dora:deployment_frequency:per_day",
        expr="sum(rate(fawkes_deployment_total[24h])) by (team, environment)",
    )


def _rule_not_selected(objects: Objects) -> Objects:
    def change(rule: dict[str, Any]) -> None:
        del rule["metadata"]["labels"]["prometheus"]

    return objects.edit("PrometheusRule", _NAMESPACE, "platform-alerts", change)


def _alert_wrong_for(objects: Objects) -> Objects:
    return _rule(objects, "platform-alerts", "alert", "PlatformServiceDown", **{"for": "4m"})


def _notified_twice(objects: Objects) -> Objects:
    def change(secret: dict[str, Any]) -> None:
        config = yaml.safe_load(secret["stringData"]["alertmanager.yaml"])
        for receiver in config["receivers"]:
            for kind in ("slack_configs", "pagerduty_configs"):
                receiver[kind] = receiver.get(kind, []) * 2
        secret["stringData"]["alertmanager.yaml"] = yaml.safe_dump(config, sort_keys=False)

    return objects.edit("Secret", _NAMESPACE, "alertmanager-main", change)


def _retention_day_short(objects: Objects) -> Objects:
    def change(prometheus: dict[str, Any]) -> None:
        prometheus["spec"]["retention"] = "29d"

    return objects.edit("Prometheus", _NAMESPACE, "core", change)


def _monitor_not_selected(objects: Objects) -> Objects:
    def change(monitor: dict[str, Any]) -> None:
        monitor["metadata"]["labels"] = {"app": "beacon"}  # as the ADR labels its ServiceMonitor

    return objects.edit("ServiceMonitor", "fawkes-platform", "beacon", change)


def _replica_label_renamed(objects: Objects) -> Objects:
    def change(prometheus: dict[str, Any]) -> None:
        prometheus["spec"]["replicaExternalLabelName"] = "replica"

    return objects.edit("Prometheus", _NAMESPACE, "core", change)


MUTANTS: Final[Mapping[str, Mutant]] = {
    mutant.name: mutant
    for mutant in (
        Mutant(
            "monitor_not_selected",
            "a ServiceMonitor lacks the label that Prometheus selects by",
            "smoke",
            Stage.PROMETHEUS,
            change=_monitor_not_selected,
        ),
        Mutant(
            "replica_label_renamed",
            "the replicas carry another label than the one Thanos Query deduplicates over",
            "smoke",
            Stage.SIDECAR,
            change=_replica_label_renamed,
        ),
        Mutant(
            "adr_literal_rule",
            "the ADR's own deployment-frequency rule: a rate per second, called per day",
            "dora_golden",
            Stage.RULE,
            change=_adr_literal_rule,
        ),
        Mutant(
            "rule_not_selected",
            "the alerts' PrometheusRule lacks the label that Prometheus selects by",
            "alert_platform_service_down",
            Stage.RULE,
            change=_rule_not_selected,
        ),
        Mutant(
            "exporter_restarts_at_zero",
            "the DORA exporter shows nothing of what happened before it started",
            "dora_golden",
            Stage.EXPORTER,
            tampers_with="dora",
            tamper={"zero_metrics_matching": "fawkes_.*"},
        ),
        Mutant(
            "webhook_dropped",
            "one webhook is acknowledged and lost",
            "dora_golden",
            Stage.STORE,
            tampers_with="dora",
            tamper={"drop_nth_post": 7},
        ),
        Mutant(
            "alert_wrong_for",
            "PlatformServiceDown waits 4 minutes instead of 5",
            "alert_platform_service_down",
            Stage.RULE,
            change=_alert_wrong_for,
        ),
        Mutant(
            "notified_twice",
            "every notification is sent twice",
            "alert_platform_service_down",
            Stage.RECEIVER,
            change=_notified_twice,
        ),
        Mutant(
            "retention_day_short",
            "Prometheus Core keeps 29 days instead of 30",
            "retention_tiers",
            Stage.PROMETHEUS,
            change=_retention_day_short,
        ),
        Mutant(
            "query_delayed",
            "Thanos Query answers 300 ms late",
            "query_latency_under_load",
            Stage.THANOS,
            tampers_with="thanos-query",
            tamper={"delay_s": 0.3},
        ),
        Mutant(
            "query_fast_and_wrong",
            "Thanos Query answers at once, with other numbers",
            "query_latency_under_load",
            Stage.THANOS,
            tampers_with="thanos-query",
            tamper={"corrupt_numbers": True},
        ),
    )
}
