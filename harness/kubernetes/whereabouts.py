"""In which pod, container and namespace of the cluster each part of the platform is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fawkes.harness.model import Component
from fawkes.harness.operator.discovery import Pod
from fawkes.harness.plan import Plan
from fawkes.harness.pods import discovered

PART: Final = "fawkes.io/part"
"""Label of a pod that the harness itself has made: the part's name."""
_POD_NAME: Final = "statefulset.kubernetes.io/pod-name"
"""Label that the StatefulSet controller gives to each of its pods."""
STAND_INS: Final = "fawkes-platform"
"""Namespace of the harness' pods that no Service of the platform selects."""
_SIDECAR: Final = "thanos-sidecar"
EXPORTERS: Final = {"kube-state-metrics": "fawkes-monitoring", "node-exporter": "fawkes-nodes"}
"""App that only a cluster has -> its namespace."""
_NO_STATEFULSET: Final = ("thanos-query", *EXPORTERS)
"""Apps whose pods have names nobody knows before they run; there is one pod of each."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """One container of one pod."""

    namespace: str
    labels: Mapping[str, str]
    """No other pod of the namespace has all of them."""
    container: str
    ports: Mapping[str, str | int]
    """Port name, as the harness says it, -> the container's name or number for it."""


def whereabouts(plan: Plan, joined: Sequence[Component]) -> dict[str, Whereabouts]:
    """Part -> where it is, for the whole platform and what drivers have `joined` to it."""
    made_here = {part.name: part for part in joined}
    found = {_part_of(pod): _of_discovered(pod, made_here, plan) for pod in discovered(plan, joined)}
    for part in joined:
        found.setdefault(part.name, of_component(part))
    if plan.inventory.has("receivers"):
        ports = {"http": plan.port("receivers-0", "http"), "smtp": plan.port("receivers-0", "smtp")}
        found["receivers-0"] = Whereabouts(STAND_INS, {PART: "receivers-0"}, "receivers", ports)
    if plan.inventory.has("postgres"):
        found["postgres-0"] = Whereabouts(STAND_INS, {_POD_NAME: "postgres-0"}, "postgres", {"postgres": "postgres"})
    for app, namespace in EXPORTERS.items():
        if plan.inventory.has(app) and not plan.inventory.plays(app):
            found[f"{app}-0"] = Whereabouts(namespace, {"app.kubernetes.io/name": app}, app, {"http": "http"})
    return {part: replace(where, namespace=plan.prefix(where.namespace)) for part, where in found.items()}


def of_component(part: Component, namespace: str = STAND_INS) -> Whereabouts:
    """Where a part is that no Service of the platform selects."""
    return Whereabouts(namespace, {PART: part.name}, part.app, dict(part.ports))


def _part_of(pod: Pod) -> str:
    """`prometheus-core-0`; its sidecar is a part of its own, `thanos-sidecar-core-0`."""
    return pod.name.replace("prometheus", _SIDECAR, 1) if pod.container == _SIDECAR else pod.name


def _of_discovered(pod: Pod, joined: Mapping[str, Component], plan: Plan) -> Whereabouts:
    part = _part_of(pod)
    if part in joined or not _is_platforms(part, plan):
        return Whereabouts(pod.namespace, {PART: part}, pod.container, dict(pod.ports))
    if part.rpartition("-")[0] in _NO_STATEFULSET:
        return Whereabouts(pod.namespace, pod.labels, pod.container, {"http": "http"})
    names = {"http": "web"} if "web" in pod.ports else {name: name for name in pod.ports}
    return Whereabouts(pod.namespace, {_POD_NAME: pod.name}, pod.container, names)


def _is_platforms(part: str, plan: Plan) -> bool:
    """Whether the platform's own objects make it, and not the harness."""
    app = part.rpartition("-")[0]
    owned = {one.app for one in plan.inventory.prometheus} | {one.sidecar_app for one in plan.inventory.prometheus}
    owned |= {name.rpartition("-")[0] for _, name in plan.inventory.alertmanagers}
    return app in owned or app in {"dora", "minio"} or app.startswith("thanos-")
