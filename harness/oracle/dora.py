"""The DORA metrics, computed straight from the definitions. Pure; shares no code with the service it judges.

`compute` sees the events as they were sent (CloudEvents in JSON form) and nothing else. The state is a function of
the set of events sorted by (time, id): order of arrival and repeated deliveries change nothing.

Choices where the definitions leave room:
- deployments are the successful ones, redeploys and rollbacks included; the last completion of an attempt counts;
- an explicit `caused_by_deployment` is final: if it names no successful deployment, the incident is unlinked;
- an incident concerns its own environment only, also where it names a deployment in another one;
- only a successful rollback or hotfix marks its predecessor;
- recovery has one sample per linked incident; an incident starts with its first creation, and one that was created
  again after its last resolution is open;
- durations that come out negative (a deployment blamed that finished after the resolution) are left out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

Event = Mapping[str, Any]

INCIDENT_LINK_WINDOW_S = 24 * 3600.0
"""How long before an incident the deployment that is blamed without being named may lie (the service's default)."""

_DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class DoraValues:
    """One team's metrics in one environment over [from, to). None where there is no data, never 0."""

    deployments: int
    deployment_frequency_per_day: float
    lead_times: int
    lead_times_invalid: int
    """Commits that were deployed before they were committed; excluded from the percentiles."""
    lead_time_p50_s: float | None
    lead_time_p95_s: float | None
    lead_time_mean_s: float | None
    change_failure_ratio: float | None
    recoveries: int
    recoveries_open: int
    failed_deployment_recovery_p50_s: float | None
    failed_deployment_recovery_mean_s: float | None
    restores: int
    restores_open: int
    time_to_restore_p50_s: float | None
    time_to_restore_mean_s: float | None
    rework_ratio: float | None


@dataclass(frozen=True, slots=True)
class _Deployment:
    key: tuple[str, str, int]
    """source, deployment_id, attempt"""
    service: str
    environment: str
    completed_s: float
    kind: str
    commits: tuple[str, ...]
    is_rework: bool


@dataclass(slots=True)
class _Incident:
    service: str
    environment: str
    started_s: float
    created_s: float
    """When it was created last; later than `started_s` when it was opened again."""
    caused_by: str | None
    resolutions_s: list[float] = field(default_factory=list)

    @property
    def resolved_s(self) -> float | None:
        last_s = max(self.resolutions_s, default=None)
        return None if last_s is None or last_s < self.created_s else last_s


def compute(events: Sequence[Event], *, team: str, environment: str, from_s: float, to_s: float) -> DoraValues:
    """The metrics of `team` in `environment` over [from_s, to_s), Unix seconds. O(n log n).

    Raises ValueError when an event's time carries no offset, or when the window is empty.
    """
    if not from_s < to_s:
        raise ValueError(f"the window [{from_s}, {to_s}) is empty; give from_s < to_s")
    ordered = _set_of(e for e in events if e["data"]["team"] == team)
    everywhere = _deployments(ordered)
    here = [d for d in everywhere if d.environment == environment]
    inside = [d for d in here if from_s <= d.completed_s < to_s]
    incidents = [i for i in _incidents(ordered) if i.environment == environment]
    links = _links(incidents, everywhere)

    failing = {d.key for d in links if d is not None} | {d.key for d in _followed_up(here)}
    leads = _lead_times(here, _commits(ordered), from_s, to_s)
    valid_leads = [s for s in leads if s >= 0]
    inside_keys = {d.key for d in inside}
    recoveries = [
        (i, d.completed_s) for i, d in zip(incidents, links, strict=True) if d is not None and d.key in inside_keys
    ]
    restores = [(i, i.started_s) for i in incidents if from_s <= i.started_s < to_s]
    recovery, restore = _until_resolved(recoveries), _until_resolved(restores)
    return DoraValues(
        deployments=len(inside),
        deployment_frequency_per_day=len(inside) / ((to_s - from_s) / _DAY_S),
        lead_times=len(valid_leads),
        lead_times_invalid=len(leads) - len(valid_leads),
        lead_time_p50_s=nearest_rank(valid_leads, 50),
        lead_time_p95_s=nearest_rank(valid_leads, 95),
        lead_time_mean_s=_mean(valid_leads),
        change_failure_ratio=_share(sum(d.key in failing for d in inside), len(inside)),
        recoveries=len(recovery),
        recoveries_open=sum(i.resolved_s is None for i, _ in recoveries),
        failed_deployment_recovery_p50_s=nearest_rank(recovery, 50),
        failed_deployment_recovery_mean_s=_mean(recovery),
        restores=len(restore),
        restores_open=sum(i.resolved_s is None for i, _ in restores),
        time_to_restore_p50_s=nearest_rank(restore, 50),
        time_to_restore_mean_s=_mean(restore),
        rework_ratio=_share(sum(d.is_rework for d in inside), len(inside)),
    )


def nearest_rank(values: Sequence[float], percent: int) -> float | None:
    """The ceil(n * percent / 100)-th smallest value; None of nothing. Whole numbers, so 0.95 * 20 stays 19."""
    if not values:
        return None
    rank = -(-len(values) * percent // 100)
    return sorted(values)[max(rank, 1) - 1]


def instant_s(text: str) -> float:
    """Unix seconds of an RFC 3339 time. Raises ValueError without an offset: such a time names no instant."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset; write it like 2026-01-31T09:00:00+00:00")
    return moment.timestamp()


def _set_of(events: Iterable[Event]) -> list[Event]:
    """Each event once (its identity is source and id), sorted by (time, id)."""
    unique = {(e["source"], e["id"]): e for e in events}
    return sorted(unique.values(), key=lambda e: (instant_s(e["time"]), e["id"], e["source"]))


def _commits(ordered: Sequence[Event]) -> dict[str, float]:
    """sha -> when it was committed."""
    return {e["data"]["sha"]: _moment(e, "committed_at") for e in ordered if _is(e, "commit")}


def _deployments(ordered: Sequence[Event]) -> list[_Deployment]:
    """Successful deployments by time of completion, one per (source, deployment_id, attempt)."""
    last = {_deployment_key(e): e for e in ordered if _is(e, "deployment_completed")}
    successful = [e for e in last.values() if e["data"]["status"] == "success"]
    return sorted((_deployment(e) for e in successful), key=lambda d: d.completed_s)


def _deployment_key(event: Event) -> tuple[str, str, int]:
    return event["source"], event["data"]["deployment_id"], event["data"].get("attempt", 1)


def _deployment(event: Event) -> _Deployment:
    data = event["data"]
    explicit = data.get("commits")
    return _Deployment(
        key=_deployment_key(event),
        service=data["service"],
        environment=data["environment"],
        completed_s=instant_s(event["time"]),
        kind=data.get("kind", "normal"),
        commits=tuple(explicit) if explicit else (data["commit_sha"],),
        is_rework=data.get("caused_by_incident") is not None,
    )


def _incidents(ordered: Sequence[Event]) -> list[_Incident]:
    incidents: dict[tuple[str, str], _Incident] = {}
    for event in ordered:
        if not _is(event, "incident_created"):
            continue
        data, key = event["data"], (event["source"], event["data"]["incident_id"])
        if key in incidents:
            incidents[key].created_s = instant_s(event["time"])
            incidents[key].caused_by = data.get("caused_by_deployment") or incidents[key].caused_by
        else:
            incidents[key] = _Incident(
                service=data["service"],
                environment=data["environment"],
                started_s=_moment(event, "started_at"),
                created_s=instant_s(event["time"]),
                caused_by=data.get("caused_by_deployment"),
            )
    for event in ordered:
        key = (event["source"], event["data"].get("incident_id", ""))
        if _is(event, "incident_resolved") and key in incidents:
            incidents[key].resolutions_s.append(instant_s(event["time"]))
    return list(incidents.values())


def _links(incidents: Sequence[_Incident], deployments: Sequence[_Deployment]) -> list[_Deployment | None]:
    """The deployment that each incident is linked to. `deployments` are sorted by completion."""
    by_id = {d.key[1]: d for d in deployments}
    by_place = _by_place(deployments)
    links: list[_Deployment | None] = []
    for incident in incidents:
        if incident.caused_by is not None:
            links.append(by_id.get(incident.caused_by))
            continue
        there = by_place[incident.service, incident.environment]
        before = bisect_right(there, incident.started_s, key=lambda d: d.completed_s)
        latest = there[before - 1] if before else None
        recent = latest is not None and incident.started_s - latest.completed_s <= INCIDENT_LINK_WINDOW_S
        links.append(latest if recent else None)
    return links


def _followed_up(deployments: Sequence[_Deployment]) -> list[_Deployment]:
    """Those whose next successful deployment of the same service and environment repaired them."""
    return [
        previous
        for there in _by_place(deployments).values()
        for previous, following in pairwise(there)
        if following.kind in ("rollback", "hotfix")
    ]


def _by_place(deployments: Sequence[_Deployment]) -> defaultdict[tuple[str, str], list[_Deployment]]:
    """(service, environment) -> its deployments, order kept."""
    places: defaultdict[tuple[str, str], list[_Deployment]] = defaultdict(list)
    for deployment in deployments:
        places[deployment.service, deployment.environment].append(deployment)
    return places


def _lead_times(
    deployments: Sequence[_Deployment], committed_s: Mapping[str, float], from_s: float, to_s: float
) -> list[float]:
    """One per known commit whose first deployment completed in [from_s, to_s). Negative ones included."""
    first: dict[str, _Deployment] = {}
    for deployment in deployments:
        for sha in deployment.commits:
            first.setdefault(sha, deployment)
    return [
        deployment.completed_s - committed_s[sha]
        for sha, deployment in first.items()
        if sha in committed_s and from_s <= deployment.completed_s < to_s
    ]


def _until_resolved(incidents: Sequence[tuple[_Incident, float]]) -> list[float]:
    """Seconds from the given instant to the resolution. Open incidents have none, and negative ones are left out."""
    lasted = [i.resolved_s - since_s for i, since_s in incidents if i.resolved_s is not None]
    return [s for s in lasted if s >= 0]


def _is(event: Event, kind: str) -> bool:
    return bool(event["type"] == f"dev.fawkes.{kind}")


def _moment(event: Event, key: str) -> float:
    """A time in the payload, or the event's own when it carries none."""
    return instant_s(event["data"].get(key) or event["time"])


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
