"""Broken platforms: alerts and their notifications."""

from __future__ import annotations

from typing import Any, Final

from fawkes.harness.model import Stage
from fawkes.harness.mutants.mutant import NAMESPACE, Config, Mutant, change_rule, reconfigured
from fawkes.harness.operator.objects import Objects


def _rule_not_selected(objects: Objects) -> Objects:
    def change(rule: dict[str, Any]) -> None:
        del rule["metadata"]["labels"]["prometheus"]

    return objects.edit("PrometheusRule", NAMESPACE, "platform-alerts", change)


def _alert_wrong_for(objects: Objects) -> Objects:
    return change_rule(objects, "platform-alerts", "alert", "PlatformServiceDown", **{"for": "4m"})


def _notified_twice(config: Config) -> None:
    for receiver in config["receivers"]:
        for kind in ("slack_configs", "pagerduty_configs"):
            receiver[kind] = receiver.get(kind, []) * 2


MUTANTS: Final = (
    Mutant(
        "rule_not_selected",
        "the alerts' PrometheusRule lacks the label that Prometheus selects by",
        "alert_platform_service_down",
        Stage.RULE,
        change=_rule_not_selected,
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
        change=reconfigured(_notified_twice),
    ),
)
