"""What became of the requests, by query kind: latency histograms and counts."""

from __future__ import annotations

import enum
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from hdrh.histogram import HdrHistogram

from fawkes.harness.model import Json

LOWEST_US = 1
HIGHEST_US = 60_000_000
DIGITS = 3
"""1 us to 60 s within 0.1 %; what took longer counts as 60 s."""

EXAMPLES = 5
ALL = "all"


class Outcome(enum.StrEnum):
    """How one request ended."""

    OK = "ok"
    WRONG = "wrong"
    ERROR = "error"
    TIMEOUT = "timeout"


class Tally:
    """Counts outcomes and keeps latencies, per kind and for all together.

    Errors and time-outs stay in the distribution, at the time they took: leaving them out would make a failing server
    look fast. Wrong answers are counted but not timed: a fast wrong answer is worth nothing.
    """

    def __init__(self, kinds: Iterable[str]) -> None:
        names = [ALL, *kinds]
        self._histograms = {name: HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS) for name in names}
        self._counts: dict[str, Counter[Outcome]] = {name: Counter() for name in names}
        self._examples: dict[tuple[str, Outcome], list[Json]] = defaultdict(list)

    def add(self, kind: str, outcome: Outcome, latency_s: float, *, query: str, reason: str) -> None:
        """Record one request. `query` and `reason` are kept for the first few that did not go right."""
        for name in (ALL, kind):
            self._counts[name][outcome] += 1
            if outcome is not Outcome.WRONG:
                latency_us = min(HIGHEST_US, max(LOWEST_US, round(latency_s * 1e6)))
                self._histograms[name].record_value(latency_us)
            examples = self._examples[name, outcome]
            if outcome is not Outcome.OK and len(examples) < EXAMPLES:
                examples.append({"outcome": outcome.value, "query": query, "reason": reason})

    def results(self) -> Mapping[str, Mapping[str, Json]]:
        """For `all` and each kind: the fields of a `latency` record but its names."""
        return {
            name: {
                "histogram_b64": histogram.encode().decode("ascii"),
                **{outcome.value: self._counts[name][outcome] for outcome in Outcome},
                "examples": [example for outcome in Outcome for example in self._examples[name, outcome]],
            }
            for name, histogram in self._histograms.items()
        }
