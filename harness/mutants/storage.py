"""Broken platforms: what is kept, and for how long."""

from __future__ import annotations

from typing import Any, Final

from fawkes.harness.model import Stage
from fawkes.harness.mutants.mutant import NAMESPACE, Mutant
from fawkes.harness.operator.objects import Objects


def _retention_day_short(objects: Objects) -> Objects:
    def change(prometheus: dict[str, Any]) -> None:
        prometheus["spec"]["retention"] = "29d"

    return objects.edit("Prometheus", NAMESPACE, "core", change)


MUTANTS: Final = (
    Mutant(
        "retention_day_short",
        "Prometheus Core keeps 29 days instead of 30",
        "retention_tiers",
        Stage.PROMETHEUS,
        change=_retention_day_short,
    ),
)
