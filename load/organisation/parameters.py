"""How the organisation behaves: every distribution, in one place, with the reason for its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

HOUR_S: Final = 3600.0
DAY_S: Final = 86_400.0

_OFFICE_HOURS: Final = (0,) * 7 + (2, 6, 10, 10, 8, 6, 9, 10, 9, 6, 2) + (1,) * 4 + (0,) * 2


@dataclass(frozen=True, slots=True)
class Parameters:
    """Of one team with pace 1. Durations are log-normal where long ones are rare but far longer than the median.

    Log-normal because a duration is a product of many factors, and because reported lead and repair times have a long
    right tail; the medians lie inside DORA's bands rather than on their edges, so that a team's band follows from its
    pace and not from a rounding.
    """

    services_per_team: int = 2
    """A team small enough to be one, with more than one service, so that filters by service are not vacuous."""
    people_per_team: int = 7
    pace_sigma: float = 0.9
    """Log-normal spread between teams with mean 1: from one sigma below to one above is a factor of 6, so that among
    twenty teams every band occurs."""

    deployments_per_day: float = 0.8
    """Per service and working day. Poisson, as independent changes are."""
    weekend_factor: float = 0.05
    hour_weights: Sequence[int] = _OFFICE_HOURS
    """When deployments complete, by local hour: two humps around lunch, few in the evening, none at night."""

    commits_per_deployment: float = 2.2
    """Mean of a geometric distribution: most deployments are small, a few are large."""
    lead_time_median_s: float = 5 * HOUR_S
    lead_time_sigma: float = 1.3
    lead_time_max_s: float = 7 * DAY_S
    """Longer ones are cut to this. It bounds how far back an event may reach, and so the memory of the stream."""

    attempt_failure_ratio: float = 0.06
    """Deployments whose first attempt fails before it reaches a user."""
    failure_ratio: float = 0.08
    """Successful deployments that cause an incident: between DORA's elite and medium."""
    named_cause_ratio: float = 0.7
    """Incidents whose report names the deployment; the others are linked by time."""
    rollback_ratio: float = 0.35
    hotfix_ratio: float = 0.35
    """How an incident is ended: rolled back, fixed by a new deployment, or (the rest) without one."""
    detection_median_s: float = 0.4 * HOUR_S
    repair_median_s: float = 1.5 * HOUR_S
    repair_sigma: float = 1.2
    repair_max_s: float = 3 * DAY_S

    @property
    def events_per_day(self) -> float:
        """About how many events one service with pace 1 makes per day, weekends included."""
        deployments = self.deployments_per_day * (5 + 2 * self.weekend_factor) / 7
        per_deployment = self.commits_per_deployment + _BUILD_AND_DEPLOY_EVENTS + 2 * self.attempt_failure_ratio
        per_failure = 2 + 2 * self.rollback_ratio + 3 * self.hotfix_ratio
        return deployments * (per_deployment + self.failure_ratio * per_failure)


_BUILD_AND_DEPLOY_EVENTS: Final = 6
"""Started and completed: a build, a deployment to staging, one to production."""
