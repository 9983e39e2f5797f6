"""The ugly cases: what really happens to such events, scripted, each in a service of its own so that its effect on the
metrics is known. Which decision each one rests on is in docs/dora.md.

Everything that a window looks at (completions, starts of incidents) lies in the six hours from an episode's start.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final, Literal, get_args

from fawkes.load.organisation.parameters import DAY_S, HOUR_S
from fawkes.load.organisation.parts import PRODUCTION, Moment, Settle, Voice

Ugly = Literal[
    "redeploy",
    "incident_without_deployment",
    "overlapping_incidents",
    "reopened_incident",
    "clock_skew",
    "dst_change",
    "never_completed",
    "first_deployment",
    "two_services",
]
UGLY: Final[tuple[Ugly, ...]] = get_args(Ugly)
"""Duplicates, conflicts, late and shuffled arrival are no events but deliveries: delivery.py."""

EPISODE_S: Final = 6 * HOUR_S
EPISODE_EVERY_S: Final = 10 * DAY_S
"""So that a 30-day window holds some of each, and a 7-day one often none."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What one episode adds to its team's production. Durations are those of every sample it adds."""

    deployments: int = 0
    failed: int = 0
    lead_times: int = 0
    lead_times_invalid: int = 0
    lead_time_s: float | None = None
    restores: int = 0
    restore_s: float | None = None
    """The shorter one where there are two."""
    recoveries: int = 0
    recovery_s: float | None = None


Script = Callable[[Voice, float, int, random.Random], Iterator[Moment]]


def _redeploy(voice: Voice, at_s: float, number: int, rng: random.Random) -> Iterator[Moment]:
    sha = voice.sha(number)
    yield voice.commit(at_s - 2 * HOUR_S, number, rng)
    yield voice.deployed(at_s, voice.name("deployment", number), sha)
    yield voice.deployed(at_s + HOUR_S, voice.name("again", number), sha, kind="redeploy")


def _incident_without_deployment(voice: Voice, at_s: float, number: int, rng: random.Random) -> Iterator[Moment]:
    incident = voice.name("incident", number)
    yield voice.incident(at_s, incident)
    yield voice.resolved(at_s + HOUR_S, incident)


def _overlapping_incidents(voice: Voice, at_s: float, number: int, rng: random.Random) -> Iterator[Moment]:
    deployment, first, second = (voice.name(what, number) for what in ("deployment", "first", "second"))
    yield from _one_commit(voice, at_s, number, rng)
    yield voice.incident(at_s + HOUR_S, first, caused_by_deployment=deployment)
    yield voice.incident(at_s + 2 * HOUR_S, second, caused_by_deployment=deployment)
    yield voice.resolved(at_s + 3 * HOUR_S, second)
    yield voice.resolved(at_s + 5 * HOUR_S, first)


def _reopened_incident(voice: Voice, at_s: float, number: int, rng: random.Random) -> Iterator[Moment]:
    incident = voice.name("incident", number)
    yield from _one_commit(voice, at_s, number, rng)
    yield voice.incident(at_s + HOUR_S, incident)
    yield voice.resolved(at_s + 2 * HOUR_S, incident)
    yield voice.incident(at_s + 3 * HOUR_S, incident)
    yield voice.resolved(at_s + 4 * HOUR_S, incident)


def _clock_skew(voice: Voice, at_s: float, number: int, rng: random.Random) -> Iterator[Moment]:
    ahead = datetime.fromtimestamp(at_s + HOUR_S, voice.team.zone).isoformat(timespec="milliseconds")
    yield voice.commit(at_s - HOUR_S, number, rng, committed_at=ahead)
    yield voice.deployed(at_s, voice.name("deployment", number), voice.sha(number))


def _dst_change(voice: Voice, at_s: float, number: int, rng: random.Random) -> Iterator[Moment]:
    """In the hour that comes twice: deployed 45 minutes after the commit, by the clock on the wall 15 before it."""
    summer, winter = (timezone(timedelta(hours=hours)) for hours in (2, 1))
    sha = voice.sha(number)
    yield voice.say(at_s - 0.75 * HOUR_S, "commit", {"sha": sha}, zone=summer)
    deployment = {"environment": PRODUCTION, "deployment_id": voice.name("deployment", number), "commit_sha": sha}
    yield voice.say(at_s, "deployment_completed", {**deployment, "status": "success"}, zone=winter)


def _never_completed(voice: Voice, at_s: float, number: int, rng: random.Random) -> Iterator[Moment]:
    yield voice.commit(at_s - HOUR_S, number, rng)
    deployment = {"deployment_id": voice.name("deployment", number), "commit_sha": voice.sha(number)}
    yield voice.say(at_s, "deployment_started", {"environment": PRODUCTION, **deployment})


def _first_deployment(voice: Voice, at_s: float, number: int, rng: random.Random) -> Iterator[Moment]:
    """A service that nobody has heard of: there is no deployment before it whose commits could be subtracted."""
    yield from _one_commit(voice.beside(str(number)), at_s, number, rng)


def _two_services(voice: Voice, at_s: float, number: int, rng: random.Random) -> Iterator[Moment]:
    """One deployment of one repository brings out two services."""
    deployment, sha, worker = voice.name("deployment", number), voice.sha(number), voice.beside(f"worker-{number}")
    yield voice.commit(at_s - HOUR_S, number, rng)
    yield voice.deployed(at_s, deployment, sha)
    yield worker.deployed(at_s + 60, deployment, sha)


def _one_commit(voice: Voice, at_s: float, number: int, rng: random.Random) -> Iterator[Moment]:
    yield voice.commit(at_s - HOUR_S, number, rng)
    yield voice.deployed(at_s, voice.name("deployment", number), voice.sha(number))


@dataclass(frozen=True, slots=True)
class Case:
    """A script and what it does to the metrics."""

    script: Script
    effect: Effect


CASES: Final[Mapping[Ugly, Case]] = {
    "redeploy": Case(_redeploy, Effect(deployments=2, lead_times=1, lead_time_s=2 * HOUR_S)),
    "incident_without_deployment": Case(_incident_without_deployment, Effect(restores=1, restore_s=HOUR_S)),
    "overlapping_incidents": Case(
        _overlapping_incidents,
        Effect(
            deployments=1,
            failed=1,
            lead_times=1,
            lead_time_s=HOUR_S,
            restores=2,
            restore_s=HOUR_S,
            recoveries=2,
            recovery_s=3 * HOUR_S,
        ),
    ),
    "reopened_incident": Case(
        _reopened_incident,
        Effect(
            deployments=1,
            failed=1,
            lead_times=1,
            lead_time_s=HOUR_S,
            restores=1,
            restore_s=3 * HOUR_S,
            recoveries=1,
            recovery_s=4 * HOUR_S,
        ),
    ),
    "clock_skew": Case(_clock_skew, Effect(deployments=1, lead_times_invalid=1)),
    "dst_change": Case(_dst_change, Effect(deployments=1, lead_times=1, lead_time_s=0.75 * HOUR_S)),
    "never_completed": Case(_never_completed, Effect()),
    "first_deployment": Case(_first_deployment, Effect(deployments=1, lead_times=1, lead_time_s=HOUR_S)),
    "two_services": Case(_two_services, Effect(deployments=2, lead_times=1, lead_time_s=HOUR_S)),
}


def episodes(
    case: Ugly, voice: Voice, seed: int, *, starts_s: float, ends_s: float, settle: Settle
) -> Iterator[Moment]:
    """One episode in every `EPISODE_EVERY_S`, at an hour of its own, in time order."""
    rng = random.Random(f"{seed}/ugly/{voice.service}")
    for number in range(int((ends_s - starts_s) / EPISODE_EVERY_S) + 1):
        first_s = starts_s + number * EPISODE_EVERY_S
        at_s = settle(first_s + rng.uniform(EPISODE_S, EPISODE_EVERY_S - 2 * EPISODE_S), EPISODE_S)
        if at_s + EPISODE_S <= ends_s:
            yield from sorted(CASES[case].script(voice, at_s, number, rng), key=lambda moment: moment[0])
