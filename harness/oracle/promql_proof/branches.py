"""Which branches of Prometheus' code a question goes through, told from its samples. Named for the coverage table.

Read off `extrapolatedRate` (promql/functions.go) and `BucketQuantile` (promql/quantile.go) of Prometheus 3.13.5; not
used by the oracle, so it can't make it agree.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from fawkes.harness.oracle.promql_proof.series import Series

RANGE_BRANCHES: Final = (
    *("no sample", "one sample", "two samples", "more samples"),
    *("a sample on the left edge, outside", "a sample on the right edge, inside", "a stale marker inside"),
    *("no reset", "one reset", "several resets", "reset to something else than 0"),
    *("start: below the threshold", "start: exactly at the threshold", "start: beyond it"),
    *("end: below the threshold", "end: exactly at the threshold", "end: beyond it"),
    *("zero clamp: from 0", "zero clamp: shortens", "zero clamp: too far away", "no clamp: no growth"),
    *("no clamp: begins below 0", "NaN or Inf among the samples"),
)
QUANTILE_BRANCHES: Final = (
    *("q is NaN", "q below 0", "q above 1", "q is 0", "q is 1"),
    *("no bucket", "a label that is no number", "one bound spelled twice", "no +Inf", "+Inf alone"),
    *("counts fall: forced up", "counts nearly equal: made equal", "no observation", "NaN or Inf among the counts"),
    *("in the +Inf bucket", "in the lowest bucket, bound at most 0", "in the lowest bucket, from 0"),
    *("in the lowest bucket, empty: 0/0", "between two bounds", "rank exactly at a bucket's count"),
)


def range_branches(series: Series, at_ms: int, range_ms: int) -> Iterator[str]:
    """Of `increase(series[range])` at an instant."""
    start_ms = at_ms - range_ms
    window = [(t_ms, value) for t_ms, value in series.stored if start_ms < t_ms <= at_ms]
    if len(window) > len(samples := [(t_ms, value) for t_ms, value in window if value is not None]):
        yield "a stale marker inside"
    yield ("no sample", "one sample", "two samples", "more samples")[min(len(samples), 3)]
    if any(t_ms == start_ms for t_ms, _ in series.stored):
        yield "a sample on the left edge, outside"
    if len(samples) < 2:
        return
    if samples[-1][0] == at_ms:
        yield "a sample on the right edge, inside"
    values = [value for _, value in samples]
    if not all(map(math.isfinite, values)):
        yield "NaN or Inf among the samples"
        return
    yield from _resets(values)
    average_ms = (samples[-1][0] - samples[0][0]) / (len(samples) - 1)
    yield f"start: {_against(samples[0][0] - start_ms, average_ms)}"
    yield f"end: {_against(at_ms - samples[-1][0], average_ms)}"
    yield _clamp(values, samples[0][0] - start_ms, average_ms)


def _resets(values: list[float]) -> Iterator[str]:
    falls = [after for before, after in pairwise(values) if after < before]
    yield ("no reset", "one reset", "several resets")[min(len(falls), 2)]
    if any(after != 0 for after in falls):
        yield "reset to something else than 0"


def _against(gap_ms: int, average_ms: float) -> str:
    # In whole numbers, 10 * gap against 11 * average, since 1.1 is no double; a few roundings apart is "at".
    ratio = 10 * gap_ms / (11 * average_ms)
    if abs(ratio - 1) < 1e-12:
        return "exactly at the threshold"
    return "below the threshold" if ratio < 1 else "beyond it"


def _clamp(values: list[float], to_start_ms: int, average_ms: float) -> str:
    grown = values[-1] - values[0] + sum(before for before, after in pairwise(values) if after < before)
    if not grown > 0:
        return "no clamp: no growth"
    if values[0] <= 0:
        return "no clamp: begins below 0" if values[0] < 0 else "zero clamp: from 0"
    to_zero_ms = average_ms * (len(values) - 1) * (values[0] / grown)
    to_start_ms_used = to_start_ms if to_start_ms < 1.1 * average_ms else average_ms / 2
    return "zero clamp: shortens" if to_zero_ms < to_start_ms_used else "zero clamp: too far away"


def quantile_branches(q: float, labelled: list[tuple[str, float]]) -> Iterator[str]:
    """Of `histogram_quantile(q, ...)` over these `le` labels and counts."""
    buckets: Counter[float] = Counter()
    spelled: Counter[float] = Counter()
    for le, count in labelled:
        try:
            bound = float(le)
        except ValueError:
            yield "a label that is no number"
            continue
        buckets[bound] += count  # type: ignore[assignment]
        spelled[bound] += 1
    if any(times > 1 for times in spelled.values()):
        yield "one bound spelled twice"
    if not buckets:
        yield "no bucket"
        return
    if not 0 <= q <= 1:
        yield "q is NaN" if math.isnan(q) else f"q {'below 0' if q < 0 else 'above 1'}"
        return
    if q in (0, 1):
        yield f"q is {q:g}"
    bounds = sorted(buckets)
    if bounds[-1] != math.inf:
        yield "no +Inf"
        return
    yield from _found(q, bounds, [buckets[bound] for bound in bounds])


def _found(q: float, bounds: list[float], counts: list[float]) -> Iterator[str]:
    if len(bounds) < 2:
        yield "+Inf alone"
        return
    if not all(map(math.isfinite, counts)):
        yield "NaN or Inf among the counts"
        return
    envelope = [counts[0]]
    for count in counts[1:]:
        before = envelope[-1]
        nearly = before != count and abs(before - count) < 1e-12 * (before + count)
        if nearly or count < before:
            yield "counts nearly equal: made equal" if nearly else "counts fall: forced up"
        envelope.append(before if nearly or count < before else count)
    rank = q * envelope[-1]
    if envelope[-1] == 0:
        yield "no observation"
        return
    if rank in envelope:
        yield "rank exactly at a bucket's count"
    place = next(i for i, count in enumerate(envelope) if count >= rank)
    if place == len(bounds) - 1:
        yield "in the +Inf bucket"
    elif place:
        yield "between two bounds"
    elif bounds[0] <= 0:
        yield "in the lowest bucket, bound at most 0"
    else:
        yield "in the lowest bucket, from 0" if envelope[0] else "in the lowest bucket, empty: 0/0"
