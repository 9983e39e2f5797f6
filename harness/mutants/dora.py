"""Broken platforms: DORA values: the service, its exporter, the rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import yaml

from fawkes.harness.model import Component, Stage
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


def _link_window_an_hour(part: Component) -> Component:
    if part.app != "dora":
        return part
    settings = yaml.safe_load(part.files["dora.yaml"]) | {"incident_link_within_s": 3600}
    return replace(part, files={**part.files, "dora.yaml": yaml.safe_dump(settings)})


def _replicas_summed(objects: Objects) -> Objects:
    return change_rule(
        objects,
        "dora-metrics",
        "record",
        "fawkes:dora:deployment_frequency_per_day",
        expr="sum by (team, environment, window) (fawkes_dora_deployment_frequency_per_day)",
    )


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
    Mutant(
        "link_window_an_hour",
        "the service blames a deployment for what happens within an hour instead of a day",
        "dora_edge_cases",
        Stage.REST,
        change_part=_link_window_an_hour,
    ),
    Mutant(
        "conflict_accepted",
        "other content under a known identity is answered as if it had been taken",
        "dora_late_and_duplicate",
        Stage.EVENT,
        tampers_with="dora",
        tamper={"replace_status": {409: 200}},
    ),
    Mutant(
        "replicas_summed",
        "a recording rule adds up the replicas of the exporter",
        "dora_exporter_two_replicas",
        Stage.RULE,
        change=_replicas_summed,
    ),
    Mutant(
        "webhook_dropped_under_load",
        "one webhook of many is acknowledged and lost",
        "dora_service_restart",
        Stage.STORE,
        tampers_with="dora",
        tamper={"drop_nth_post": 100},
    ),
    Mutant(
        "band_too_good",
        "the API calls medium performers high ones",
        "classification_bands",
        Stage.REST,
        tampers_with="dora",
        tamper={"replace_in_json": {'"medium"': '"high"'}},
    ),
    Mutant(
        "levels_at_zero",
        "the exporter shows every team as a low performer",
        "classification_bands",
        Stage.EXPORTER,
        tampers_with="dora",
        tamper={"zero_metrics_matching": "fawkes_dora_performance_level"},
    ),
)
