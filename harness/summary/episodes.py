"""Raw samples of an alert as episodes: an evaluation leaves a sample for as long as the alert lasts, and then none."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

SAME_EPISODE: Final = 2.5
"""Evaluations between two samples of one episode: one may have been missed on a busy machine."""

Samples = Sequence[Sequence[float]]
"""[[Unix seconds, value], ...] of one series, ascending."""


def evaluations_apart_s(series: Iterable[Samples]) -> float:
    """From one evaluation to the next, the same for all these series; 0 when none has two samples."""
    pairs = (pair for samples in series for pair in itertools.pairwise(samples))
    return min((after[0] - before[0] for before, after in pairs), default=0.0)


def episodes(times_s: Sequence[float], apart_s: float) -> Iterator[tuple[float, float]]:
    """First and last of the times that follow one another without a gap."""
    if times_s:
        first_s = times_s[0]
        for before, after in itertools.pairwise(times_s):
            if after - before > SAME_EPISODE * apart_s:
                yield first_s, before
                first_s = after
        yield first_s, times_s[-1]
