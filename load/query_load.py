"""Query load on Thanos Query, open-loop, by Locust in a process of its own. Driver of `do: query_load`."""

from __future__ import annotations

import itertools
import random
import signal
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat

from fawkes.harness.duration import DurationS
from fawkes.harness.errors import ComponentError
from fawkes.harness.host import CpuReading, cores, foreign_cores, own_cpu_s, read_cpu
from fawkes.harness.model import Component
from fawkes.harness.observe.promql import raw_samples
from fawkes.harness.promql.selector import selector
from fawkes.harness.providers.local.process import signal_group, spawn
from fawkes.harness.world import Recorder, Site, World
from fawkes.load.churn import read_plan
from fawkes.load.dispatch import Arrivals, RateStage
from fawkes.load.queries import DEFAULT_WEIGHTS, Kind, Window
from fawkes.load.query_run import CONFIG_VARIABLE, QueryResults, QueryRun
from fawkes.load.series import SeriesPlan

SERVER = "thanos-query"

QUERY_TIMEOUT_S = 10.0
"""Prometheus' and Thanos' own limit is two minutes; a panel that took ten seconds nobody waits for."""

WARM_WITHIN_S = 60.0
"""Three scrapes must be stored. At the longest interval the scenarios use (15 s), and with 5 s until discovery hands
the target over, that is 50 s."""

LOCUST_EXTRA_S = 30.0
"""For Locust to start on two busy cores (3 s when idle), compute the truth, and stop."""


class QueryLoadSpec(BaseModel):
    """`do: query_load`. Needs a `scrape_load` before it, whose values it asks for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    do: Literal["query_load"]
    rate_per_s: PositiveFloat = Field(description="Queries per second, whatever the server makes of them.")
    ramp_to_per_s: PositiveFloat | None = Field(default=None, description="Rate at the end, reached in a line.")
    for_s: DurationS = Field(alias="for", gt=0, description="How long queries are sent.")
    arrivals: Arrivals = Field(default="constant", description="Evenly spaced, or at random as from many users.")
    mix: dict[Kind, NonNegativeFloat] = Field(
        default_factory=lambda: dict(DEFAULT_WEIGHTS), description="Weight of each kind of query; absent ones are 0."
    )


class QueryLoad:
    """Driver of `do: query_load`."""

    spec: type[BaseModel] = QueryLoadSpec

    def components(self, spec: QueryLoadSpec, site: Site) -> Sequence[Component]:
        """None: it only asks."""
        return ()

    def run(self, spec: QueryLoadSpec, world: World, record: Recorder) -> None:
        """Send the mix and record one `load` and, for `all` and each kind, one `latency`.

        `foreign_cores` in the `load` is what others used of the machine's `cores` on average, from Locust's start
        (some seconds before the first request) to its end.

        UsageError without a scrape_load before it; DeadlineExceeded if no scrapes show up or Locust does not end;
        ComponentError if Locust fails.
        """
        plan, part = read_plan(world.directory), world.replicas(SERVER)[0]
        work = world.directory / "work"
        results_file = work / "query_load.results.json"
        run = QueryRun(
            url=world.url(part),
            plan=plan,
            window=_warm_window(world, part, plan),
            weights=spec.mix,
            stages=(RateStage(for_s=spec.for_s, rate_per_s=spec.rate_per_s, to_per_s=spec.ramp_to_per_s),),
            arrivals=spec.arrivals,
            timeout_s=QUERY_TIMEOUT_S,
            seed=random.Random(f"{world.seed} query_load").getrandbits(63),
            results_file=str(results_file),
        )
        results_file.unlink(missing_ok=True)
        before = _read_cpu(world)
        run_locust(run, world, work)
        foreign = foreign_cores(before, _read_cpu(world))
        _record(QueryResults.model_validate_json(results_file.read_bytes()), spec, record, foreign)


def _read_cpu(world: World) -> CpuReading:
    return read_cpu(own_s=lambda: own_cpu_s() + world.cpu_s())


def _warm_window(world: World, part: str, plan: SeriesPlan) -> Window:
    """Wait until there is something settled to ask for. Only time stamps are used: values may be what is wrong."""
    served = selector("fawkes_load_series_served", {"run_id": plan.run_id})

    def stamps() -> list[float]:
        return sorted({at_s for series in raw_samples(world, part, served, "10m") for at_s, _ in series.samples})

    def settled(seen: list[float]) -> bool:
        return len(seen) >= 3 and world.now_s() - seen[0] >= _window(seen).settle_s

    what = f"{SERVER} shows three scrapes of the load target"
    seen: list[float] = world.eventually(what, stamps, settled, within_s=WARM_WITHIN_S)
    return _window(seen)


def _window(stamps: Sequence[float]) -> Window:
    gaps = [later - earlier for earlier, later in itertools.pairwise(stamps)]
    return Window(start_s=stamps[0], scrape_interval_s=statistics.median(gaps))


def run_locust(run: QueryRun, world: World, work: Path) -> None:
    """Run load/locustfile.py to its end. It cannot outlive this process, nor this call."""
    work.mkdir(parents=True, exist_ok=True)
    config, log = work / "query_load.config.json", work / "locust.log"
    config.write_text(run.model_dump_json(), encoding="utf-8")
    limit_s = run.planned_s + run.timeout_s + LOCUST_EXTRA_S
    argv = [
        *(sys.executable, "-m", "locust", "--headless", "--users", "1", "--only-summary", "--loglevel", "WARNING"),
        # Locust's own last word on time; and its exit code tells of its own trouble only, not of failed requests.
        *("--run-time", f"{limit_s:.0f}s", "--stop-timeout", "1", "--exit-code-on-error", "0"),
        *("--locustfile", str(Path(__file__).with_name("locustfile.py"))),
    ]
    process = spawn(argv, log=log, run_id=world.run_id, env={CONFIG_VARIABLE: str(config)}, cwd=work)
    try:
        code = world.eventually("Locust ends", process.poll, _is_not_none, within_s=limit_s)
    finally:
        _end(process)
    if code != 0 or not Path(run.results_file).exists():
        tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        message = "ended without results; read its log, then run the scenario again"
        raise ComponentError("locust", message, argv=argv, exit_code=code, log_tail=tail)


def _is_not_none(value: Any) -> bool:
    return value is not None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the group if anything of it is left, and reap it."""
    if process.poll() is None:
        signal_group(process.pid, signal.SIGKILL)
        process.wait()


def _record(results: QueryResults, spec: QueryLoadSpec, record: Recorder, foreign: float) -> None:
    record(
        "load",
        name=spec.do,
        rate_per_s=spec.rate_per_s,
        ramp_to_per_s=spec.ramp_to_per_s,
        foreign_cores=round(foreign, 3),
        cores=cores(),
        **results.model_dump(mode="json", exclude={"latency"}),
    )
    for query, measured in results.latency.items():
        record("latency", name=spec.do, query=query, **measured)
