"""Broken platforms: answers and their latency."""

from __future__ import annotations

from typing import Final

from fawkes.harness.model import Stage
from fawkes.harness.mutants.mutant import Mutant

MUTANTS: Final = (
    Mutant(
        "query_delayed",
        "Thanos Query answers 300 ms late",
        "query_latency_under_load",
        Stage.THANOS,
        tampers_with="thanos-query",
        tamper={"delay_s": 0.3},
    ),
    Mutant(
        "query_fast_and_wrong",
        "Thanos Query answers at once, with other numbers",
        "query_latency_under_load",
        Stage.THANOS,
        tampers_with="thanos-query",
        tamper={"corrupt_numbers": True},
    ),
)
