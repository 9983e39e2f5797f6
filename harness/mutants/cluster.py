"""Broken platforms: what is on the cluster is not what ships."""

from __future__ import annotations

from typing import Any, Final

from fawkes.harness.model import Stage
from fawkes.harness.mutants.mutant import Mutant
from fawkes.harness.operator.objects import Objects


def _honor_labels_lost(objects: Objects) -> Objects:
    def change(monitor: dict[str, Any]) -> None:
        del monitor["spec"]["endpoints"][0]["honorLabels"]

    return objects.edit("ServiceMonitor", "fawkes-platform", "dora", change)


def _service_renamed(objects: Objects) -> Objects:
    def change(service: dict[str, Any]) -> None:
        service["metadata"]["labels"]["fawkes.io/service"] = "registry"

    return objects.edit("Service", "fawkes-cicd", "harbor", change)


MUTANTS: Final = (
    Mutant(
        "honor_labels_lost",
        "somebody has taken honorLabels from the DORA service's monitor on the cluster",
        "selectors_equal",
        Stage.PROMETHEUS,
        change=_honor_labels_lost,
    ),
    Mutant(
        "service_renamed",
        "Harbor's Service on the cluster is called registry, and so is the job of its target",
        "selectors_equal",
        Stage.PROMETHEUS,
        change=_service_renamed,
    ),
)
