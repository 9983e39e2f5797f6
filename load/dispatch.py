"""Open-loop dispatch: requests leave when the schedule says, however slow the answers are.

A closed loop waits for an answer before it asks again, so a slow server is asked less and looks better than it is
(coordinated omission). Here each request has an intended start, fixed before the run, and its latency counts from
that: a late answer, a full server and a late generator all show up in it.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import gevent
import gevent.pool
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat

Arrivals = Literal["constant", "poisson"]


class RateStage(BaseModel):
    """One row of a load's shape: for `for_s` seconds the rate goes from `rate_per_s` in a line to `to_per_s`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    for_s: PositiveFloat
    rate_per_s: NonNegativeFloat
    to_per_s: NonNegativeFloat | None = Field(default=None, description="The same as rate_per_s when absent.")

    @property
    def end_per_s(self) -> float:
        return self.rate_per_s if self.to_per_s is None else self.to_per_s

    @property
    def requests(self) -> float:
        """The area under the line."""
        return self.for_s * (self.rate_per_s + self.end_per_s) / 2

    def time_of(self, count: float) -> float:
        """Seconds into the stage at which `count` requests are due: r0*t + (r1-r0)*t^2/(2T) = count, solved for t."""
        slope_per_s2 = (self.end_per_s - self.rate_per_s) / self.for_s
        root = math.sqrt(max(0.0, self.rate_per_s**2 + 2 * slope_per_s2 * count))
        # This form of the solution has no difference of near numbers, and holds for a slope of 0.
        return min(self.for_s, 2 * count / (self.rate_per_s + root)) if count else 0.0


def intended_starts(stages: Sequence[RateStage], arrivals: Arrivals, rng: random.Random) -> list[float]:
    """Seconds after the start of the load at which each request is due, ascending.

    `constant` spaces them by the rate alone; `poisson` draws the gaps, as independent users would make them, with the
    same rate in the mean.
    """
    dues = _due_counts(arrivals, rng)
    due, starts, stage_began_s, before = next(dues), [], 0.0, 0.0
    for stage in stages:
        # The small part of a request takes up the rounding of the sum, so that a last one is not made up.
        while due < before + stage.requests - 1e-9:
            starts.append(stage_began_s + stage.time_of(due - before))
            due = next(dues)
        stage_began_s, before = stage_began_s + stage.for_s, before + stage.requests
    return starts


def _due_counts(arrivals: Arrivals, rng: random.Random) -> Iterator[float]:
    """By how much the area under the rate must have grown when the next request is due."""
    due = 0.0
    while True:
        if arrivals == "poisson":
            due += rng.expovariate(1.0)
        yield due
        if arrivals == "constant":
            due += 1.0


class Pool(Protocol):
    """Runs functions side by side."""

    def spawn(self, work: Callable[..., None], /, *args: object) -> object: ...

    def join(self, timeout: float | None = None) -> object: ...


@dataclass(frozen=True, slots=True)
class Sent:
    """How one run kept to its schedule."""

    offered: int
    """Requests in the schedule."""
    achieved: int
    """Requests that left before the planned end of the load. A generator that lags sends fewer."""
    send_lag_p99_s: float
    """By how much requests left later than intended: nearest-rank 99th percentile."""


def dispatch(
    starts: Sequence[float],
    send: Callable[[int, float], None],
    *,
    planned_s: float,
    drain_s: float,
    pool: Pool,
    now: Callable[[], float] = time.perf_counter,
    wait: Callable[[float], None] = gevent.sleep,
) -> Sent:
    """Call `send(index, intended)` for each of `starts` (seconds from now) in `pool`, each when it is due.

    `intended` is on the clock `now`, so that latency is `now() - intended` once the answer is read. Returns when all
    are done, or `drain_s` after the last was due, whichever is first.
    """
    began = now()
    left_late_s: list[float] = []
    left_in_time = 0

    def work(index: int, intended: float) -> None:
        nonlocal left_in_time
        left = now()
        left_late_s.append(left - intended)
        left_in_time += left - began < planned_s
        send(index, intended)

    for index, start in enumerate(starts):
        intended = began + start
        if (ahead_s := intended - now()) > 0:
            wait(ahead_s)
        pool.spawn(work, index, intended)
    pool.join(timeout=drain_s)
    return Sent(len(starts), left_in_time, nearest_rank(left_late_s, 99))


def nearest_rank(values: Sequence[float], percent: int) -> float:
    """The smallest of `values` that at least `percent` of them do not exceed; 0.0 of none."""
    return sorted(values)[-(-len(values) * percent // 100) - 1] if values else 0.0


def gevent_pool(rate_per_s: float, timeout_s: float) -> gevent.pool.Pool:
    """A pool that never makes a request wait for a place: as many as can be under way when all time out, and a few."""
    return gevent.pool.Pool(size=math.ceil(rate_per_s * timeout_s) + 10)
