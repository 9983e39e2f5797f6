"""How much room a cluster has, and how much a platform asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kubernetes.utils.quantity import parse_quantity

from fawkes.harness.operator.objects import Manifest

_KEEPS_OFF: Final = ("NoSchedule", "NoExecute")
_OVER: Final = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Amount:
    """Of what pods ask for."""

    cpu: float = 0.0
    """Cores."""
    memory_bytes: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.cpu + other.cpu, self.memory_bytes + other.memory_bytes)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.cpu - other.cpu, self.memory_bytes - other.memory_bytes)

    def __str__(self) -> str:
        return f"{self.cpu:.2f} CPU, {self.memory_bytes / 2**30:.1f} GiB"

    def __mul__(self, count: int) -> Amount:
        return Amount(self.cpu * count, self.memory_bytes * count)

    def within(self, room: Amount) -> bool:
        return self.cpu <= room.cpu and self.memory_bytes <= room.memory_bytes


def room(nodes: Iterable[Manifest], pods: Iterable[Manifest]) -> Amount:
    """What is left on all nodes that take pods. It may be in pieces: the scheduler has the last word."""
    taking = {one["metadata"]["name"]: one for one in nodes if _takes_pods(one)}
    left = sum((_amount(one["status"]["allocatable"]) for one in taking.values()), Amount())
    for pod in pods:
        if pod["spec"].get("nodeName") in taking and pod["status"].get("phase") not in _OVER:
            left = left - _of_pod(pod["spec"])
    return left


def asked(manifests: Iterable[Manifest], nodes: int) -> Amount:
    """What the pods ask for that come of these objects; a DaemonSet's are on every one of `nodes`."""
    return sum((_of_pod(spec) * count for spec, count in pods_of(manifests, nodes)), Amount())


def pods_of(manifests: Iterable[Manifest], nodes: int) -> Iterator[tuple[Mapping[str, Any], int]]:
    """(pod's spec, how many) for each object that makes pods, as far as it says."""
    for one in manifests:
        spec = one.get("spec", {})
        match one["kind"]:
            case "Pod":
                yield spec, 1
            case "Deployment" | "StatefulSet":
                yield spec["template"]["spec"], int(spec.get("replicas", 1))
            case "DaemonSet":
                yield spec["template"]["spec"], nodes
            case "Prometheus" | "Alertmanager":
                own = [{"resources": spec.get("resources", {})}]
                beside = [spec["thanos"]] if "thanos" in spec else []
                yield {"containers": [*own, *beside]}, int(spec.get("replicas", 1))


def _of_pod(spec: Mapping[str, Any]) -> Amount:
    """Containers together, or the init container that asks for most."""
    containers = sum((_of_container(one) for one in spec["containers"]), Amount())
    first = [_of_container(one) for one in spec.get("initContainers", ())]
    return Amount(
        max([containers.cpu, *(one.cpu for one in first)]),
        max([containers.memory_bytes, *(one.memory_bytes for one in first)]),
    )


def _of_container(container: Mapping[str, Any]) -> Amount:
    resources = container.get("resources") or {}
    return _amount({**(resources.get("limits") or {}), **(resources.get("requests") or {})})


def _amount(quantities: Mapping[str, Any]) -> Amount:
    return Amount(float(parse_quantity(quantities.get("cpu", 0))), float(parse_quantity(quantities.get("memory", 0))))


def _takes_pods(node: Manifest) -> bool:
    tainted = any(taint["effect"] in _KEEPS_OFF for taint in node["spec"].get("taints") or ())
    return not node["spec"].get("unschedulable", False) and not tainted
