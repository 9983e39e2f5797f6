"""Teams that stand on the edges of DORA's bands, each edge from both sides. Driver of `do: band_edges`.

A team's name says what its value is: `band-lead-86400-below` delivered its one commit a microsecond before a day was
over. Every edge of every edition is here; which band follows is the oracle's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from fawkes.harness.checks.dora import event_source
from fawkes.harness.model import Component
from fawkes.harness.world import Recorder, Site, World
from fawkes.load.histories import CloudEvent
from fawkes.load.sender import Delivery, Sender, send_side_by_side

DAY_S: Final = 86_400
SECOND_US: Final = 1_000_000

LEAD_EDGES_S: Final = (3600, DAY_S, 7 * DAY_S, 30 * DAY_S, 180 * DAY_S)
RECOVERY_EDGES_S: Final = (3600, DAY_S, 7 * DAY_S)
FAILURE_EDGES_PERCENT: Final = (5, 10, 15, 20, 30)
DEPLOYMENTS: Final[dict[str, tuple[int, int]]] = {
    "band-daily-at": (30, 10),  # 30 in 30 days: once a day
    "band-daily-above": (31, 10),
    "band-weekly-at": (1, 3),  # 1 in 7 days
    "band-weekly-below": (4, 10),  # 4 in 30 days: 0.133 where 0.143 are wanted
    "band-monthly-below": (2, 60),  # 2 in 90 days, while the team before has 1 in 30 days
    "band-half-yearly": (1, 100),  # 1 in 180 days, and 1 in 181
}
"""Team -> how many deployments, and how many days ago: well inside the windows they are meant for."""

CONNECTIONS: Final = 8
"""As for an organisation, if its scenario says nothing else."""


class BandEdgesSpec(BaseModel):
    """`do: band_edges`"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    do: Literal["band_edges"]


class BandEdges:
    """Driver of `do: band_edges`."""

    spec: type[BaseModel] = BandEdgesSpec

    def components(self, spec: BandEdgesSpec, site: Site) -> Sequence[Component]:
        """None: the events go to the platform's own DORA service."""
        return ()

    def run(self, spec: BandEdgesSpec, world: World, record: Recorder) -> None:
        """Send every team's events and record an `event` each. Never fails because of the service."""
        events = band_events(world.run_id, int(world.now_s()))
        send_side_by_side(Sender(world, record), map(Delivery, events), connections=CONNECTIONS)


def band_events(run_id: str, now_s: int) -> Iterator[CloudEvent]:
    """All teams' events, at moments that count back from `now_s`. No named window's edge is within a day of one."""
    for edge_s in LEAD_EDGES_S:
        for side, lead_us in (("at", edge_s * SECOND_US), ("below", edge_s * SECOND_US - 1)):
            yield from _Team(run_id, f"band-lead-{edge_s}-{side}", now_s).lead_time(lead_us)
    for edge_s in RECOVERY_EDGES_S:
        for side, lasts_us in (("at", edge_s * SECOND_US), ("below", edge_s * SECOND_US - 1)):
            yield from _Team(run_id, f"band-recovery-{edge_s}-{side}", now_s).recovery(lasts_us)
    for percent in FAILURE_EDGES_PERCENT:
        # A twentieth is the coarsest share that all edges are multiples of; of one fewer it is just above the edge.
        for side, whole in (("at", 20), ("above", 19)):
            yield from _Team(run_id, f"band-failure-{percent}-{side}", now_s).failures(percent // 5, whole)
    for name, (count, days_ago) in DEPLOYMENTS.items():
        yield from _Team(run_id, name, now_s).failures(0, count, days_ago=days_ago)


class _Team:
    """Says one team's events."""

    def __init__(self, run_id: str, name: str, now_s: int) -> None:
        self._run_id, self._name, self._now_us = run_id, name, now_s * SECOND_US
        self._said = 0

    def lead_time(self, lead_us: int) -> Iterator[CloudEvent]:
        """One commit, deployed three days ago after exactly so long."""
        at_us = self._ago_us(3)
        sha = f"{lead_us:040x}"
        yield self._say("commit", at_us - lead_us, {"sha": sha})
        yield self._deployed(at_us, "d1", sha)

    def recovery(self, lasts_us: int) -> Iterator[CloudEvent]:
        """A deployment ten days ago and an incident that began with it and lasted exactly so long."""
        at_us = self._ago_us(10)
        yield self._deployed(at_us, "d1")
        yield from self._incident(at_us, "d1", lasts_us)

    def failures(self, failed: int, whole: int, *, days_ago: int = 10) -> Iterator[CloudEvent]:
        """So many deployments, a minute apart, of which the first few failed."""
        for number in range(whole):
            at_us, deployment = self._ago_us(days_ago) + number * 60 * SECOND_US, f"d{number}"
            yield self._deployed(at_us, deployment)
            if number < failed:
                yield from self._incident(at_us, deployment, 600 * SECOND_US)

    def _ago_us(self, days: int) -> int:
        return self._now_us - days * DAY_S * SECOND_US

    def _deployed(self, at_us: int, deployment: str, sha: str = "0" * 40) -> CloudEvent:
        about = {"environment": "production", "deployment_id": deployment, "commit_sha": sha, "status": "success"}
        return self._say("deployment_completed", at_us, about)

    def _incident(self, at_us: int, deployment: str, lasts_us: int) -> Iterator[CloudEvent]:
        about = {"environment": "production", "incident_id": f"i-{deployment}"}
        yield self._say("incident_created", at_us, {**about, "caused_by_deployment": deployment, "severity": "high"})
        yield self._say("incident_resolved", at_us + lasts_us, about)

    def _say(self, what: str, at_us: int, data: dict[str, Any]) -> CloudEvent:
        self._said += 1
        seconds, microseconds = divmod(at_us, SECOND_US)
        moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)
        return {
            "specversion": "1.0",
            "id": f"{self._run_id}-{self._name}-{self._said:03d}",
            "source": event_source(self._run_id),
            "type": f"dev.fawkes.{what}",
            "time": moment.isoformat(timespec="microseconds"),
            "datacontenttype": "application/json",
            "data": {"team": self._name, "service": "shop", **data},
        }
