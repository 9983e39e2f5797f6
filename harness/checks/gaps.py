"""How long nobody scraped: times between neighbouring samples of one series, of one replica or deduplicated."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from fawkes.harness.checks.exposed import Exposed
from fawkes.harness.model import Observation, Record, Stage

ONE_REPLICA: Final = 2
"""Scrape intervals: a scrape that was late, and the next in time."""
DEDUPLICATED: Final = 4
"""Scrape intervals: Thanos Query goes over to the other replica when one has been silent for twice the distance before
(pkg/dedup/iter.go), which may have been 2."""
NOTICED_S: Final = 10.0
"""Thanos Query asks every 5 s whether those it reads from are there, and gives each 5 s to answer (info-timeout in
cmd/thanos/query.go, v0.42). Until it knows of a death it waits for the dead, and questions get no answer."""
WIDEST: Final = "seconds between neighbouring samples, at most"


def samples_of(series: Sequence[Record]) -> list[list[float]]:
    """All samples of these records, in order of time."""
    return sorted(sample for one in series for sample in one.data["samples"])


def longest_s(times: Sequence[float], from_s: float, until_s: float) -> float:
    """The longest time without a sample between two instants; infinite where there is none at all."""
    inside = [at_s for at_s in times if from_s <= at_s <= until_s]
    if not inside and not times:
        return math.inf
    return max(later - earlier for earlier, later in itertools.pairwise([from_s, *inside, until_s]))


def shown(seconds: float) -> float | None:
    """For the report; None for endless."""
    return round(seconds, 3) if math.isfinite(seconds) else None


def deduplicated(
    by_part: Mapping[str, Sequence[Record]], exposed: Exposed, scrape_s: float, back_s: float
) -> Iterator[Observation]:
    """Each Thanos Query has one series, as the script says, without a gap, which goes on after `back_s`."""
    for part, series in by_part.items():
        yield Observation(Stage.THANOS, part, 1, len(series), ok=len(series) == 1, note="series of the metric")
        wrong = [
            text
            for one in series
            if (text := exposed.wrong_sample(one.data["labels"], one.data["samples"], scrape_s)) is not None
        ]
        yield Observation(Stage.THANOS, part, [], wrong, ok=not wrong, note="samples that the script did not show")
        times = [at_s for at_s, _ in samples_of(series)]
        since_s = exposed.began_s + DEDUPLICATED * scrape_s
        gap_s = shown(longest_s(times, since_s, max(times, default=since_s)))
        limit_s = round(DEDUPLICATED * scrape_s, 3)
        reaches = bool(times) and times[-1] > back_s
        yield Observation(Stage.THANOS, part, limit_s, gap_s, gap_s is not None and gap_s <= limit_s, WIDEST)
        yield Observation(Stage.THANOS, part, True, reaches, reaches, "samples from after the replica's return")
