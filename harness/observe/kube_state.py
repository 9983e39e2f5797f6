"""Counts on every replica what kube-state-metrics has shown: while the crowd was there, and once it had gone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from fawkes.harness.checks.kube_state import COUNTED, FAMILIES, KubeStateExpectation
from fawkes.harness.model import Stage
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.observe.promql import instant, samples_since_start
from fawkes.harness.observe.recording import record_series
from fawkes.harness.promql.selector import selector
from fawkes.harness.world import Recorder, World

_WHAT: Final = {
    'count by (__name__) ({job="JOB", __name__=~"kube_.+"})': "__name__",
    'count by (node) (kube_pod_info{job="JOB"})': "node",
    'sum by (phase) (kube_pod_status_phase{job="JOB"})': "phase",
}
"""Query -> the label by which it counts."""
_LAST: Final = {"kube_node_info": "Node", "kube_namespace_created": "Namespace"}
_READY: Final = 'sum(kube_node_status_condition{job="JOB", condition="Ready", status="true"})'


def observe_kube_state(expect: KubeStateExpectation, world: World, record: Recorder) -> None:
    """Record what Prometheus says of each scrape, and the counts, once it shows no more than the API server lists.

    What was counted while the crowd was there, its driver has recorded.
    """
    until_s = world.now_s() + expect.within
    # What goes last; a scrape that began before may still show it.
    left = {family: len(world.kubernetes().list("v1", kind)) for family, kind in _LAST.items()}
    for part in world.replicas(expect.app):
        counted = last_seen(
            world,
            f"{left} on {part}",
            partial(counted_on, world, part, expect.job),
            lambda found: left.items() <= found.items(),
            until_s=until_s,
        )
        record(FAMILIES, when="gone", source=part, job=expect.job, counted=counted)
        for name in COUNTED:
            query = selector(name, {"job": expect.job})
            answer = last_seen(
                world, f"{query} read on {part}", partial(samples_since_start, world, part, query), until_s=until_s
            )
            record_series(record, expect, answer, stage=Stage.PROMETHEUS, part=part, query=query)


def counted_on(world: World, part: str, job: str, at_s: float | None = None) -> Mapping[str, int]:
    """Series by name, `series` in all, `pods on NODE`, `pods in phase PHASE` and `ready nodes`, now or at some time.

    Raises what promql.NO_ANSWER has.
    """
    params = {} if at_s is None else {"time": str(at_s)}
    rows = {label: instant(world, part, query.replace("JOB", job), params) for query, label in _WHAT.items()}
    ready = instant(world, part, _READY.replace("JOB", job), params)
    families = {one.labels["__name__"]: int(one.value) for one in rows["__name__"]}
    return {
        **families,
        "series": sum(families.values()),
        **{f"pods on {one.labels.get('node', '')}": int(one.value) for one in rows["node"]},
        **{f"pods in phase {one.labels['phase']}": int(one.value) for one in rows["phase"]},
        "ready nodes": sum(int(one.value) for one in ready),
    }
