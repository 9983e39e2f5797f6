"""Reads every sample of one series from each cluster's Prometheus and from the Thanos Query over all of them."""

from __future__ import annotations

from functools import partial
from typing import Final

from fawkes.harness.checks.federation import FederationExpectation
from fawkes.harness.model import Stage
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.observe.promql import DEDUPLICATED, raw_samples, samples_since_start
from fawkes.harness.observe.recording import record_series
from fawkes.harness.promql.selector import selector
from fawkes.harness.world import Recorder, World

_EXTRA_S: Final = 60
"""As far before the platform's start as a sample of it may be stamped, and more."""


def observe_federation(expect: FederationExpectation, world: World, record: Recorder) -> None:
    """Record all samples; of Thanos Query as soon as it shows as many series as there are clusters, or time is up."""
    until_s = world.now_s() + expect.within
    query = selector(expect.metric, {})
    for app in dict.fromkeys(one.app for one in expect.members):
        for part in world.replicas(app):
            ask = partial(samples_since_start, world, part, query)
            answer = last_seen(world, f"{query} read on {part}", ask, until_s=until_s)
            record_series(record, expect, answer, stage=Stage.PROMETHEUS, part=part, query=query)
    for part in world.replicas("thanos-query"):
        over = f"{int(world.now_s() - world.started_at_s) + _EXTRA_S}s"
        answer = last_seen(
            world,
            f"{query} of {len(expect.members)} clusters on {part}",
            partial(raw_samples, world, part, query, over, DEDUPLICATED),
            lambda found: len(found) >= len(expect.members),
            until_s=until_s,
        )
        record_series(record, expect, answer, stage=Stage.THANOS, part=part, query=query)
