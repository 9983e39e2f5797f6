"""Scrape load: a target with many churning series for Prometheus Apps. Driver of `do: scrape_load`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from fawkes.harness.duration import DurationS
from fawkes.harness.errors import DeadlineExceeded, UsageError
from fawkes.harness.model import Component, Ready
from fawkes.harness.observe.promql import instant
from fawkes.harness.promql.selector import selector
from fawkes.harness.world import Recorder, Site, World
from fawkes.load.series import STABLE_ONE_IN, SeriesPlan

PART = "load-target-0"
APP = "load-target"
SCRAPED_BY = "prometheus-apps"

SCRAPED_WITHIN_S = 60.0
"""Until all series are stored: 5 s of discovery, an interval of at most 15 s, and 10 s for a scrape on busy cores."""


class ScrapeLoadSpec(BaseModel):
    """`do: scrape_load`"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    do: Literal["scrape_load"]
    series: int = Field(default=100_000, ge=1_000, le=1_000_000, description="Series that exist at any time.")
    churn_percent: float = Field(
        default=1.0,
        ge=0,
        le=100 - 100 / STABLE_ONE_IN,
        description="Share of the series that vanish, and as many new ones that appear, at each change.",
    )
    every: DurationS = Field(default=30.0, gt=0, description="How long until the next change.")
    port: int | None = Field(default=None, ge=1, le=65535, description="The target's port; a free one if absent.")


class ScrapeLoad:
    """Driver of `do: scrape_load`."""

    spec: type[BaseModel] = ScrapeLoadSpec

    def components(self, spec: ScrapeLoadSpec, site: Site) -> Sequence[Component]:
        """The scrape target. Its plan is also left in the scenario's directory, for whoever asks for its values."""
        plan = SeriesPlan(
            run_id=site.run_id,
            seed=site.seed,
            series=spec.series,
            churn_per_generation=round(spec.series * spec.churn_percent / 100),
            generation_s=spec.every,
            epoch_s=site.started_at_s,
        )
        text = plan.model_dump_json(indent=2)
        _plan_file(site.directory).parent.mkdir(parents=True, exist_ok=True)
        _plan_file(site.directory).write_text(text, encoding="utf-8")
        port = spec.port if spec.port is not None else site.port(PART)
        target = Component(
            name=PART,
            app=APP,
            argv=(sys.executable, "-m", "fawkes.load.target", "--port", str(port), "--config", "plan.json"),
            ready=Ready(by="http"),
            ports={"http": port},
            files={"plan.json": text},
        )
        return (target,)

    def run(self, spec: ScrapeLoadSpec, world: World, record: Recorder) -> None:
        """Wait until every Prometheus Apps replica has stored all series, and record a `load`, also if it never does.

        Asked there and not at Thanos Query, because this is about what was offered and taken in; whether it can be
        read is what the queries find out.
        """
        plan = read_plan(world.directory)
        started_s, seen = world.now_s(), 0

        def stored() -> int:
            nonlocal seen
            seen = min(_count(world, replica, plan) for replica in world.replicas(SCRAPED_BY))
            return seen

        # Too few series make the load void, which the checks say; there is nothing to raise.
        with contextlib.suppress(DeadlineExceeded):
            what = f"{SCRAPED_BY} has stored {plan.series} series of the load target"
            world.eventually(what, stored, lambda count: count == plan.series, within_s=SCRAPED_WITHIN_S)
        record(
            "load",
            name=spec.do,
            offered=plan.series,
            achieved=seen,
            started_s=started_s,
            ended_s=world.now_s(),
            rate_per_s=None,
            send_lag_p99_s=None,
            churn_per_generation=plan.churn_per_generation,
            generation_s=plan.generation_s,
        )


def _count(world: World, replica: str, plan: SeriesPlan) -> int:
    query = f"count({selector('fawkes_load_value', {'run_id': plan.run_id})})"
    counted = instant(world, replica, query)
    return int(counted[0].value) if counted else 0


def _plan_file(directory: Path) -> Path:
    return directory / "work" / "scrape_load.json"


def read_plan(directory: Path) -> SeriesPlan:
    """The plan of the scenario's scrape load. UsageError if there is none."""
    path = _plan_file(directory)
    if not path.exists():
        raise UsageError("the scenario has no scrape load to ask for; add `do: scrape_load` before `do: query_load`")
    return SeriesPlan.model_validate_json(path.read_bytes())
