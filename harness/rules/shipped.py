"""The alerts that the platform ships, and which of them its rule unit tests name firing and quiet."""

from __future__ import annotations

from pathlib import Path

import yaml

from fawkes.harness.model import ShippedAlert
from fawkes.harness.operator.objects import Objects, name_of, namespace_of
from fawkes.harness.rules.coverage import alert_assertions


def shipped_alerts(objects: Objects, tests: Path) -> tuple[ShippedAlert, ...]:
    """Every `alert:` of every PrometheusRule, in the order of the rules; `tests` holds promtool's unit tests.

    Says what the tests assert; that they hold is what `harness toolchain check-rules` proves.
    """
    assertions = alert_assertions([yaml.safe_load(path.read_text()) or {} for path in sorted(tests.glob("*.yaml"))])
    firing = {assertion["alertname"] for assertion in assertions if assertion.get("exp_alerts")}
    quiet = {assertion["alertname"] for assertion in assertions if not assertion.get("exp_alerts")}
    return tuple(
        ShippedAlert(
            name=rule["alert"],
            rule=f"{namespace_of(manifest)}/{name_of(manifest)}",
            group=group["name"],
            severity=(rule.get("labels") or {}).get("severity", ""),
            tested_firing=rule["alert"] in firing,
            tested_quiet=rule["alert"] in quiet,
        )
        for manifest in objects.of("PrometheusRule")
        for group in manifest["spec"].get("groups") or ()
        for rule in group.get("rules") or ()
        if "alert" in rule
    )
