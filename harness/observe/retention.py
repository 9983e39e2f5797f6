"""Reads forged history back: every sample each replica still has, and every sample Thanos answers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from fawkes.harness.checks.retention import RetentionExpectation
from fawkes.harness.model import Stage
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.observe.promql import DEDUPLICATED, Series, raw_samples
from fawkes.harness.observe.recording import record_series
from fawkes.harness.promql.selector import selector
from fawkes.harness.world import Recorder, World

_LOOK_BACK: Final = "400d"
"""Longer than any history that can be forged (13 months)."""

_THANOS: Final = {**DEDUPLICATED, "max_source_resolution": "0s"}
"""The samples as they were scraped, not downsampled ones."""

_QUERY_WITHIN_S: Final = 30.0
"""A few thousand samples take well below a second; Thanos opens a block's index on its first query."""


def observe_retention(expect: RetentionExpectation, world: World, record: Recorder) -> None:
    """Record a `value` (number of series; null when there was no answer) and the `series` of every part asked.

    Waits until the parts answer, and until Thanos has every series whole; `expect.within` is for all of it.
    """
    until_s = world.now_s() + expect.within
    forged = selector("fawkes_forged", {"run_id": world.run_id, "app": expect.app})
    query = f"{forged}[{_LOOK_BACK}]"
    known: set[str] = set()
    for part in world.replicas(expect.app):
        ask = partial(raw_samples, world, part, forged, _LOOK_BACK, within_s=_QUERY_WITHIN_S)
        local: list[Series] | None = last_seen(world, f"history in {part}", ask, bool, until_s=until_s)
        known |= {_name(series) for series in local or ()}
        record_series(record, expect, local, stage=Stage.PROMETHEUS, part=part, query=query)
    if expect.thanos:
        part = world.replicas("thanos-query")[0]
        ask = partial(raw_samples, world, part, forged, _LOOK_BACK, _THANOS, within_s=_QUERY_WITHIN_S)
        whole = last_seen(world, "all of it in Thanos", ask, lambda answer: _is_whole(answer, known), until_s=until_s)
        record_series(record, expect, whole, stage=Stage.THANOS, part=part, query=query)


def _is_whole(answer: Sequence[Series], known: set[str]) -> bool:
    """Every series that a replica has is there, and each has as many samples as its label `samples` says."""
    return (
        bool(answer)
        and {_name(series) for series in answer} >= known
        and all(len(series.samples) >= int(series.labels["samples"]) for series in answer)
    )


def _name(series: Series) -> str:
    """The forged series' own number; the other labels are the same for all of them."""
    return str(series.labels.get("series"))
