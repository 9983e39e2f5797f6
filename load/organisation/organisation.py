"""The organisation as a whole: one stream of events in time order, in memory that does not grow with its length."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fawkes.load.histories import CloudEvent
from fawkes.load.organisation.parameters import DAY_S, Parameters
from fawkes.load.organisation.parts import Moment, Voice, team_of
from fawkes.load.organisation.ugly import UGLY, Ugly, episodes
from fawkes.load.organisation.work import ordinary_work

TEAMS_MAX: Final = 100
"""Of an organisation that is made to a size; a larger one only goes on for longer."""

_USUAL: Final = Parameters()
_DAYS_OF_A_SMALL_ONE: Final = 90
_DAYS_TO_BEGIN: Final = 7
"""So that even ten events are not only the commits of what comes later."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """`teams` teams at work for the `days` that end at `ends_s` (Unix seconds).

    A team's events depend on the seed, its number and the parameters alone, not on how many others there are.
    """

    seed: int
    run_id: str
    ends_s: float
    days: float
    teams: int
    parameters: Parameters = _USUAL
    ugly: Sequence[Ugly] = UGLY
    quiet_s: Sequence[tuple[float, float]] = ()
    """Spans [from, to) in which no deployment completes and no incident starts: the edges of the windows asked for."""
    size: int | None = None
    """End after so many events, the oldest ones."""

    @classmethod
    def of_size(cls, events: int, *, seed: int, run_id: str, ends_s: float) -> Organisation:
        """One that makes exactly so many events, 10 to 1,000,000."""
        per_team_day = _USUAL.services_per_team * _USUAL.events_per_day
        teams = max(1, min(TEAMS_MAX, round(events / (per_team_day * _DAYS_OF_A_SMALL_ONE))))
        # Half as many days again, because a small organisation may be slower than the average.
        days = math.ceil(1.5 * events / (per_team_day * teams)) + _DAYS_TO_BEGIN
        return cls(seed=seed, run_id=run_id, ends_s=ends_s, days=days, teams=teams, size=events)

    def events(self) -> Iterator[CloudEvent]:
        """Every event, by time. Lazy; holds what is under way in each service."""
        merged = heapq.merge(*self._streams(), key=lambda moment: moment[0])
        return itertools.islice((event for _, event in merged), self.size)

    def settle(self, at_s: float, lasts_s: float = 0.0) -> float:
        """The first instant from `at_s` on from which nothing quiet is touched for so long."""
        for from_s, to_s in sorted(self.quiet_s):
            if at_s < to_s and from_s <= at_s + lasts_s:
                at_s = to_s
        return at_s

    def _streams(self) -> Iterator[Iterator[Moment]]:
        span = {"starts_s": self.ends_s - self.days * DAY_S, "ends_s": self.ends_s}
        teams = [team_of(self.seed, number, self.parameters) for number in range(self.teams)]
        for team in teams:
            for number in range(self.parameters.services_per_team):
                voice = Voice(self.run_id, team, f"{team.name}-service-{number}")
                yield ordinary_work(voice, self.parameters, self.seed, settle=self.settle, **span)
        # Each case in at least one team, each team with at least one case.
        for number in range(max(self.teams, len(self.ugly)) if self.ugly else 0):
            team, case = teams[number % self.teams], self.ugly[number % len(self.ugly)]
            voice = Voice(self.run_id, team, f"{team.name}-{case.replace('_', '-')}")
            yield episodes(case, voice, self.seed, settle=self.settle, **span)
