"""Who there is: teams, their services and people; and how one of them says that something happened."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from fawkes.harness.checks.dora import event_source
from fawkes.load.histories import CloudEvent
from fawkes.load.organisation.parameters import Parameters

ZONES: Final = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC")
"""Two that change their clocks, on different days; one with half an hour; one that is what people test with."""

PRODUCTION: Final = "production"
STAGING: Final = "staging"

Moment = tuple[float, CloudEvent]
"""Unix seconds (whole milliseconds), and the event that happened then."""


class Settle(Protocol):
    """Moves an instant that must not be used to the next one that may."""

    def __call__(self, at_s: float, lasts_s: float = 0.0, /) -> float: ...


@dataclass(frozen=True, slots=True)
class Team:
    """One team of one run."""

    name: str
    zone: ZoneInfo
    pace: float
    """By what factor it deploys more often, and delivers and repairs faster, than the parameters say."""
    people: Sequence[str]


def team_of(seed: int, number: int, parameters: Parameters) -> Team:
    """The team of that number: the same for the same seed, however many others there are."""
    rng = random.Random(f"{seed}/team/{number}")
    name = f"team-{number:03d}"
    return Team(
        name=name,
        zone=ZoneInfo(ZONES[number % len(ZONES)]),
        pace=math.exp(rng.gauss(-(parameters.pace_sigma**2) / 2, parameters.pace_sigma)),  # 1 on average
        people=tuple(f"{name}-dev-{n}" for n in range(parameters.people_per_team)),
    )


class Voice:
    """Says events for one service. Identities are made from the run id, so no run passes on another one's data."""

    def __init__(self, run_id: str, team: Team, service: str) -> None:
        self.team, self.service = team, service
        self._run_id, self._said = run_id, 0

    def beside(self, suffix: str) -> Voice:
        """The voice of another service of the same team, called after this one."""
        return Voice(self._run_id, self.team, f"{self.service}-{suffix}")

    def name(self, what: str, number: int | str) -> str:
        """The identity of a build, a deployment or an incident."""
        return f"{self._run_id}-{self.service}-{what}-{number}"

    def sha(self, number: int | str) -> str:
        """The identity of a commit of this service's repository."""
        return hashlib.sha1(f"{self._run_id}/{self.service}/{number}".encode(), usedforsecurity=False).hexdigest()

    def say(self, at_s: float, what: str, data: Mapping[str, Any], *, zone: tzinfo | None = None) -> Moment:
        """One event at this instant, written in the team's zone or the one given."""
        at_s, self._said = round(at_s, 3), self._said + 1
        event = {
            "specversion": "1.0",
            "id": self.name("event", f"{self._said:06d}"),
            "source": event_source(self._run_id),
            "type": f"dev.fawkes.{what}",
            "time": datetime.fromtimestamp(at_s, zone or self.team.zone).isoformat(timespec="milliseconds"),
            "datacontenttype": "application/json",
            "data": {"team": self.team.name, "service": self.service, **data},
        }
        return at_s, event

    def commit(self, at_s: float, number: int | str, rng: random.Random, **data: Any) -> Moment:
        """A commit by one of the team's people."""
        about = {"repo": f"fawkes/{self.service}", "branch": "main", "author": rng.choice(self.team.people)}
        return self.say(at_s, "commit", {"sha": self.sha(number), **about, **data})

    def deployed(self, at_s: float, deployment: str, commit: str, **data: Any) -> Moment:
        """A deployment that completed: to production and successfully, unless `data` says otherwise."""
        about = {"environment": PRODUCTION, "deployment_id": deployment, "commit_sha": commit}
        return self.say(at_s, "deployment_completed", {**about, "status": "success", "kind": "normal", **data})

    def incident(self, at_s: float, incident: str, severity: str = "high", **data: Any) -> Moment:
        """An incident that was reported."""
        about = {"environment": PRODUCTION, "incident_id": incident, "severity": severity}
        return self.say(at_s, "incident_created", {**about, **data})

    def resolved(self, at_s: float, incident: str) -> Moment:
        """An incident that is over."""
        return self.say(at_s, "incident_resolved", {"environment": PRODUCTION, "incident_id": incident})
