"""Live samples put back on the rule's own clock: at whole scrape intervals, as promtool wants them."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fawkes.harness.observe.promql import Series
from fawkes.harness.oracle.expression import InputSeries


@dataclass(frozen=True, slots=True)
class Grid:
    """Series at 0, one scrape interval, two, ... `until_s`; second 0 is `origin_s` in Unix seconds."""

    series: tuple[InputSeries, ...]
    origin_s: float
    until_s: float


def on_grid(answer: Sequence[Series], interval_s: float, *, clock_factor: float) -> Grid:
    """Each sample at the scrape it belongs to. Needs at least one sample.

    A scrape that is missing alone was late, and the value before it holds; where two or more are missing the series was
    gone: then Prometheus wrote a stale marker, which no answer shows.
    """
    step_s = interval_s / clock_factor
    first_s = min(at_s for series in answer for at_s, _ in series.samples)
    numbered = [
        (series, {round((at_s - first_s) / step_s): (at_s, value) for at_s, value in series.samples})
        for series in answer
    ]
    last = max(index for _, samples in numbered for index in samples)
    offsets_s = [at_s - index * step_s for _, samples in numbered for index, (at_s, _) in samples.items()]
    return Grid(
        tuple(
            InputSeries(
                dict(series.labels),
                [(index * interval_s, value) for index, value in _with_markers(samples, last)],
            )
            for series, samples in numbered
        ),
        # One scrape may have been late; most were not.
        origin_s=statistics.median(offsets_s),
        until_s=last * interval_s,
    )


def _with_markers(samples: dict[int, tuple[float, float]], last: int) -> Iterator[tuple[int, float | None]]:
    following = [*list(samples)[1:], last + 1]
    for (index, (_, value)), after in zip(samples.items(), following, strict=True):
        yield index, value
        if after - index > 2:
            yield index + 1, None
