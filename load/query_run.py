"""What the harness and its Locust process tell each other, as JSON files: the run's settings, and its results."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, PositiveFloat

from fawkes.harness.loopback import LoopbackUrl
from fawkes.harness.model import Json
from fawkes.load.dispatch import Arrivals, RateStage
from fawkes.load.queries import Kind, Window
from fawkes.load.series import SeriesPlan

CONFIG_VARIABLE = "FAWKES_LOAD_CONFIG"
"""Environment variable with the path of the QueryRun that locustfile.py carries out."""


class QueryRun(BaseModel):
    """One open-loop run of the query mix against one server on this machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: LoopbackUrl
    plan: SeriesPlan
    window: Window
    weights: Mapping[Kind, float]
    stages: tuple[RateStage, ...]
    arrivals: Arrivals
    timeout_s: PositiveFloat
    seed: int
    results_file: str

    @property
    def planned_s(self) -> float:
        return sum(stage.for_s for stage in self.stages)

    @property
    def rate_per_s_max(self) -> float:
        return max(max(stage.rate_per_s, stage.end_per_s) for stage in self.stages)


class QueryResults(BaseModel):
    """What that run measured. Instants are Unix seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    offered: int
    achieved: int
    started_s: float
    ended_s: float
    send_lag_p99_s: float
    generator_cpu_s: float
    generator_rss_bytes: int
    """The most it had resident at any time."""
    latency: Mapping[str, Mapping[str, Json]]
    """Tally.results."""
