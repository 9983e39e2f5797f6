"""Broken platforms: the ADR's rules without the defects that the scenario says they have."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fawkes.harness.model import Component, Stage
from fawkes.harness.mutants.mutant import Mutant

_PART: Final = "prometheus-adr-0"


def _mended(part: Component) -> Component:
    """The deployment frequency as it should have been written."""
    if part.name != _PART:
        return part
    files = {
        name: text.replace("sum(rate(fawkes_deployment_total[24h]))", "sum(increase(fawkes_deployment_total[24h]))")
        for name, text in part.files.items()
    }
    return replace(part, files=files)


MUTANTS: Final = (
    Mutant(
        "adr_rule_mended",
        "the ADR's deployment frequency is counted per day, so that its defect is gone",
        "adr_defects",
        Stage.RULE,
        change_part=_mended,
    ),
)
