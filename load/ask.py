"""One question to Thanos Query, again and again, as a dashboard asks it. Driver of `do: ask`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from fawkes.harness.checks.continuity import ANSWERED
from fawkes.harness.duration import DurationS
from fawkes.harness.model import Component, Json
from fawkes.harness.observe.promql import NO_ANSWER, instant
from fawkes.harness.world import Recorder, Site, World

APP: Final = "thanos-query"
_DASHBOARD: Final = {"dedup": "true", "partial_response": "true"}
"""As Grafana asks by default: rather what there is than an error."""


class AskSpec(BaseModel):
    """`do: ask`"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    do: Literal["ask"]
    query: str = Field(description="PromQL.")
    every: DurationS = Field(default=1.0, ge=0.1, description="On the true clock: people don't look faster.")
    for_s: DurationS = Field(alias="for", gt=0, description="How long, unscaled.")


class Ask:
    """Driver of `do: ask`."""

    spec: type[BaseModel] = AskSpec

    def components(self, spec: AskSpec, site: Site) -> Sequence[Component]:
        """None: it asks what is there."""
        return ()

    def run(self, spec: AskSpec, world: World, record: Recorder) -> None:
        """Record each answer as `answered`: a list of labels and values, or null when there was none."""
        (part, *_) = world.replicas(APP)
        until_s = world.now_s() + spec.for_s / world.clock_factor
        while (asked_s := world.now_s()) < until_s:
            answer: Json = None
            try:
                answer = [[dict(one.labels), one.value] for one in instant(world, part, spec.query, _DASHBOARD)]
            except NO_ANSWER as error:
                told = f"{type(error).__name__}: {error}"
            else:
                told = ""
            told_s = world.now_s()
            record(ANSWERED, source=part, query=spec.query, asked_s=asked_s, told_s=told_s, value=answer, error=told)
            world.poll_for(asked_s + spec.every - world.now_s())
