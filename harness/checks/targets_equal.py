"""The targets that a Prometheus has on a cluster are those that our rendering finds, label by label.

The cluster is the truth here. Judged are our discovery and relabelling, for the cluster's own pods, and what they make
of the local provider's pods: what an alert says of a part is then the same on both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from fawkes.harness.checks.fieldwise import Section, compare, judged, unknown
from fawkes.harness.checks.meant_differences import HOME, SAME
from fawkes.harness.checks.rendered_equal import OBJECT
from fawkes.harness.expectation import Expectation
from fawkes.harness.local_rendering import local_pods
from fawkes.harness.local_targets import Targets, add_target, local_targets
from fawkes.harness.model import Finding, History, Json, Stage
from fawkes.harness.operator.discovery import Pod
from fawkes.harness.operator.objects import Objects
from fawkes.harness.operator.pods import pod_name, replicas

POD: Final = "pod"
"""Kind of record: `{namespace, name, labels, containers: [{name, ports: [{name, number}]}]}`, one running pod."""
TARGETS: Final = "targets"
"""Kind of record: `{part, targets: [{job, labels, discovered}]}`, what one Prometheus says it scrapes."""


class TargetsEqualExpectation(Expectation):
    """Every active target of every Prometheus: its labels, and what discovery told of it."""

    check: Literal["targets_equal"] = "targets_equal"


def check_targets_equal(expect: TargetsEqualExpectation, history: History) -> Finding:
    """PASS when each label of each target is equal or its difference is meant; FAIL names the first that isn't.

    INCONCLUSIVE when the record lacks the objects, a Prometheus' targets, or has no target at all.
    """
    objects = Objects(tuple(record.data["object"] for record in history.of(OBJECT, expectation=expect.name)))
    seen = {record.data["part"]: record.data["targets"] for record in history.of(TARGETS, expectation=expect.name)}
    pods = [record.data for record in history.of(POD, expectation=expect.name)]
    parts = [pod_name(owner, replica) for owner in objects.of("Prometheus") for replica in range(replicas(owner))]
    if not parts:
        return unknown(expect, "the record holds no Prometheus")
    if missing := [part for part in parts if part not in seen]:
        return unknown(expect, f"nothing is known of the targets of {', '.join(missing)}")
    if not any(seen.values()):
        return unknown(expect, "no Prometheus has a single target")
    return judged(expect, list(compared_targets(objects, pods, seen)))


def compared_targets(
    objects: Objects, pods: Sequence[Mapping[str, Json]], seen: Mapping[str, Sequence[Mapping[str, Json]]]
) -> Iterator[Section]:
    """Two sections for each Prometheus: our rendering for the cluster's pods, and for the local provider's own."""
    running, processes = [pod for one in pods for pod in _containers(one)], local_pods(objects)
    for owner in objects.of("Prometheus"):
        ours, at_home = local_targets(owner, objects, running), local_targets(owner, objects, processes)
        for replica in range(replicas(owner)):
            part = pod_name(owner, replica)
            theirs: Targets = {}
            for target in seen[part]:
                add_target(theirs, target["job"], target["labels"], target["discovered"])
            yield from compare(part, "target", {SAME: theirs}, {SAME: ours}, lambda _: Stage.PROMETHEUS)
            yield from compare(
                part, "target", {HOME: _labels(theirs)}, {HOME: _labels(at_home)}, lambda _: Stage.PROMETHEUS
            )


def _labels(targets: Targets) -> Json:
    """Without what discovery told: a process has no node and no image."""
    return {job: {name: target["labels"] for name, target in found.items()} for job, found in targets.items()}


def _containers(pod: Mapping[str, Json]) -> Iterator[Pod]:
    for container in pod["containers"]:
        ports = {port["name"]: port["number"] for port in container["ports"]}
        yield Pod(pod["namespace"], pod["name"], pod["labels"], container["name"], ports)
