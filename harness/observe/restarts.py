"""Reads from every replica what kube-state-metrics has shown of a pod's restarts."""

from __future__ import annotations

from functools import partial

from fawkes.harness.checks.restarts import RestartsExpectation
from fawkes.harness.model import Stage
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.observe.promql import samples_since_start
from fawkes.harness.observe.recording import record_series
from fawkes.harness.promql.selector import selector
from fawkes.harness.world import Recorder, World

_RESTARTS = "kube_pod_container_status_restarts_total"


def observe_restarts(expect: RestartsExpectation, world: World, record: Recorder) -> None:
    """Record every sample of every replica."""
    until_s = world.now_s() + expect.within
    query = selector(_RESTARTS, {"pod": expect.pod})
    for part in world.replicas(expect.app):
        ask = partial(samples_since_start, world, part, query)
        answer = last_seen(world, f"{query} read on {part}", ask, until_s=until_s)
        record_series(record, expect, answer, stage=Stage.PROMETHEUS, part=part, query=query)
