"""Ordinary work of one service: changes that are committed, built, deployed to staging and production, and sometimes
break something. A stream in time order that holds only what is under way.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from fawkes.load.organisation.parameters import HOUR_S, Parameters
from fawkes.load.organisation.parts import PRODUCTION, STAGING, Moment, Settle, Team, Voice

SATURDAY = 5


def ordinary_work(
    voice: Voice, parameters: Parameters, seed: int, *, starts_s: float, ends_s: float, settle: Settle
) -> Iterator[Moment]:
    """Everything this service does between two instants, in time order; commits may be older than the start.

    Deployments are planned day by day. A deployment's commits reach back at most `lead_time_max_s`, so everything
    older than that before the day that is planned next is final and leaves.
    """
    work = _Work(voice, parameters, random.Random(f"{seed}/ordinary/{voice.service}"), settle)
    upcoming: list[tuple[float, int, Moment]] = []
    order = itertools.count()
    for day_began_s, completions in _planned(work.rng, voice.team, parameters, starts_s, ends_s):
        while upcoming and upcoming[0][0] < day_began_s - parameters.lead_time_max_s:
            yield heapq.heappop(upcoming)[2]
        for completed_s in completions:
            for moment in work.change(settle(completed_s)):
                if moment[0] < ends_s:
                    heapq.heappush(upcoming, (moment[0], next(order), moment))
    while upcoming:
        yield heapq.heappop(upcoming)[2]


def _planned(
    rng: random.Random, team: Team, parameters: Parameters, starts_s: float, ends_s: float
) -> Iterator[tuple[float, list[float]]]:
    """For each local day: when it began at the latest (UTC midnight, 14 h before any zone's), and its completions."""
    day = datetime.fromtimestamp(starts_s, team.zone).date()
    last = datetime.fromtimestamp(ends_s, team.zone).date()
    while day <= last:
        rate = parameters.deployments_per_day * team.pace * (parameters.weekend_factor if _is_weekend(day) else 1.0)
        hours = rng.choices(range(24), parameters.hour_weights, k=_poisson(rng, rate))
        completions = sorted(_instant_s(day, hour, rng.random(), team) for hour in hours)
        earliest_s = datetime.combine(day, time(), UTC).timestamp() - 14 * HOUR_S
        yield earliest_s, [at_s for at_s in completions if starts_s <= at_s < ends_s]
        day += timedelta(days=1)


def _is_weekend(day: date) -> bool:
    return day.weekday() >= SATURDAY


def _instant_s(day: date, hour: int, part: float, team: Team) -> float:
    return datetime.combine(day, time(hour), team.zone).timestamp() + part * HOUR_S


def _poisson(rng: random.Random, rate: float) -> int:
    """How many of events with exponential gaps fit into a unit of time."""
    count, passed = 0, rng.expovariate(1.0)
    while passed < rate:
        count, passed = count + 1, passed + rng.expovariate(1.0)
    return count


class _Work:
    """Draws one change after the other. Every draw comes from one generator, so the order of calls matters."""

    def __init__(self, voice: Voice, parameters: Parameters, rng: random.Random, settle: Settle) -> None:
        self.rng = rng
        self._voice, self._parameters, self._settle = voice, parameters, settle
        self._changes, self._commits, self._incidents = itertools.count(1), itertools.count(1), itertools.count(1)
        self._live = voice.sha("before the first deployment")
        """What a rollback goes back to."""

    def change(self, completed_s: float) -> Iterator[Moment]:
        """Commits, build, staging, production at `completed_s`; perhaps an incident and what ends it."""
        rng, parameters = self.rng, self._parameters
        leads_s = sorted(self._lead_s() for _ in range(self._how_many_commits()))
        commits = [next(self._commits) for _ in leads_s]
        for number, lead_s in zip(commits, leads_s, strict=True):
            yield self._voice.commit(completed_s - lead_s, number, rng)
        shas = [self._voice.sha(number) for number in commits]
        deployment = self._voice.name("deployment", next(self._changes))
        yield from self._delivery(completed_s, leads_s[0], deployment, shas)
        if rng.random() < parameters.failure_ratio:
            yield from self._failure(completed_s, deployment)
        self._live = shas[0]

    def _delivery(self, completed_s: float, lead_s: float, deployment: str, shas: list[str]) -> Iterator[Moment]:
        """The way of the latest commit: build and staging take their shares of its lead time."""
        say, head = self._voice.say, shas[0]

        def at_s(share: float) -> float:
            return completed_s - lead_s * (1.0 - share)

        build = {"build_id": deployment.replace("deployment", "build"), "commit_sha": head}
        yield say(at_s(0.05), "build_started", build)
        yield say(at_s(0.15), "build_completed", {**build, "status": "success"})
        for environment, began, ended in ((STAGING, 0.3, 0.4), (PRODUCTION, 0.9, 1.0)):
            started = {"environment": environment, "deployment_id": deployment, "commit_sha": head}
            yield say(at_s(began), "deployment_started", started)
            attempt = 1
            if environment == PRODUCTION and self.rng.random() < self._parameters.attempt_failure_ratio:
                yield self._voice.deployed(at_s(0.95), deployment, head, commits=shas, status="failure", attempt=1)
                attempt = 2
            to = {"environment": environment, "attempt": attempt, "commits": shas}
            yield self._voice.deployed(at_s(ended), deployment, head, **to)

    def _failure(self, completed_s: float, deployment: str) -> Iterator[Moment]:
        """An incident, and in most cases a rollback or a hotfix that ends it."""
        rng, parameters, pace = self.rng, self._parameters, self._voice.team.pace
        started_s = self._settle(completed_s + rng.expovariate(math.log(2) / parameters.detection_median_s))
        repair_s = parameters.repair_median_s / pace * math.exp(rng.gauss(0.0, parameters.repair_sigma))
        resolved_s = started_s + min(repair_s, parameters.repair_max_s)
        incident = self._voice.name("incident", next(self._incidents))
        named = {"caused_by_deployment": deployment} if rng.random() < parameters.named_cause_ratio else {}
        yield self._voice.incident(started_s, incident, rng.choice(("critical", "high", "medium", "low")), **named)
        ended_by, fixed_s = rng.random(), self._settle(started_s + 0.8 * (resolved_s - started_s))
        repair = self._voice.name("deployment", next(self._changes))
        if ended_by < parameters.rollback_ratio:
            yield self._voice.deployed(
                fixed_s, repair, self._live, kind="rollback", commits=[], caused_by_incident=incident
            )
        elif ended_by < parameters.rollback_ratio + parameters.hotfix_ratio:
            number = next(self._commits)
            yield self._voice.commit(fixed_s - 0.5 * (fixed_s - started_s), number, rng)
            sha = self._voice.sha(number)
            yield self._voice.deployed(fixed_s, repair, sha, kind="hotfix", commits=[sha], caused_by_incident=incident)
        yield self._voice.resolved(max(resolved_s, fixed_s), incident)

    def _lead_s(self) -> float:
        parameters = self._parameters
        median_s = parameters.lead_time_median_s / self._voice.team.pace
        return min(median_s * math.exp(self.rng.gauss(0.0, parameters.lead_time_sigma)), parameters.lead_time_max_s)

    def _how_many_commits(self) -> int:
        """Geometric from 1 on."""
        count, another = 1, 1.0 - 1.0 / self._parameters.commits_per_deployment
        while self.rng.random() < another:
            count += 1
        return count
