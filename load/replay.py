"""Plays a recorded history into the DORA service's webhooks, signed, and records what became of every event."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from fawkes.harness.model import Component
from fawkes.harness.world import Recorder, Site, World
from fawkes.load.histories import ANSWERS_OF, history_path, load_history, midnight_s
from fawkes.load.pace import paced
from fawkes.load.sender import Sender


class ReplaySpec(BaseModel):
    """`do: replay`"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    do: Literal["replay"]
    history: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")] = Field(
        description="Name of a file in fixtures/histories, without .yaml."
    )
    order: Literal["as_recorded", "shuffled"] = Field(
        default="as_recorded", description="shuffled: in an order that the run's seed decides."
    )
    copies: int = Field(default=1, ge=1, le=10, description="How often the whole history is sent.")
    rate_per_s: float | None = Field(default=None, gt=0, description="Events per second; as fast as it goes if absent.")


class Replay:
    """Driver of `do: replay`."""

    spec: type[BaseModel] = ReplaySpec

    def components(self, spec: ReplaySpec, site: Site) -> Sequence[Component]:
        """None: the history goes to the platform's own DORA service."""
        return ()

    def run(self, spec: ReplaySpec, world: World, record: Recorder) -> None:
        """Post every event, retrying while the service can't be reached, and record one `event` each; before that, the
        history's own `answers`.

        Raises UsageError or ScenarioError when the history can't be read; never because of the service.
        """
        history = load_history(history_path(spec.history))
        answers = {"environment": ANSWERS_OF, "window_s": history.window, "answers": history.answers.stated()}
        record("answers", team=history.team, **answers)
        events = history.events(midnight_s(world.now_s()), world.run_id) * spec.copies
        if spec.order == "shuffled":
            random.Random(world.seed).shuffle(events)
        sender = Sender(world, record)
        for event in paced(events, spec.rate_per_s, world):
            sender.send(event)
