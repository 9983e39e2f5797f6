"""Broken platforms: the way of a sample from a target to Thanos."""

from __future__ import annotations

from typing import Any, Final

from fawkes.harness.model import Stage
from fawkes.harness.mutants.mutant import NAMESPACE, Mutant
from fawkes.harness.operator.objects import Objects


def _monitor_not_selected(objects: Objects) -> Objects:
    def change(monitor: dict[str, Any]) -> None:
        monitor["metadata"]["labels"] = {"app": "beacon"}  # as the ADR labels its ServiceMonitor

    return objects.edit("ServiceMonitor", "fawkes-platform", "beacon", change)


def _replica_label_renamed(objects: Objects) -> Objects:
    def change(prometheus: dict[str, Any]) -> None:
        prometheus["spec"]["replicaExternalLabelName"] = "replica"

    return objects.edit("Prometheus", NAMESPACE, "core", change)


MUTANTS: Final = (
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
)
