"""What a set of events says of one team in one environment, before any window is laid over it. Pure.

The state is a function of the set of events sorted by (time, id, source): order of arrival and repeated deliveries
change nothing. The definitions are in docs/dora.md. Times are whole microseconds since the epoch.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

Event = Mapping[str, Any]

SECOND_US: Final = 1_000_000
INCIDENT_LINK_WINDOW_S: Final = 24 * 3600.0
"""How long before an incident the deployment that is blamed without being named may lie (the service's default)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

DeploymentKey = tuple[str, str, str, int]
"""source, service, deployment_id, attempt; within one team and environment"""
_IncidentKey = tuple[str, str]
"""source, incident_id; within one team and environment"""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment that succeeded."""

    key: DeploymentKey
    completed_us: int
    kind: str
    commits: tuple[str, ...]
    is_rework: bool

    @property
    def service(self) -> str:
        return self.key[1]

    @property
    def deployment_id(self) -> str:
        return self.key[2]


@dataclass(slots=True)
class Incident:
    """Created at least once; `created_us` is later than `started_us` where it was reported late or opened again."""

    service: str
    started_us: int
    created_us: int
    caused_by: str | None
    resolutions_us: list[int] = field(default_factory=list)

    @property
    def resolved_us(self) -> int | None:
        last_us = max(self.resolutions_us, default=None)
        return None if last_us is None or self.created_us > last_us else last_us


@dataclass(frozen=True, slots=True)
class Facts:
    """One team in one environment."""

    deployments: Sequence[Deployment] = ()
    """In the order of their completion."""
    failing: frozenset[DeploymentKey] = frozenset()
    """Those that caused an incident or were followed by a rollback or hotfix."""
    deliveries: Sequence[tuple[Deployment, int]] = ()
    """Each known commit's first deployment, and its lead time in microseconds, negative ones included."""
    incidents: Sequence[tuple[Incident, Deployment | None]] = ()
    """Each incident, and the deployment it is linked to."""


def instant_us(text: str) -> int:
    """Unix microseconds of an RFC 3339 time. Raises ValueError without an offset: such a time names no instant."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset; write it like 2026-01-31T09:00:00+00:00")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def by_team(events: Iterable[Event]) -> dict[str, list[Event]]:
    """team -> its events, each once as it was first sent (its identity is source and id), by (time, id, source)."""
    unique: dict[tuple[str, str], Event] = {}
    for event in events:
        unique.setdefault((event["source"], event["id"]), event)
    teams: defaultdict[str, list[Event]] = defaultdict(list)
    for event in sorted(unique.values(), key=lambda e: (instant_us(e["time"]), e["id"], e["source"])):
        teams[event["data"]["team"]].append(event)
    return dict(teams)


def facts_of(ordered: Sequence[Event], environment: str) -> Facts:
    """What one team's events, in the order that `by_team` gives, say of one environment. O(n log n)."""
    here = [e for e in ordered if e["data"].get("environment") == environment]
    deployments, incidents = _deployments(here), _incidents(here)
    links = _links(incidents, deployments)
    return Facts(
        deployments=deployments,
        failing=frozenset(d.key for d in (*links, *_followed_up(deployments)) if d is not None),
        deliveries=_deliveries(deployments, _commits(ordered)),
        incidents=list(zip(incidents, links, strict=True)),
    )


def _commits(ordered: Sequence[Event]) -> dict[str, int]:
    """sha -> when it was committed, by the last event that says so."""
    return {e["data"]["sha"]: _moment(e, "committed_at") for e in ordered if _is(e, "commit")}


def _deployments(ordered: Sequence[Event]) -> list[Deployment]:
    """Successful deployments in the order of the completions that count: the last one of each attempt."""
    last: dict[DeploymentKey, Event] = {}
    for event in ordered:
        if _is(event, "deployment_completed"):
            key = _deployment_key(event)
            last.pop(key, None)  # a dict keeps the place of the first insertion otherwise
            last[key] = event
    return [_deployment(key, event) for key, event in last.items() if event["data"]["status"] == "success"]


def _deployment_key(event: Event) -> DeploymentKey:
    data = event["data"]
    return event["source"], data["service"], data["deployment_id"], data.get("attempt", 1)


def _deployment(key: DeploymentKey, event: Event) -> Deployment:
    data = event["data"]
    explicit = data.get("commits")
    return Deployment(
        key=key,
        completed_us=instant_us(event["time"]),
        kind=data.get("kind", "normal"),
        commits=(data["commit_sha"],) if explicit is None else tuple(explicit),
        is_rework=data.get("caused_by_incident") is not None,
    )


def _incidents(ordered: Sequence[Event]) -> list[Incident]:
    incidents: dict[_IncidentKey, Incident] = {}
    for event in ordered:
        if not _is(event, "incident_created"):
            continue
        data, key = event["data"], _incident_key(event)
        before = incidents.get(key)
        started_us, named = _moment(event, "started_at"), data.get("caused_by_deployment")
        incidents[key] = Incident(
            service=data["service"],
            started_us=started_us if before is None else min(started_us, before.started_us),
            created_us=instant_us(event["time"]),
            caused_by=before.caused_by if named is None and before is not None else named,
        )
    for event in ordered:
        if _is(event, "incident_resolved") and (incident := incidents.get(_incident_key(event))) is not None:
            incident.resolutions_us.append(instant_us(event["time"]))
    return list(incidents.values())


def _incident_key(event: Event) -> _IncidentKey:
    return event["source"], event["data"]["incident_id"]


def _links(incidents: Sequence[Incident], deployments: Sequence[Deployment]) -> list[Deployment | None]:
    """The deployment that each incident is linked to. `deployments` are sorted by completion."""
    by_service = _by_service(deployments)
    named = {d.deployment_id: d for d in deployments}
    named_there = {(d.service, d.deployment_id): d for d in deployments}
    links: list[Deployment | None] = []
    for incident in incidents:
        if incident.caused_by is not None:
            own = named_there.get((incident.service, incident.caused_by))
            links.append(own or named.get(incident.caused_by))
            continue
        there = by_service[incident.service]
        before = bisect_right(there, incident.started_us, key=lambda d: d.completed_us)
        latest = there[before - 1] if before else None
        recent = latest is not None and incident.started_us - latest.completed_us <= INCIDENT_LINK_WINDOW_S * SECOND_US
        links.append(latest if recent else None)
    return links


def _followed_up(deployments: Sequence[Deployment]) -> list[Deployment]:
    """Those whose next successful deployment of the same service repaired them."""
    return [
        previous
        for there in _by_service(deployments).values()
        for previous, following in pairwise(there)
        if following.kind in ("rollback", "hotfix")
    ]


def _by_service(deployments: Sequence[Deployment]) -> defaultdict[str, list[Deployment]]:
    """service -> its deployments, order kept."""
    services: defaultdict[str, list[Deployment]] = defaultdict(list)
    for deployment in deployments:
        services[deployment.service].append(deployment)
    return services


def _deliveries(deployments: Sequence[Deployment], committed_us: Mapping[str, int]) -> list[tuple[Deployment, int]]:
    first: dict[str, Deployment] = {}
    for deployment in deployments:
        for sha in deployment.commits:
            first.setdefault(sha, deployment)
    return [(d, d.completed_us - committed_us[sha]) for sha, d in first.items() if sha in committed_us]


def _is(event: Event, kind: str) -> bool:
    return bool(event["type"] == f"dev.fawkes.{kind}")


def _moment(event: Event, key: str) -> int:
    """A time in the payload, or the event's own when it carries none."""
    return instant_us(event["data"].get(key) or event["time"])
