"""Reads from every replica what node-exporter has shown of a node's memory."""

from __future__ import annotations

from functools import partial

from fawkes.harness.checks.memory import AVAILABLE, TOTAL, MemoryExpectation
from fawkes.harness.model import Stage
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.observe.promql import samples_since_start
from fawkes.harness.observe.recording import record_series
from fawkes.harness.promql.selector import selector
from fawkes.harness.world import Recorder, World


def observe_memory(expect: MemoryExpectation, world: World, record: Recorder) -> None:
    """Record every sample of both series of every replica."""
    until_s = world.now_s() + expect.within
    for part in world.replicas(expect.app):
        for name in (TOTAL, AVAILABLE):
            query = selector(name, expect.labels)
            ask = partial(samples_since_start, world, part, query)
            answer = last_seen(world, f"{query} read on {part}", ask, until_s=until_s)
            record_series(record, expect, answer, stage=Stage.PROMETHEUS, part=part, query=query)
