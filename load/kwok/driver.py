"""A crowd of fake nodes and pods that comes, stays for a while and goes. Driver of `do: crowd`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from fawkes.harness.checks.kube_state import CENSUS, FAMILIES
from fawkes.harness.duration import DurationS
from fawkes.harness.kubernetes.readiness import condition
from fawkes.harness.model import Component, Json
from fawkes.harness.observe.kube_state import counted_on
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.world import Recorder, Site, World
from fawkes.load.kwok.crowd import NODES_MAX

if TYPE_CHECKING:
    from fawkes.harness.kubernetes.api import Api

_ANSWER_WITHIN_S: Final = 30.0
"""For one replica. To count 200,000 series takes it a second on a busy machine."""


class CrowdSpec(BaseModel):
    """`do: crowd`. On clusters of the harness only: fake nodes are nodes of the whole cluster."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    do: Literal["crowd"]
    nodes: int = Field(gt=0, le=NODES_MAX, description="Fake nodes, played by kwok.")
    pods: int = Field(gt=0, description="Fake pods, spread evenly over them.")
    stays: DurationS = Field(gt=0, description="How long all of them are there, unscaled.")
    app: str = Field(default="prometheus-core", description="The Prometheus that is asked what it sees of them.")
    job: str = Field(default="kube-state-metrics", description="The job of the target that tells it.")


class Crowd:
    """Driver of `do: crowd`."""

    spec: type[BaseModel] = CrowdSpec

    def components(self, spec: CrowdSpec, site: Site) -> Sequence[Component]:
        """None: fake pods are no parts of the platform."""
        return ()

    def run(self, spec: CrowdSpec, world: World, record: Recorder) -> None:
        """Record a `census` when all have come, when they have stayed, and when all have gone.

        They go whatever happens. DeadlineExceeded when they don't come, or don't go.
        """
        from fawkes.load.kwok import life  # noqa: PLC0415 - its packages are an extra

        api, wait = world.kubernetes(), world.eventually
        life.all_go(api, wait)  # what a run that was killed may have left on a cluster that is used again
        try:
            life.kwok_comes(api, wait)
            life.nodes_come(api, spec.nodes, wait)
            life.pods_come(api, spec.pods, spec.nodes, wait)
            _take_census("come", world, record)
            world.poll_for(spec.stays / world.clock_factor)
            at_s = _take_census("stayed", world, record)
            _ask(spec, at_s, world, record)
        finally:
            life.all_go(api, wait)
        _take_census("gone", world, record)


def _take_census(when: str, world: World, record: Recorder) -> float:
    """When it began, Unix seconds."""
    began_s = world.now_s()
    told = census(world.kubernetes())
    record(CENSUS, when=when, began_s=began_s, ended_s=world.now_s(), clock_factor=world.clock_factor, **told)
    return began_s


def _ask(spec: CrowdSpec, at_s: float, world: World, record: Recorder) -> None:
    """What every replica had stored at that time; null for one that does not answer."""
    for part in world.replicas(spec.app):
        counted = last_seen(
            world,
            f"{part} counts the series of {spec.job}",
            partial(counted_on, world, part, spec.job, at_s),
            until_s=world.now_s() + _ANSWER_WITHIN_S,
        )
        record(FAMILIES, when="stayed", source=part, job=spec.job, counted=counted)


def census(api: Api) -> dict[str, Json]:
    """What the API server lists: how many namespaces, nodes, and pods that are alike in what is counted of them."""
    nodes = api.list("v1", "Node")
    pods = Counter(map(_traits, api.list("v1", "Pod")))
    return {
        "namespaces": len(api.list("v1", "Namespace")),
        "nodes": len(nodes),
        "ready_nodes": sum(condition(node, "Ready").get("status") == "True" for node in nodes),
        "pods": [
            {"node": node, "phase": phase, "containers": containers, "count": count}
            for (node, phase, containers), count in sorted(pods.items())
        ],
    }


def _traits(pod: dict[str, Any]) -> tuple[str, str, int]:
    status = pod["status"]
    return pod["spec"].get("nodeName", ""), status.get("phase", ""), len(status.get("containerStatuses") or ())
