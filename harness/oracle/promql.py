"""What Prometheus computes from given samples: increase, rate, classic histogram_quantile, and how rules join them.

Ported from Prometheus 3.13.5 (promql/functions.go `extrapolatedRate`, promql/quantile.go `BucketQuantile`,
util/kahansum, util/almost), operation by operation in the same order, so that the doubles are the same and not merely
close; `oracle.promql_proof` compares them with a running Prometheus. Samples are (Unix seconds, value) in time order;
timestamps are rounded to milliseconds as Prometheus stores them. A stale marker is no sample: leave it out, as
Prometheus does in ranges. Native histograms and start timestamps are off in the platform and not ported.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

Sample = tuple[float, float]

_EXTRAPOLATION_THRESHOLD = 1.1
"""`extrapolationThreshold` in extrapolatedRate: a gap up to 10 % longer than the average still counts as covered."""

_SMALL_DELTA = 1e-12
"""`smallDeltaTolerance` in quantile.go: relative differences between bucket counts below it are rounding."""


def increase(samples: Sequence[Sample], *, at_s: float, range_s: float) -> float | None:
    """`increase(x[range_s])` evaluated at `at_s`; None where Prometheus answers with nothing (fewer than two samples).

    The window is left-open, (at_s - range_s, at_s]. Counter resets are added back, the result is extrapolated to the
    edges, and never below a counter value of zero. Raises ValueError when samples are not in time order.
    """
    return _extrapolated(samples, at_s, range_s, per_second=False)


def rate(samples: Sequence[Sample], *, at_s: float, range_s: float) -> float | None:
    """`rate(x[range_s])` evaluated at `at_s`, per second. As `increase` otherwise."""
    return _extrapolated(samples, at_s, range_s, per_second=True)


def _extrapolated(samples: Sequence[Sample], at_s: float, range_s: float, *, per_second: bool) -> float | None:
    end_ms = round(at_s * 1000)
    start_ms = end_ms - round(range_s * 1000)
    window = [(t_ms, v) for t, v in samples if start_ms < (t_ms := round(t * 1000)) <= end_ms]
    if any(later[0] <= earlier[0] for earlier, later in pairwise(window)):
        raise ValueError("samples are not in time order; sort them and drop duplicates")
    if len(window) < 2:
        return None

    (first_ms, first), (last_ms, last) = window[0], window[-1]
    grown = last - first
    for (_, before), (_, after) in pairwise(window):
        if after < before:
            grown += before

    sampled_s = (last_ms - first_ms) / 1000
    average_s = sampled_s / (len(window) - 1)
    threshold_s = average_s * _EXTRAPOLATION_THRESHOLD
    to_start_s = (first_ms - start_ms) / 1000
    if to_start_s >= threshold_s:
        to_start_s = average_s / 2
    if grown > 0 and first >= 0:
        to_start_s = min(to_start_s, sampled_s * (first / grown))
    to_end_s = (end_ms - last_ms) / 1000
    if to_end_s >= threshold_s:
        to_end_s = average_s / 2

    factor = (sampled_s + to_start_s + to_end_s) / sampled_s
    if per_second:
        factor /= range_s
    return grown * factor


def histogram_quantile(q: float, buckets: Mapping[float, float]) -> float:
    """`histogram_quantile(q, ...)` of a classic histogram: `le` -> cumulative count.

    Linear inside the bucket, from 0 in the lowest one; the last finite bound when the rank falls into +Inf; NaN
    without +Inf, with fewer than two buckets, or without observations; -Inf and +Inf for q below 0 and above 1.
    """
    if not 0 <= q <= 1:
        return math.nan if math.isnan(q) else math.copysign(math.inf, q)
    bounds = sorted(buckets)
    if len(bounds) < 2 or bounds[-1] != math.inf:
        return math.nan
    counts = _monotonic([buckets[bound] for bound in bounds])
    return _interpolated(q * counts[-1], bounds, counts) if counts[-1] else math.nan


def buckets_of(labelled: Iterable[tuple[str, float]]) -> dict[float, float]:
    """`le` label and count of each series -> the buckets of `histogram_quantile`.

    Two spellings of one bound ("1", "1.0") are one bucket with the sum of their counts; a label that is no number is
    left out (`resetHistograms`, `coalesceBuckets`).
    """
    buckets: dict[float, float] = {}
    for le, count in labelled:
        try:
            bound = float(le)
        except ValueError:
            continue
        buckets[bound] = buckets[bound] + count if bound in buckets else count
    return buckets


def vector_sum(values: Iterable[float | None]) -> float | None:
    """`sum(...)` over elements in the order in which Prometheus has them; None is no element, and of none is None.

    Compensated as in kahansum.go (Neumaier), so the order hardly ever changes a bit.
    """
    total: float | None = None
    lost = 0.0
    for value in values:
        if value is None:
            continue
        if total is None:
            total = value
            continue
        after = total + value
        if math.isinf(after):
            lost = 0.0
        elif abs(total) >= abs(value):
            lost += (total - after) + value
        else:
            lost += (value - after) + total
        total = after
    return None if total is None else total + lost


def vector_max(values: Iterable[float | None]) -> float | None:
    """`max(...)` over elements; NaN only if all are."""
    largest: float | None = None
    for value in values:
        if value is not None and (largest is None or largest < value or math.isnan(largest)):
            largest = value
    return largest


def guarded_ratio(part: float | None, whole: float | None) -> float | None:
    """`(part or 0 * whole) / (whole > 0)`, as the rules write a ratio: 0 without a part, nothing without a whole."""
    if whole is None or not whole > 0:
        return None
    return (0 * whole if part is None else part) / whole


def _interpolated(rank: float, bounds: Sequence[float], counts: Sequence[float]) -> float:
    b = bisect_left(counts, True, hi=len(counts) - 1, key=lambda count: count >= rank)
    if b == len(counts) - 1:
        return bounds[-2]
    if b == 0 and bounds[0] <= 0:
        return bounds[0]
    low, below = (bounds[b - 1], counts[b - 1]) if b else (0.0, 0.0)
    inside, rank = counts[b] - below, rank - below
    if inside == 0:  # the lowest bucket is empty and q is 0; Go divides 0 by 0 here
        return math.nan
    return low + (bounds[b] - low) * (rank / inside)


def _monotonic(counts: list[float]) -> list[float]:
    """`ensureMonotonicAndIgnoreSmallDeltas`: each count at least the one before, rounding differences removed."""
    result = counts[:1]
    for count in counts[1:]:
        before = result[-1]
        result.append(before if count < before or _almost_equal(before, count) else count)
    return result


def _almost_equal(a: float, b: float) -> bool:
    """`almost.Equal`, for numbers: different by less than the small delta, in relation to their sum."""
    if a == b or (math.isnan(a) and math.isnan(b)):
        return True
    total, apart = abs(a) + abs(b), abs(a - b)
    if a == 0 or b == 0 or total < sys.float_info.min:
        return apart < _SMALL_DELTA * sys.float_info.min
    return apart / min(total, sys.float_info.max) < _SMALL_DELTA


def quantile_bound(true_value: float, buckets: Sequence[float]) -> tuple[float, float]:
    """The closed interval in which `histogram_quantile` must lie when the nearest-rank quantile is `true_value`.

    With whole counts Prometheus picks the bucket of x_(ceil(q*n)), the nearest-rank quantile, because the first
    cumulative count >= q*n is the first one >= ceil(q*n); so it answers inside that value's bucket. `buckets` are the
    upper bounds, +Inf last. Beyond the last finite bound the answer is that bound itself, hence a point.
    """
    bounds = sorted(buckets)
    if len(bounds) < 2 or bounds[-1] != math.inf:
        raise ValueError(f"bucket bounds {list(buckets)} need at least one finite bound and end with +Inf; add it")
    b = bisect_left(bounds, true_value)
    if b == len(bounds) - 1:
        return bounds[-2], bounds[-2]
    if b == 0:
        return min(0.0, bounds[0]), bounds[0]
    return bounds[b - 1], bounds[b]
