"""The DORA metrics, computed straight from the definitions. Pure; shares no code with the service it judges.

`Truth` sees the events as they were sent (CloudEvents in JSON form) and nothing else. The definitions, and what was
decided where they leave room, are in docs/dora.md; tests/test_service_against_oracle.py compares the two.

Times are whole microseconds inside, so that durations and means are exact and can be compared without a tolerance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fawkes.harness.oracle.dora_calendar import CalendarDay, calendar
from fawkes.harness.oracle.dora_facts import SECOND_US, Deployment, Event, Facts, Incident, by_team, facts_of

_DAY_US = 86_400 * SECOND_US


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


class Truth:
    """The events of a run, read once, to be asked for any team and window."""

    def __init__(self, events: Iterable[Event]) -> None:
        """Raises ValueError when an event's time carries no offset."""
        self._events = by_team(events)
        self._facts: dict[tuple[str, str], Facts] = {}

    @property
    def teams(self) -> Sequence[str]:
        """Every team that an event names, sorted."""
        return sorted(self._events)

    def environments(self, team: str) -> Sequence[str]:
        """Every environment that an event of the team names, sorted."""
        named = {event["data"].get("environment") for event in self._events.get(team, ())}
        return sorted(named - {None})

    def facts(self, team: str, environment: str) -> Facts:
        """Without any for a team or an environment that no event names."""
        key = team, environment
        if key not in self._facts:
            self._facts[key] = facts_of(self._events.get(team, ()), environment)
        return self._facts[key]

    def values(
        self,
        team: str,
        environment: str,
        *,
        from_s: float,
        to_s: float,
        service: str | None = None,
        days: int | None = None,
    ) -> DoraValues:
        """The metrics over [from_s, to_s), Unix seconds; of one service, or of all of the team's.

        `days` is what the frequency is divided by where the window was given in calendar dates (a day on which the
        clocks change is one day); else the window's length in days of 86,400 s. Raises ValueError for an empty window.
        """
        window = _window_us(from_s, to_s)
        per_day = (_DAY_US, len(window)) if days is None else (1, days)
        return _values(self.facts(team, environment), window, service, per_day)

    def calendar(
        self, team: str, environment: str, *, from_s: float, to_s: float, tz: str, service: str | None = None
    ) -> list[CalendarDay]:
        """Every calendar day of `tz` that [from_s, to_s) touches, ascending, and its successful deployments.

        Raises ValueError for an empty window, ZoneInfoNotFoundError for an unknown zone.
        """
        facts = self.facts(team, environment)
        mine = [d for d in facts.deployments if service in (None, d.service)]
        return calendar(mine, facts.failing, _window_us(from_s, to_s), tz)


def compute(events: Iterable[Event], *, team: str, environment: str, from_s: float, to_s: float) -> DoraValues:
    """`Truth(events).values(...)`, for one question."""
    return Truth(events).values(team, environment, from_s=from_s, to_s=to_s)


def nearest_rank(values: Sequence[float], percent: int) -> float | None:
    """The ceil(n * percent / 100)-th smallest value; None of nothing. Whole numbers, so 0.95 * 20 stays 19."""
    if not values:
        return None
    rank = -(-len(values) * percent // 100)
    return sorted(values)[max(rank, 1) - 1]


def _window_us(from_s: float, to_s: float) -> range:
    if not from_s < to_s:
        raise ValueError(f"the window [{from_s}, {to_s}) is empty; give from_s < to_s")
    return range(round(from_s * SECOND_US), round(to_s * SECOND_US))


def _values(facts: Facts, window: range, service: str | None, per_day: tuple[int, int]) -> DoraValues:
    """What belongs to one service: its deployments, what they delivered and broke, and the incidents it had."""

    def mine(of: str) -> bool:
        return service is None or of == service

    def inside(deployment: Deployment) -> bool:
        return deployment.completed_us in window and mine(deployment.service)

    deployments = [d for d in facts.deployments if inside(d)]
    leads = [lead_us for deployment, lead_us in facts.deliveries if inside(deployment)]
    valid_leads = [us for us in leads if us >= 0]
    recoveries = [(i, d.completed_us) for i, d in facts.incidents if d is not None and inside(d)]
    restores = [(i, i.started_us) for i, _ in facts.incidents if i.started_us in window and mine(i.service)]
    recovery, restore = _until_resolved(recoveries), _until_resolved(restores)
    day, span = per_day
    return DoraValues(
        deployments=len(deployments),
        deployment_frequency_per_day=len(deployments) * day / span,
        lead_times=len(valid_leads),
        lead_times_invalid=len(leads) - len(valid_leads),
        lead_time_p50_s=_percentile_s(valid_leads, 50),
        lead_time_p95_s=_percentile_s(valid_leads, 95),
        lead_time_mean_s=_mean_s(valid_leads),
        change_failure_ratio=_share(sum(d.key in facts.failing for d in deployments), len(deployments)),
        recoveries=len(recovery),
        recoveries_open=sum(i.resolved_us is None for i, _ in recoveries),
        failed_deployment_recovery_p50_s=_percentile_s(recovery, 50),
        failed_deployment_recovery_mean_s=_mean_s(recovery),
        restores=len(restore),
        restores_open=sum(i.resolved_us is None for i, _ in restores),
        time_to_restore_p50_s=_percentile_s(restore, 50),
        time_to_restore_mean_s=_mean_s(restore),
        rework_ratio=_share(sum(d.is_rework for d in deployments), len(deployments)),
    )


def _until_resolved(incidents: Sequence[tuple[Incident, int]]) -> list[int]:
    """From the given instant to the resolution. Open incidents have none, and negative ones are left out."""
    lasted = [i.resolved_us - since_us for i, since_us in incidents if i.resolved_us is not None]
    return [us for us in lasted if us >= 0]


def _percentile_s(samples_us: Sequence[int], percent: int) -> float | None:
    return nearest_rank([us / SECOND_US for us in samples_us], percent)


def _mean_s(samples_us: Sequence[int]) -> float | None:
    return sum(samples_us) / (len(samples_us) * SECOND_US) if samples_us else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
