"""Broken platforms: the alerts on nodes, pods and flapping services."""

from __future__ import annotations

from typing import Any, Final

from fawkes.harness.model import Stage
from fawkes.harness.mutants.mutant import NAMESPACE, Mutant, change_rule
from fawkes.harness.operator.objects import Objects

_RESTARTS: Final = "kube_pod_container_status_restarts_total"
_USED: Final = "(node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes) / node_memory_MemTotal_bytes"


def _alert(objects: Objects, alert: str, **fields: str) -> Objects:
    return change_rule(objects, "platform-alerts", "alert", alert, **fields)


def _node_exporter_not_selected(objects: Objects) -> Objects:
    def change(monitor: dict[str, Any]) -> None:
        del monitor["metadata"]["labels"]["prometheus"]

    return objects.edit("ServiceMonitor", NAMESPACE, "node-exporter", change)


MUTANTS: Final = (
    Mutant(
        "memory_threshold_low",
        "HighMemoryUsage fires above 80 % instead of 85 %",
        "alert_high_memory",
        Stage.RULE,
        change=lambda objects: _alert(objects, "HighMemoryUsage", expr=f"{_USED} > 0.80"),
    ),
    Mutant(
        "memory_alert_at_once",
        "HighMemoryUsage doesn't wait for 10 minutes",
        "alert_high_memory",
        Stage.RULE,
        change=lambda objects: _alert(objects, "HighMemoryUsage", **{"for": "0s"}),
    ),
    Mutant(
        "node_exporter_not_selected",
        "node-exporter's ServiceMonitor lacks the label that Prometheus selects by",
        "alert_high_memory",
        Stage.PROMETHEUS,
        change=_node_exporter_not_selected,
    ),
    Mutant(
        "restarts_as_in_the_adr",
        "PodCrashLooping asks for any restart rate, as the ADR does, so that two restarts fire",
        "alert_pod_crash_looping",
        Stage.RULE,
        change=lambda objects: _alert(objects, "PodCrashLooping", expr=f"rate({_RESTARTS}[15m]) > 0"),
    ),
    Mutant(
        "restarts_as_a_difference",
        "PodCrashLooping takes a counter that was reset for restarts",
        "alert_pod_crash_looping",
        Stage.RULE,
        change=lambda objects: _alert(
            objects, "PodCrashLooping", expr=f"max_over_time({_RESTARTS}[1h]) - min_over_time({_RESTARTS}[1h]) >= 3"
        ),
    ),
    Mutant(
        "flapping_fires",
        "PlatformServiceDown waits 2 minutes instead of 5, so that a service that flaps fires",
        "alert_flapping",
        Stage.RULE,
        change=lambda objects: _alert(objects, "PlatformServiceDown", **{"for": "2m"}),
    ),
    Mutant(
        "blindness_unnoticed",
        "NodeMemoryMetricsAbsent asks whether node-exporter is a target, which it still is when it answers nothing",
        "alert_metrics_absent",
        Stage.RULE,
        change=lambda objects: _alert(objects, "NodeMemoryMetricsAbsent", expr='absent(up{job="node-exporter"})'),
    ),
)
