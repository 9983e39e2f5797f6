"""Broken platforms. Each breaks one thing that a scenario must catch, at the stage where it broke."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fawkes.harness.errors import UsageError
from fawkes.harness.mutants import (
    adr,
    alerts,
    cluster,
    dora,
    dora_alerts,
    exporters,
    inside,
    native,
    notifications,
    orchestrated,
    paths,
    queries,
    storage,
)
from fawkes.harness.mutants.mutant import Mutant
from fawkes.harness.scenario.loading import did_you_mean

MUTANTS: Final[Mapping[str, Mutant]] = {
    mutant.name: mutant
    for module in (
        paths,
        dora,
        native,
        dora_alerts,
        adr,
        alerts,
        exporters,
        notifications,
        storage,
        queries,
        inside,
        cluster,
        orchestrated,
    )
    for mutant in module.MUTANTS
}


def find_mutant(name: str) -> Mutant:
    """The mutant of that name. UsageError, with the nearest name, if there is none."""
    if name not in MUTANTS:
        raise UsageError(f"there is no mutant {name!r}{did_you_mean(name, MUTANTS)}; `harness mutants` shows all")
    return MUTANTS[name]
