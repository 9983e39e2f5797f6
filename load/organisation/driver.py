"""An organisation's recent past, sent to the DORA service as its tools would send it. Driver of `do: organisation`."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from fawkes.harness.model import Component
from fawkes.harness.world import Recorder, Site, World
from fawkes.load.organisation.delivery import DeliverySpec, deliveries
from fawkes.load.organisation.organisation import Organisation
from fawkes.load.organisation.parameters import DAY_S, Parameters
from fawkes.load.organisation.ugly import UGLY, Ugly
from fawkes.load.pace import paced
from fawkes.load.sender import Sender, send_side_by_side

WINDOWS_S: Final = (7 * DAY_S, 30 * DAY_S, 90 * DAY_S)
"""The windows that the platform knows by name; they end at the moment of asking."""

ENDED_S: Final = 60.0
"""Everything happened at least so long ago; clocks on one machine don't differ, but requests take their time."""

QUIET_S: Final = 1800.0
"""After its beginning's edge a window is quiet for so long. What the edge moves over while a scenario runs must not
change an answer, and on the true clock an expectation waits up to 20 minutes for one."""


class OrganisationSpec(BaseModel):
    """`do: organisation`"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    do: Literal["organisation"]
    teams: int = Field(default=20, ge=1, le=200)
    days: int = Field(default=35, ge=1, le=395, description="How far back it goes.")
    services_per_team: int = Field(default=1, ge=1, le=10)
    deployments_per_day: float = Field(
        default=0.4, gt=0, le=50, description="Per service and working day, of the average team."
    )
    ugly: tuple[Ugly, ...] = Field(default=UGLY, description="Scripted cases that happen beside ordinary work.")
    delivery: DeliverySpec = DeliverySpec()
    connections: int = Field(default=8, ge=1, le=64)
    rate_per_s: float | None = Field(default=None, gt=0, description="Events per second; as fast as it goes if absent.")


class OrganisationDriver:
    """Driver of `do: organisation`."""

    spec: type[BaseModel] = OrganisationSpec

    def components(self, spec: OrganisationSpec, site: Site) -> Sequence[Component]:
        """None: the events go to the platform's own DORA service."""
        return ()

    def run(self, spec: OrganisationSpec, world: World, record: Recorder) -> None:
        """Send everything, and record an `event` or a `conflict` each. Never fails because of the service."""
        events = organisation_of(spec, seed=world.seed, run_id=world.run_id, now_s=world.now_s()).events()
        arriving = deliveries(events, spec.delivery, random.Random(f"{world.seed}/delivery"))
        on_time = paced(arriving, spec.rate_per_s, world)
        send_side_by_side(Sender(world, record), on_time, connections=spec.connections)


def organisation_of(spec: OrganisationSpec, *, seed: int, run_id: str, now_s: float) -> Organisation:
    """The organisation as it is now: done a minute ago, and quiet around the beginnings of the named windows."""
    return Organisation(
        seed=seed,
        run_id=run_id,
        ends_s=now_s - ENDED_S,
        days=spec.days,
        teams=spec.teams,
        parameters=replace(
            Parameters(), services_per_team=spec.services_per_team, deployments_per_day=spec.deployments_per_day
        ),
        ugly=spec.ugly,
        quiet_s=[(now_s - window_s - ENDED_S, now_s - window_s + QUIET_S) for window_s in WINDOWS_S],
    )
