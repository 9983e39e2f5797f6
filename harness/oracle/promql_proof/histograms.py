"""Random classic histograms: as scraped counters, and as bare bucket counts that no counter would show."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final

from fawkes.harness.oracle.promql_proof.series import INSTANTS_MS, Series, random_scrapes

_BOUNDS: Final = (-5.0, -1.0, 0.0, 0.005, 0.1, 1.0, 2.5, 10.0, 900.0, 3600.0, 86400.0, 1e6)
_INSTANCES_MAX: Final = 3
_SCRAPES: Final = (2, 9, 40, 120)


def scraped(seed: str, count: int) -> Iterator[Series]:
    """`proof_seconds_bucket{h, instance, le}`: whole and torn scrapes, resets, buckets that are missing or lag.

    A torn scrape shows one bucket as it was a scrape earlier, so that counts aren't monotone.
    """
    for number in range(count):
        rng = random.Random(f"{seed}/histogram/{number}")
        layout = _layout(rng)
        for instance in range(rng.randint(1, _INSTANCES_MAX)):
            bounds = layout if rng.random() < 0.9 else _layout(rng)
            times_ms = random_scrapes(rng, rng.choice(_SCRAPES))
            columns = zip(*_scrapes(rng, len(bounds), len(times_ms)), strict=True)
            for bound, counts in zip(bounds, columns, strict=True):
                stored = zip(times_ms, counts, strict=True)
                kept = tuple(sample for sample in stored if rng.random() < 0.995)
                labels = {"__name__": "proof_seconds_bucket", "h": str(number), "instance": str(instance)}
                yield Series({**labels, "le": _spelled(rng, bound)}, kept)


def bare(seed: str, count: int) -> Iterator[Series]:
    """`proof_bare_bucket{h, le}`: at each instant the counts of one histogram, right or odd in any way."""
    for number in range(count):
        rng = random.Random(f"{seed}/bare/{number}")
        spelled = dict.fromkeys(_spelled(rng, bound) for bound in _layout(rng))
        if rng.random() < 0.1:
            spelled |= dict.fromkeys(["1", "1.0", "many"])
        rows = [_odd_counts(rng, len(spelled)) for _ in INSTANTS_MS]
        for place, le in enumerate(spelled):
            stored = tuple((at_ms, row[place]) for at_ms, row in zip(INSTANTS_MS, rows, strict=True))
            yield Series({"__name__": "proof_bare_bucket", "h": str(number), "le": le}, stored)


def _layout(rng: random.Random) -> list[float]:
    """Ascending upper bounds: mostly positive and with +Inf."""
    palette = _BOUNDS if rng.random() < 0.2 else _BOUNDS[3:]
    if rng.random() < 0.06:
        return [math.inf]
    bounds = sorted(rng.sample(palette, rng.randint(1, 8)))
    return bounds if rng.random() < 0.15 else [*bounds, math.inf]


def _spelled(rng: random.Random, bound: float) -> str:
    if math.isinf(bound):
        return "+Inf"
    return f"{bound:g}" if rng.random() < 0.9 else repr(bound)


def _scrapes(rng: random.Random, buckets: int, count: int) -> Iterator[list[float]]:
    """Cumulative bucket counts of one instance, scrape by scrape."""
    unit, idle, reset, torn = (rng.choice(c) for c in ((1.0, 1.0, 0.1), (0.2, 0.9, 1.0), (0, 0, 0.05), (0, 0, 0.1)))
    inside = [unit * rng.choice([0, 0, 3, 100]) for _ in range(buckets)]
    before = list(accumulate(inside))
    for _ in range(count):
        inside = [0.0] * buckets if rng.random() < reset else inside
        for place in range(buckets):
            inside[place] += 0.0 if rng.random() < idle else unit * rng.choice([1, 2, 10])
        now = list(accumulate(inside))
        shown = list(now)
        if rng.random() < torn:
            place = rng.randrange(buckets)
            shown[place] = before[place]
        yield shown
        before = now


def _odd_counts(rng: random.Random, buckets: int) -> list[float]:
    steps: Sequence[float] = rng.choice([(0.0, 1.0, 5.0), (0.0, 0.1, 0.3), (0.0,), (1e300, 1e308), (5e-324, 1e-310)])
    counts = list(accumulate(rng.choice(steps) for _ in range(buckets)))
    place = rng.randrange(buckets)
    counts[place] *= rng.choice([1.0, 1.0, 1 - 1e-13, 1 + 1e-13, 1 - 1e-11, 1 + 1e-11, 0.5, 0.0])
    counts[place] += rng.choice([0.0] * 18 + [math.nan, math.inf])
    return counts
