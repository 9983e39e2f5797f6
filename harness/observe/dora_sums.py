"""Deployments added up over all exporters, in both ways, where PromQL is answered. Judges nothing.

A sum is awaited until it fits what the first exporter's own page shows, or the expectation's time is up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import partial

from fawkes.harness.checks.dora_sums import ONCE, PER_REPLICA, DoraSumsExpectation
from fawkes.harness.model import Stage
from fawkes.harness.observe import exposition, promql
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.world import Recorder, World

Sums = dict[str, dict[str, float]]
"""team -> environment -> deployments"""


def observe_dora_sums(expect: DoraSumsExpectation, world: World, record: Recorder) -> None:
    """Record `sums` of every replica of Prometheus Core and of Thanos Query; null where there is no answer."""
    until_s = world.now_s() + expect.within
    exporters = world.replicas("dora")
    shown: Sums | None = last_seen(world, "a page", partial(_page, world, exporters[0]), bool, until_s=until_s)
    asked: list[tuple[Stage, str, Mapping[str, str]]]
    asked = [(Stage.PROMETHEUS, part, {}) for part in world.replicas("prometheus-core")]
    asked += [(Stage.THANOS, part, promql.DEDUPLICATED) for part in world.replicas("thanos-query")]
    for stage, part, params in asked:
        for query, factor in ((ONCE, 1), (PER_REPLICA, len(exporters))):
            like = _times(shown or {}, factor)
            read = partial(_sums, world, part, query, params)
            seen = last_seen(world, f"{part} adds up {query}", read, like.__eq__, until_s=until_s)
            about = {"stage": stage.value, "source": part, "query": query, "exporters": len(exporters)}
            record("sums", expectation=expect.name, **about, sums=seen)


def _sums(world: World, part: str, query: str, params: Mapping[str, str]) -> Sums:
    sums: Sums = {}
    for one in promql.instant(world, part, query, params):
        if "team" in one.labels:
            sums.setdefault(one.labels["team"], {})[one.labels["environment"]] = one.value
    return sums


def _page(world: World, part: str) -> Sums:
    """What one exporter shows, added up over its services."""
    sums: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for sample in exposition.read_exposition(world, part).samples("fawkes_deployment_total"):
        sums[sample.labels["team"]][sample.labels["environment"]] += sample.value
    return {team: dict(of) for team, of in sums.items()}


def _times(sums: Sums, factor: int) -> Sums:
    return {team: {environment: factor * value for environment, value in of.items()} for team, of in sums.items()}
