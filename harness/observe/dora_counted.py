"""Every sample of the counter of stored events that a Prometheus took since the platform started. Judges nothing."""

from __future__ import annotations

from functools import partial

from fawkes.harness.checks.dora_counted import EVENTS_TOTAL, DoraCountedExpectation
from fawkes.harness.model import Stage
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.observe.promql import samples_since_start
from fawkes.harness.observe.recording import record_series
from fawkes.harness.world import Recorder, World


def observe_dora_counted(expect: DoraCountedExpectation, world: World, record: Recorder) -> None:
    """Record a `value` and the `series` of every replica of Prometheus Core; null for one that gives no answer."""
    until_s = world.now_s() + expect.within
    for part in world.replicas("prometheus-core"):
        read = partial(samples_since_start, world, part, EVENTS_TOTAL)
        seen = last_seen(world, f"{part} answers with every sample", read, bool, until_s=until_s)
        record_series(record, expect, seen, stage=Stage.PROMETHEUS, part=part, query=EVENTS_TOTAL)
