"""Broken platforms: DORA values: the service, its exporter, the rules."""

from __future__ import annotations

from typing import Any, Final

from fawkes.harness.model import Stage
from fawkes.harness.mutants.mutant import Mutant, change_rule
from fawkes.harness.operator.objects import Objects


def _adr_literal_rule(objects: Objects) -> Objects:
    return change_rule(
        objects,
        "dora-metrics",
        "record",
        "fawkes:dora:deployment_frequency:per_day",
        expr="sum(rate(fawkes_deployment_total[24h])) by (team, environment)",
    )


def _counted_per_second(objects: Objects) -> Objects:
    return change_rule(
        objects,
        "dora-metrics",
        "record",
        "fawkes:dora:deployments:increase_7d",
        expr="sum by (team, environment) (max by (team, service, environment) (rate(fawkes_deployment_total[7d])))",
    )


def _service_label_lost(objects: Objects) -> Objects:
    def change(monitor: dict[str, Any]) -> None:
        del monitor["spec"]["endpoints"][0]["honorLabels"]

    return objects.edit("ServiceMonitor", "fawkes-platform", "dora", change)


MUTANTS: Final = (
    Mutant(
        "adr_literal_rule",
        "the ADR's own deployment-frequency rule: a rate per second, called per day",
        "dora_golden",
        Stage.RULE,
        change=_adr_literal_rule,
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
        "counted_per_second",
        "the counter form of the deployments is a rate per second, as in the ADR",
        "dora_counters",
        Stage.RULE,
        change=_counted_per_second,
    ),
    Mutant(
        "service_label_lost",
        "the scrape puts its own label `service` over the exporter's, and rules can't tell a team's services apart",
        "dora_month",
        Stage.RULE,
        change=_service_label_lost,
    ),
)
