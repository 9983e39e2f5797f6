"""A scrape target whose series follow a script, found by the platform's own monitors. Driver of `do: expose`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from typing import Final, Literal

from pydantic import BaseModel, Field

from fawkes.harness.duration import DurationS
from fawkes.harness.model import Component, Ready
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.observe.promql import instant
from fawkes.harness.promql.selector import selector
from fawkes.harness.script import Script
from fawkes.harness.world import Recorder, Site, World

DISCOVERED_WITHIN_S: Final = 15.0
"""Discovery hands targets over every 5 s, whatever the clock; the rest is for busy cores."""
SCRAPED_WITHIN_S: Final = 45.0
"""Unscaled: an interval of at most 30 s and a scrape that takes its time."""


class ExposeSpec(Script):
    """`do: expose`. The script's time begins once every replica of `scraped_by` has scraped the target."""

    do: Literal["expose"]
    app: str = Field(
        description="What it plays: the label fawkes.io/service of a Service among the platform's objects, e.g. "
        "node-exporter, kube-state-metrics, jenkins. It takes the place of a sample service of that name."
    )
    replica: int = Field(default=0, ge=0, le=99, description="Which pod of the app: the part is called APP-REPLICA.")
    scraped_by: str = Field(default="prometheus-core", description="The Prometheus whose monitors select the app.")
    for_s: DurationS = Field(
        alias="for",
        description="How long the workload waits from the script's beginning, unscaled, before the next one begins. "
        "The script goes on for as long as the platform runs. 0s: not at all.",
    )

    @property
    def part(self) -> str:
        return f"{self.app}-{self.replica}"


class Expose:
    """Driver of `do: expose`."""

    spec: type[BaseModel] = ExposeSpec

    def components(self, spec: ExposeSpec, site: Site) -> Sequence[Component]:
        """The scrape target; its page stands still at 0 until `run`."""
        port = site.port(spec.part)
        script = Script(series=spec.series, silent=spec.silent)
        target = Component(
            name=spec.part,
            app=spec.app,
            argv=(
                sys.executable,
                *("-m", "fawkes.load.scripted_target"),
                *("--port", str(port), "--config", "script.json"),
            ),
            ready=Ready(by="http"),
            ports={"http": port},
            files={"script.json": script.model_dump_json()},
        )
        return (target,)

    def run(self, spec: ExposeSpec, world: World, record: Recorder) -> None:
        """Begin the script, record an `exposed`, wait, and record as `served` when the page was read until then.

        A target that is never scraped is recorded, not raised: the checks say so. Raises httpx.HTTPError when the
        target itself does not answer, which makes the run void.
        """
        until_s = world.now_s() + DISCOVERED_WITHIN_S + SCRAPED_WITHIN_S / world.clock_factor
        scraped = {part: _is_scraped(spec, world, part, until_s) for part in world.replicas(spec.scraped_by)}
        url = world.url(spec.part)
        answer = world.http.post(f"{url}/-/begin", json={"clock_factor": world.clock_factor}).raise_for_status()
        began_s = float(answer.json()["began_s"])
        record(
            "exposed",
            part=spec.part,
            app=spec.app,
            began_s=began_s,
            clock_factor=world.clock_factor,
            scraped=scraped,
            **Script(series=spec.series, silent=spec.silent).model_dump(mode="json"),
        )
        world.poll_for(began_s + spec.for_s / world.clock_factor - world.now_s())
        served = world.http.get(f"{url}/-/served").raise_for_status().json()
        record("served", part=spec.part, scrapes=served)


def _is_scraped(spec: ExposeSpec, world: World, replica: str, until_s: float) -> bool:
    ask = partial(instant, world, replica, selector("up", {"pod": spec.part}))
    return bool(last_seen(world, f"{replica} has scraped {spec.part}", ask, bool, until_s=until_s))
