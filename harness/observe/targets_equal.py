"""Writes down the platform's objects, the pods that run, and the targets that each Prometheus says it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fawkes.harness.checks.rendered_equal import OBJECT
from fawkes.harness.checks.targets_equal import POD, TARGETS, TargetsEqualExpectation, compared_targets
from fawkes.harness.model import Json
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.operator.objects import Manifest, Objects, labels_of, name_of, namespace_of
from fawkes.harness.operator.pods import pod_name, replicas
from fawkes.harness.world import Recorder, World

if TYPE_CHECKING:  # of the extra `kind`, which the core does without
    from fawkes.harness.kubernetes.api import Api

Seen = tuple[list[dict[str, Json]], dict[str, list[dict[str, Json]]]]
"""Pods, and part -> targets."""


def observe_targets_equal(expect: TargetsEqualExpectation, world: World, record: Recorder) -> None:
    """Looks until nothing differs, and records what was there then, or when time was up.

    Discovery follows the API server within seconds.
    """
    objects, api = world.objects(), world.kubernetes()
    for manifest in objects:
        record(OBJECT, expectation=expect.name, object=dict(manifest))

    def look() -> Seen:
        return running_pods(api, objects), {part: targets(world, part) for part in _parts(objects)}

    def is_right(seen: Seen) -> bool:
        return any(seen[1].values()) and not any(section.wrong for section in compared_targets(objects, *seen))

    until_s = world.now_s() + expect.within
    pods, seen = last_seen(world, "the targets of every Prometheus", look, is_right, until_s=until_s) or ([], {})
    for pod in pods:
        record(POD, expectation=expect.name, **pod)
    for part, found in seen.items():
        record(TARGETS, expectation=expect.name, part=part, targets=found)


def targets(world: World, part: str) -> list[dict[str, Json]]:
    """`[{job, labels, discovered}]` of one Prometheus. Raises httpx.HTTPError when it doesn't answer."""
    answer = world.http.get(f"{world.url(part)}/api/v1/targets", params={"state": "active"}).raise_for_status().json()
    return [
        {"job": one["scrapePool"], "labels": one["labels"], "discovered": one["discoveredLabels"]}
        for one in answer["data"]["activeTargets"]
    ]


def running_pods(api: Api, objects: Objects) -> list[dict[str, Json]]:
    """`[{namespace, name, labels, containers}]` of every pod in the platform's namespaces that has an address."""
    found = [pod for one in objects.of("Namespace") for pod in api.list("v1", "Pod", name_of(one))]
    return [
        {
            "namespace": namespace_of(pod),
            "name": name_of(pod),
            "labels": dict(labels_of(pod)),
            "containers": [{"name": one["name"], "ports": _ports(one)} for one in _all_containers(pod)],
        }
        for pod in found
        if pod["status"].get("phase") == "Running" and pod["status"].get("podIP")
    ]


def _parts(objects: Objects) -> list[str]:
    return [pod_name(owner, replica) for owner in objects.of("Prometheus") for replica in range(replicas(owner))]


def _all_containers(pod: Manifest) -> Sequence[Mapping[str, Json]]:
    """Discovery looks at init containers, too, and last."""
    return [*pod["spec"]["containers"], *pod["spec"].get("initContainers", ())]


def _ports(container: Mapping[str, Json]) -> list[dict[str, Json]]:
    ports = container.get("ports") or ()
    return [{"name": one.get("name", str(one["containerPort"])), "number": one["containerPort"]} for one in ports]
