"""Random counters as scrapes would have stored them: sparse, resetting, late-born, jittered, at edges of windows."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

START_MS: Final = 1_700_000_100_000
"""A multiple of every scrape interval below. The years since don't matter to a Prometheus that keeps everything."""
SPAN_MS: Final = 1_200_000
INSTANTS_MS: Final = range(START_MS + 240_000, START_MS + SPAN_MS, 120_000)
"""When every question is asked."""
RANGES_MS: Final = (60_000, 150_000, 307_500, 600_000, 1_500_000)
"""Shorter and longer than most gaps, a multiple of the scrape intervals and not, and one that sees whole series."""

_INTERVALS_MS: Final = (5_000, 15_000, 20_000, 30_000, 60_000)
_SAMPLES_MAX: Final = 120
_HUGE: Final = 2.0**53
"""From here on a double doesn't hold every whole number."""

Stored = tuple[int, float | None]
"""Unix milliseconds and value; None is a stale marker."""


@dataclass(frozen=True, eq=False)
class Series:
    """One series as it is stored. Equal to itself only, so that it can be a key."""

    labels: Mapping[str, str]
    stored: tuple[Stored, ...]

    @cached_property
    def samples(self) -> list[tuple[float, float]]:
        """[(Unix seconds, value), ...] as `oracle.promql` takes them: without stale markers."""
        return [(at_ms / 1000, value) for at_ms, value in self.stored if value is not None]


def counters(seed: str, count: int) -> Iterator[Series]:
    """`proof_total{n, g}` and `proof_failed_total{n, g}`; `g` is a group of five of all kinds, to be summed.

    One in five counts failures, except in a third of the groups: those have never failed.
    """
    for number in range(count):
        group, place = divmod(number, 5)
        name = "proof_failed_total" if place == 1 and group % 3 else "proof_total"
        stored = _stored(random.Random(f"{seed}/counter/{number}"))
        yield Series({"__name__": name, "n": str(number), "g": str(group)}, tuple(stored))


def _stored(rng: random.Random) -> list[Stored]:
    times_ms = (
        _at_the_edges(rng) if rng.random() < 0.25 else random_scrapes(rng, rng.choice([1, 2, 3, 9, 40, 120, 120]))
    )
    stored: list[Stored] = list(zip(times_ms, _values(rng, len(times_ms)), strict=True))
    if rng.random() < 0.2:
        marked_ms = {at_ms + 1 for at_ms in rng.sample(times_ms, min(2, len(times_ms)))}
        stored += [(at_ms, None) for at_ms in marked_ms - set(times_ms)]
    return sorted(stored, key=lambda sample: sample[0])


def random_scrapes(rng: random.Random, count: int) -> list[int]:
    """At most `count` Unix milliseconds, at least one: regular or jittered, from the first scrape on or born late."""
    interval_ms = rng.choice(_INTERVALS_MS)
    jitter_ms = rng.choice([0, 0, interval_ms // 50, interval_ms // 3])
    missing = rng.choice([0, 0, 0.1, 0.5])
    room_ms = max(1, SPAN_MS - count * interval_ms)
    late_ms = rng.randrange(SPAN_MS // 1000) * 1000
    begins_ms = START_MS + rng.choice([0, rng.randrange(room_ms), rng.randrange(room_ms), late_ms])
    times_ms = {
        begins_ms + number * interval_ms + rng.randint(-jitter_ms, jitter_ms)
        for number in range(count)
        if not number or rng.random() >= missing
    }
    return sorted(times_ms)


def _at_the_edges(rng: random.Random) -> list[int]:
    """Regular scrapes whose first and last sample lie just where a question's window decides about them."""
    end_ms, range_ms, interval_ms = rng.choice(INSTANTS_MS), rng.choice(RANGES_MS), rng.choice(_INTERVALS_MS)
    threshold_ms = interval_ms * 11 // 10
    first_ms = end_ms - range_ms + rng.choice([0, 1, threshold_ms - 1, threshold_ms, interval_ms // 2])
    last_ms = end_ms - rng.choice([0, -1, 1, threshold_ms - 1, threshold_ms, interval_ms // 2])
    count = min((last_ms - first_ms) // interval_ms, _SAMPLES_MAX)
    if count < 1:
        return [first_ms]
    if rng.random() < 0.5:
        return [first_ms + number * interval_ms for number in range(count + 1)]
    return [last_ms - number * interval_ms for number in reversed(range(count + 1))]


def _values(rng: random.Random, count: int) -> Iterator[float]:
    """A counter's values: whole, fractional, huge, flat, below zero; with resets to zero and to something else."""
    first, steps = rng.choice(
        [
            (0.0, (0.0, 0.0, 1.0, 3.0)),
            (0.0, (0.0, 0.0, 0.0, 0.0, 1.0)),
            (float(rng.randint(1, 50)), (0.0, 1.0, 2.0)),
            (rng.random(), (0.0, 0.25, 0.1, rng.random())),
            (rng.choice([_HUGE, 1e100, 1.7e308]), (0.0, 1.0, 1e10, 1e99)),
            (rng.choice([1e-300, 5e-324]), (0.0, 1e-300, 5e-324)),
            (7.0, (0.0,)),
            (-10.0, (0.0, 1.0, 4.0)),
        ]
    )
    reset = rng.choice([0, 0, 0.05, 0.3])
    odd = rng.choice([0, 0, 0, 0, 0, 0, 0, 0, 0, 0.1])
    value = first
    for _ in range(count):
        yield rng.choice([math.nan, math.inf]) if rng.random() < odd else value
        value = rng.choice([0.0, 0.0, value / 2, 1.0]) if rng.random() < reset else value + rng.choice(steps)
