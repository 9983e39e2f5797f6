"""The DORA metrics, computed straight from the definitions. Pure; shares no code with the service it judges.

`compute` sees the events as they were sent (CloudEvents in JSON form) and nothing else. The state is a function of
the set of events sorted by (time, id): order of arrival and repeated deliveries change nothing. The definitions, and
what was decided where they leave room, are in docs/dora.md; tests/test_service_against_oracle.py compares the two.

Times are whole microseconds inside, so that durations and means are exact and can be compared without a tolerance.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

Event = Mapping[str, Any]

INCIDENT_LINK_WINDOW_S = 24 * 3600.0
"""How long before an incident the deployment that is blamed without being named may lie (the service's default)."""

_DAY_S = 86400.0
_SECOND_US = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


_DeploymentKey = tuple[str, str, str, int]
"""source, service, deployment_id, attempt; within one team and environment"""
_IncidentKey = tuple[str, str]
"""source, incident_id; within one team and environment"""


@dataclass(frozen=True, slots=True)
class _Deployment:
    key: _DeploymentKey
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
class _Incident:
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


def compute(events: Sequence[Event], *, team: str, environment: str, from_s: float, to_s: float) -> DoraValues:
    """The metrics of `team` in `environment` over [from_s, to_s), Unix seconds. O(n log n).

    Raises ValueError when an event's time carries no offset, or when the window is empty.
    """
    if not from_s < to_s:
        raise ValueError(f"the window [{from_s}, {to_s}) is empty; give from_s < to_s")
    from_us, to_us = round(from_s * _SECOND_US), round(to_s * _SECOND_US)
    ours = [e for e in _set_of(events) if e["data"]["team"] == team]
    here = [e for e in ours if e["data"].get("environment") == environment]
    deployments, incidents = _deployments(here), _incidents(here)
    links = _links(incidents, deployments)

    inside = [d for d in deployments if from_us <= d.completed_us < to_us]
    inside_keys = {d.key for d in inside}
    failing = {d.key for d in links if d is not None} | {d.key for d in _followed_up(deployments)}
    leads = _lead_times(deployments, _commits(ours), from_us, to_us)
    valid_leads = [us for us in leads if us >= 0]
    recoveries = [
        (i, d.completed_us) for i, d in zip(incidents, links, strict=True) if d is not None and d.key in inside_keys
    ]
    restores = [(i, i.started_us) for i in incidents if from_us <= i.started_us < to_us]
    recovery, restore = _until_resolved(recoveries), _until_resolved(restores)
    return DoraValues(
        deployments=len(inside),
        deployment_frequency_per_day=len(inside) * _DAY_S / (to_s - from_s),
        lead_times=len(valid_leads),
        lead_times_invalid=len(leads) - len(valid_leads),
        lead_time_p50_s=_percentile_s(valid_leads, 50),
        lead_time_p95_s=_percentile_s(valid_leads, 95),
        lead_time_mean_s=_mean_s(valid_leads),
        change_failure_ratio=_share(sum(d.key in failing for d in inside), len(inside)),
        recoveries=len(recovery),
        recoveries_open=sum(i.resolved_us is None for i, _ in recoveries),
        failed_deployment_recovery_p50_s=_percentile_s(recovery, 50),
        failed_deployment_recovery_mean_s=_mean_s(recovery),
        restores=len(restore),
        restores_open=sum(i.resolved_us is None for i, _ in restores),
        time_to_restore_p50_s=_percentile_s(restore, 50),
        time_to_restore_mean_s=_mean_s(restore),
        rework_ratio=_share(sum(d.is_rework for d in inside), len(inside)),
    )


def nearest_rank(values: Sequence[float], percent: int) -> float | None:
    """The ceil(n * percent / 100)-th smallest value; None of nothing. Whole numbers, so 0.95 * 20 stays 19."""
    if not values:
        return None
    rank = -(-len(values) * percent // 100)
    return sorted(values)[max(rank, 1) - 1]


def _instant_us(text: str) -> int:
    """Unix microseconds of an RFC 3339 time. Raises ValueError without an offset: such a time names no instant."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset; write it like 2026-01-31T09:00:00+00:00")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _set_of(events: Iterable[Event]) -> list[Event]:
    """Each event once, as it was first sent (its identity is source and id), sorted by (time, id)."""
    unique: dict[tuple[str, str], Event] = {}
    for event in events:
        unique.setdefault((event["source"], event["id"]), event)
    return sorted(unique.values(), key=lambda e: (_instant_us(e["time"]), e["id"], e["source"]))


def _commits(ordered: Sequence[Event]) -> dict[str, int]:
    """sha -> when it was committed, by the last event that says so."""
    return {e["data"]["sha"]: _moment(e, "committed_at") for e in ordered if _is(e, "commit")}


def _deployments(ordered: Sequence[Event]) -> list[_Deployment]:
    """Successful deployments in the order of the completions that count: the last one of each attempt."""
    last: dict[_DeploymentKey, Event] = {}
    for event in ordered:
        if _is(event, "deployment_completed"):
            key = _deployment_key(event)
            last.pop(key, None)  # a dict keeps the place of the first insertion otherwise
            last[key] = event
    return [_deployment(key, event) for key, event in last.items() if event["data"]["status"] == "success"]


def _deployment_key(event: Event) -> _DeploymentKey:
    data = event["data"]
    return event["source"], data["service"], data["deployment_id"], data.get("attempt", 1)


def _deployment(key: _DeploymentKey, event: Event) -> _Deployment:
    data = event["data"]
    explicit = data.get("commits")
    return _Deployment(
        key=key,
        completed_us=_instant_us(event["time"]),
        kind=data.get("kind", "normal"),
        commits=(data["commit_sha"],) if explicit is None else tuple(explicit),
        is_rework=data.get("caused_by_incident") is not None,
    )


def _incidents(ordered: Sequence[Event]) -> list[_Incident]:
    incidents: dict[_IncidentKey, _Incident] = {}
    for event in ordered:
        if not _is(event, "incident_created"):
            continue
        data, key = event["data"], _incident_key(event)
        before = incidents.get(key)
        started_us, named = _moment(event, "started_at"), data.get("caused_by_deployment")
        incidents[key] = _Incident(
            service=data["service"],
            started_us=started_us if before is None else min(started_us, before.started_us),
            created_us=_instant_us(event["time"]),
            caused_by=before.caused_by if named is None and before is not None else named,
        )
    for event in ordered:
        if _is(event, "incident_resolved") and (incident := incidents.get(_incident_key(event))) is not None:
            incident.resolutions_us.append(_instant_us(event["time"]))
    return list(incidents.values())


def _incident_key(event: Event) -> _IncidentKey:
    return event["source"], event["data"]["incident_id"]


def _links(incidents: Sequence[_Incident], deployments: Sequence[_Deployment]) -> list[_Deployment | None]:
    """The deployment that each incident is linked to. `deployments` are sorted by completion."""
    by_service = _by_service(deployments)
    named = {d.deployment_id: d for d in deployments}
    named_there = {(d.service, d.deployment_id): d for d in deployments}
    links: list[_Deployment | None] = []
    for incident in incidents:
        if incident.caused_by is not None:
            own = named_there.get((incident.service, incident.caused_by))
            links.append(own or named.get(incident.caused_by))
            continue
        there = by_service[incident.service]
        before = bisect_right(there, incident.started_us, key=lambda d: d.completed_us)
        latest = there[before - 1] if before else None
        recent = latest is not None and incident.started_us - latest.completed_us <= INCIDENT_LINK_WINDOW_S * _SECOND_US
        links.append(latest if recent else None)
    return links


def _followed_up(deployments: Sequence[_Deployment]) -> list[_Deployment]:
    """Those whose next successful deployment of the same service repaired them."""
    return [
        previous
        for there in _by_service(deployments).values()
        for previous, following in pairwise(there)
        if following.kind in ("rollback", "hotfix")
    ]


def _by_service(deployments: Sequence[_Deployment]) -> defaultdict[str, list[_Deployment]]:
    """service -> its deployments, order kept."""
    services: defaultdict[str, list[_Deployment]] = defaultdict(list)
    for deployment in deployments:
        services[deployment.service].append(deployment)
    return services


def _lead_times(
    deployments: Sequence[_Deployment], committed_us: Mapping[str, int], from_us: int, to_us: int
) -> list[int]:
    """One per known commit whose first deployment completed in [from_us, to_us). Negative ones included."""
    first: dict[str, _Deployment] = {}
    for deployment in deployments:
        for sha in deployment.commits:
            first.setdefault(sha, deployment)
    return [
        deployment.completed_us - committed_us[sha]
        for sha, deployment in first.items()
        if sha in committed_us and from_us <= deployment.completed_us < to_us
    ]


def _until_resolved(incidents: Sequence[tuple[_Incident, int]]) -> list[int]:
    """From the given instant to the resolution. Open incidents have none, and negative ones are left out."""
    lasted = [i.resolved_us - since_us for i, since_us in incidents if i.resolved_us is not None]
    return [us for us in lasted if us >= 0]


def _is(event: Event, kind: str) -> bool:
    return bool(event["type"] == f"dev.fawkes.{kind}")


def _moment(event: Event, key: str) -> int:
    """A time in the payload, or the event's own when it carries none."""
    return _instant_us(event["data"].get(key) or event["time"])


def _percentile_s(samples_us: Sequence[int], percent: int) -> float | None:
    return nearest_rank([us / _SECOND_US for us in samples_us], percent)


def _mean_s(samples_us: Sequence[int]) -> float | None:
    return sum(samples_us) / (len(samples_us) * _SECOND_US) if samples_us else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
