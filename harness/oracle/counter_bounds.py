"""What PromQL over a scraped counter may answer, from the times of the counted events alone.

`oracle.promql` says exactly what Prometheus computes, but needs the scraped samples, which Prometheus itself gives.
This is the second oracle, and it needs nothing of Prometheus: what happened, how often it was scraped at least, when
the counter was exposed. The answer is an interval, because nobody knows when within a gap a scrape fell. It holds what
a right Prometheus can answer, and is narrow enough that an event too few, an event too many or a rate per second in
place of a count lies outside, as long as no event is within a gap of the window's edges. Derivation: docs/oracle.md.

A counter here adds 1 for each event. All times are Unix seconds, of a clock shared with Prometheus.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_ROUNDING: Final = 1e-12
"""Relative. An answer is some dozen operations of 2^-53 each, and a sum over series is compensated."""

_EDGE_SHARE: Final = 1.1
"""Prometheus never extrapolates further than this many average gaps (`extrapolationThreshold`)."""

STAMP_MOVES_S: Final = 0.002
"""Prometheus moves a sample's stamp by up to this much onto its grid (scrape/scrape.go, `ScrapeTimestampTolerance`)."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The closed interval of right answers. `low` > `high`: no number is right."""

    low: float
    high: float
    may_be_absent: bool = False
    """No element, or NaN, is right as well."""

    def admits(self, value: float | None) -> bool:
        """Whether this answer is right; None is no element."""
        if value is None or math.isnan(value):
            return self.may_be_absent
        return self.low - abs(self.low) * _ROUNDING <= value <= self.high + abs(self.high) * _ROUNDING


NOTHING: Final = Bounds(math.inf, -math.inf, may_be_absent=True)
"""Only the lack of an answer is right."""


@dataclass(frozen=True, slots=True)
class Window:
    """(end_s - range_s, end_s], as a range selector of `range_s` sees it at `end_s`."""

    end_s: float
    range_s: float

    @property
    def start_s(self) -> float:
        return self.end_s - self.range_s


@dataclass(frozen=True, slots=True)
class Scraping:
    """How well samples follow the events."""

    gap_max_s: float
    """The longest time between two samples while it is exposed: interval, jitter, and scrapes that may fail."""
    behind_max_s: float = 0.0
    """An event is in what a scrape reads at most this much after its time."""
    ahead_max_s: float = 0.0
    """A sample is stamped when its scrape begins, so it may hold an event that is this much younger."""


@dataclass(frozen=True, slots=True)
class Exposed:
    """A stretch of time in which the counter could be scraped, from its first possible scrape to its last one."""

    from_s: float = -math.inf
    to_s: float = math.inf
    from_zero: bool = False
    """It forgot what it had counted before: a counter in memory after a restart. A counter out of a store doesn't."""


ALWAYS: Final = (Exposed(),)


def increase_bounds(
    event_times_s: Sequence[float], window: Window, scraping: Scraping, exposed: Sequence[Exposed] = ALWAYS
) -> Bounds:
    """Of `increase(x[range])` of one series.

    `event_times_s` are all events the counter ever counted, in any order. `exposed` is ascending; one stretch per
    life of the process: a series born late has a `from_s`, a restart makes two stretches.
    Raises ValueError for a gap or range that isn't positive.
    """
    if not (scraping.gap_max_s > 0 and window.range_s > 0):
        raise ValueError(f"gap_max_s {scraping.gap_max_s:g} and range_s {window.range_s:g} must be above 0")
    lives = _lives(window, exposed)
    if not lives:
        return NOTHING
    events = _Events(event_times_s, scraping)
    whole = _Life([stretch for life in lives for stretch in life.stretches], lives[0].origin_s)
    most = events.maybe_in(whole.stretches[0].from_s, whole.stretches[-1].to_s)
    least = sum(_surely_counted(life, before, events) for before, life in zip([None, *lives], lives, strict=False))
    scrapes = sum(int(_length_s(s) / scraping.gap_max_s) for s in whole.stretches)
    lead, trail = _extrapolated_shares(whole, window, scraping, gaps=max(1, scrapes - 1))
    first_s = whole.first_sample_by(scraping.gap_max_s)
    # The zero clamp: never further back than to where the counter would have been 0.
    clamp = math.inf if first_s is None else events.maybe_by(first_s, lives[0].origin_s)
    high = most + min(most * lead, clamp) + most * trail
    return Bounds(least, high, may_be_absent=scrapes < 2)


def rate_bounds(
    event_times_s: Sequence[float], window: Window, scraping: Scraping, exposed: Sequence[Exposed] = ALWAYS
) -> Bounds:
    """Of `rate(x[range])` of one series, per second. As `increase_bounds` otherwise."""
    whole = increase_bounds(event_times_s, window, scraping, exposed)
    return Bounds(whole.low / window.range_s, whole.high / window.range_s, whole.may_be_absent)


def sum_bounds(parts: Iterable[Bounds]) -> Bounds:
    """Of `sum(...)` over elements, absent ones left out."""
    some = [part for part in parts if part.low <= part.high]
    if not some:
        return NOTHING
    low = sum(min(part.low, 0.0) if part.may_be_absent else part.low for part in some)
    high = sum(max(part.high, 0.0) if part.may_be_absent else part.high for part in some)
    return Bounds(low, high, all(part.may_be_absent for part in some))


def ratio_bounds(part: Bounds, whole: Bounds) -> Bounds:
    """Of `(part or 0 * whole) / (whole > 0)`, the guarded ratio of the rules, for counts that aren't negative.

    0 when there is no part, nothing when there is no whole.
    """
    if not whole.high > 0:
        return NOTHING
    low = 0.0 if part.may_be_absent else part.low / whole.high
    high = max(part.high, 0.0) / whole.low if whole.low > 0 else math.inf
    return Bounds(low, high, whole.may_be_absent or whole.low <= 0)


def quantile_bounds(q: float, buckets: Mapping[float, Bounds]) -> Bounds:
    """Of `histogram_quantile(q, ...)` for 0 < q <= 1: upper bound -> bounds of that bucket's cumulative count or rate.

    Raises ValueError for another q, and for buckets without +Inf or without a finite bound.
    """
    edges = sorted(buckets)
    if not 0 < q <= 1:
        raise ValueError(f"q is {q:g}; it must be above 0 and at most 1 (at 0 the answer may be 0/0)")
    if len(edges) < 2 or edges[-1] != math.inf:
        raise ValueError(f"bucket bounds {edges} need at least one finite bound and end with +Inf; add it")
    total = buckets[math.inf]
    if not total.high > 0:
        return NOTHING
    least = 0.0 if total.may_be_absent else total.low
    lowest = next(i for i, edge in enumerate(edges) if buckets[edge].high >= q * least)
    highest = next((i for i, edge in enumerate(edges) if buckets[edge].low >= q * total.high), len(edges) - 1)
    low = edges[lowest - 1] if lowest else min(0.0, edges[0])
    return Bounds(low, edges[min(highest, len(edges) - 2)], least <= 0)


@dataclass(frozen=True, slots=True)
class _Life:
    """What one counting, from 0 or from unknown on, shows in the window. Within it the counter never falls."""

    stretches: list[Exposed]
    origin_s: float
    """Since when it counts."""

    def first_sample_by(self, gap_s: float) -> float | None:
        """Its first sample is not later than this; None when it may have none."""
        return next((s.from_s + gap_s for s in self.stretches if _length_s(s) >= gap_s), None)

    def last_sample_from(self, gap_s: float) -> float | None:
        """Its last sample is not earlier than this; None when it may have none."""
        return next((s.to_s - gap_s for s in reversed(self.stretches) if _length_s(s) >= gap_s), None)


class _Events:
    """Counts events by when samples show them, which is known to within `ahead_max_s` and `behind_max_s`."""

    def __init__(self, times_s: Sequence[float], scraping: Scraping) -> None:
        self.gap_s, self._ahead_s, self._behind_s = scraping.gap_max_s, scraping.ahead_max_s, scraping.behind_max_s
        self._times_s = sorted(times_s)

    def maybe_in(self, after_s: float, by_s: float) -> int:
        """Events that a sample at `by_s` may show and one at `after_s` may not."""
        return self._up_to(by_s + self._ahead_s) - self._up_to(after_s - self._behind_s)

    def surely_in(self, after_s: float, by_s: float) -> int:
        """Events that a sample at `by_s` shows and one at `after_s` does not."""
        return max(0, self._up_to(by_s - self._behind_s) - self._up_to(after_s + self._ahead_s))

    def maybe_by(self, by_s: float, since_s: float) -> int:
        """The most that a sample at `by_s` may show of a counter that began at `since_s`."""
        return max(0, self._up_to(by_s + self._ahead_s) - bisect_left(self._times_s, since_s - self._behind_s))

    def surely_by(self, by_s: float, since_s: float) -> int:
        """The least that a sample at `by_s` shows of a counter that began at `since_s`."""
        return max(0, self._up_to(by_s - self._behind_s) - bisect_left(self._times_s, since_s + self._ahead_s))

    def _up_to(self, at_s: float) -> int:
        return bisect_right(self._times_s, at_s)


def _lives(window: Window, exposed: Sequence[Exposed]) -> list[_Life]:
    """The stretches as far as they are in the window, one life for those without a loss of memory between them."""
    lives: list[_Life] = []
    origin_s = -math.inf
    for stretch in exposed:
        if stretch.from_zero:
            origin_s = stretch.from_s
        seen = Exposed(max(stretch.from_s, window.start_s), min(stretch.to_s, window.end_s))
        if seen.from_s > seen.to_s or stretch.to_s <= window.start_s:
            continue
        if not lives or lives[-1].origin_s != origin_s:
            lives.append(_Life([], origin_s))
        lives[-1].stretches.append(seen)
    return lives


def _length_s(stretch: Exposed) -> float:
    return stretch.to_s - stretch.from_s


def _surely_counted(life: _Life, before: _Life | None, events: _Events) -> int:
    """How many events of this life are in the answer wherever the scrapes fell."""
    first_s, last_s = life.first_sample_by(events.gap_s), life.last_sample_from(events.gap_s)
    if first_s is None or last_s is None:
        return 0
    if before is not None and _surely_seen_to_fall(before, life, first_s, events):
        return events.surely_by(last_s, life.origin_s)
    return events.surely_in(first_s, last_s)


def _surely_seen_to_fall(before: _Life, life: _Life, first_s: float, events: _Events) -> bool:
    """Whether the reset shows: the first value after it is below the last one before it, or there was none to lose."""
    last_s = before.last_sample_from(events.gap_s)
    if last_s is None:
        return False
    nothing_lost = events.maybe_by(before.stretches[-1].to_s, before.origin_s) == 0
    return nothing_lost or events.maybe_by(first_s, life.origin_s) < events.surely_by(last_s, before.origin_s)


def _extrapolated_shares(whole: _Life, window: Window, scraping: Scraping, *, gaps: int) -> tuple[float, float]:
    """How much of the sampled increase is added at most for the time before the first and after the last sample."""
    first_s = whole.first_sample_by(scraping.gap_max_s)
    last_s = whole.last_sample_from(scraping.gap_max_s)
    most = _EDGE_SHARE / gaps
    if first_s is None or last_s is None or last_s <= first_s:
        return most, most
    sampled_s = last_s - first_s
    return min((first_s - window.start_s) / sampled_s, most), min((window.end_s - last_s) / sampled_s, most)
