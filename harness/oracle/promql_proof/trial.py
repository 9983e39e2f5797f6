"""One trial: random series, written into a Prometheus, and everything that it answers about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fawkes.harness.oracle.promql_proof import histograms
from fawkes.harness.oracle.promql_proof.comparison import ask_all
from fawkes.harness.oracle.promql_proof.live import Answers, LivePrometheus
from fawkes.harness.oracle.promql_proof.questions import Question, questions
from fawkes.harness.oracle.promql_proof.series import Series, counters

_COUNTERS_PER_HISTOGRAM: Final = 40
"""A histogram is some ten series per instance and is asked nine times as many questions."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What was stored, asked and answered."""

    series: Sequence[Series]
    questions: Sequence[Question]
    answers: Mapping[str, Answers]
    """By expression."""


def try_out(live: LivePrometheus, *, seed: str, counter_series: int) -> Trial:
    """Write `counter_series` counters, and histograms in proportion, then ask everything.

    The Prometheus must not hold another trial's series. Raises ComponentError when it refuses something.
    """
    few = max(1, counter_series // _COUNTERS_PER_HISTOGRAM)
    series = [*counters(seed, counter_series), *histograms.scraped(seed, few), *histograms.bare(seed, few)]
    live.write(series)
    asked = questions(series)
    return Trial(series, asked, ask_all(live, asked))
