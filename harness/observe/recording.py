"""How observers write down what a part answered: one `value`, and where there are raw samples, one `series` each."""

from __future__ import annotations

from collections.abc import Sequence

from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Json, Stage
from fawkes.harness.observe.promql import Series
from fawkes.harness.world import Recorder


def record_value(
    record: Recorder, expect: Expectation, value: Json, *, stage: Stage, part: str, query: str, **about: Json
) -> None:
    """A `value` record; null for no answer. `about` is more for the record."""
    record("value", **_where(expect, stage, part, query), **about, value=value)


def record_series(
    record: Recorder, expect: Expectation, answer: Sequence[Series] | None, *, stage: Stage, part: str, query: str
) -> None:
    """A `value` with the number of series, null when there was no answer, and the `series` themselves."""
    record_value(record, expect, None if answer is None else len(answer), stage=stage, part=part, query=query)
    record_samples(record, expect, answer or (), stage=stage, part=part, query=query)


def record_samples(
    record: Recorder, expect: Expectation, answer: Sequence[Series], *, stage: Stage, part: str, query: str
) -> None:
    """The `series` alone, for an observer whose `value` says something else."""
    for series in answer:
        record("series", **_where(expect, stage, part, query), labels=dict(series.labels), samples=series.samples)


def _where(expect: Expectation, stage: Stage, part: str, query: str) -> dict[str, str]:
    return {"expectation": expect.name, "stage": stage.value, "source": part, "query": query}
