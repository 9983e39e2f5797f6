"""Reads every sample of one series from the replicas of a Prometheus and from Thanos Query, after some were away."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from fawkes.harness.checks.continuity import ContinuityExpectation
from fawkes.harness.checks.rollout import RolloutExpectation
from fawkes.harness.model import Stage
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.observe.promql import DEDUPLICATED, Series, raw_samples
from fawkes.harness.observe.recording import record_series
from fawkes.harness.promql.selector import selector
from fawkes.harness.world import Recorder, World

_EXTRA_S: Final = 60
"""As far before the platform's start as a sample of it may be stamped, and more."""
_FRESH_SCRAPES: Final = 3
"""A series that goes on has a sample that young."""


def observe_continuity(expect: ContinuityExpectation | RolloutExpectation, world: World, record: Recorder) -> None:
    """Record all samples as soon as each part has fresh ones; what there is when time is up is recorded as well."""
    until_s = world.now_s() + expect.within
    query = selector(expect.metric, {})
    over = f"{int(world.now_s() - world.started_at_s) + _EXTRA_S}s"
    fresh_s = _FRESH_SCRAPES * expect.scrape_interval / world.clock_factor

    def fresh(answer: Sequence[Series]) -> bool:
        return any(one.samples[-1][0] > world.now_s() - fresh_s for one in answer)

    parts = [
        *((Stage.PROMETHEUS, part, {}) for part in world.replicas(expect.app)),
        *((Stage.THANOS, part, DEDUPLICATED) for part in world.replicas("thanos-query")),
    ]
    for stage, part, params in parts:
        ask = partial(raw_samples, world, part, query, over, params)
        answer = last_seen(world, f"fresh samples of {query} on {part}", ask, fresh, until_s=until_s)
        record_series(record, expect, answer, stage=stage, part=part, query=query)
