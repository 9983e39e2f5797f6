"""The pods that discovery sees, in which namespace, with which labels: the same on every provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from fawkes.harness.errors import UsageError
from fawkes.harness.inventory import BUCKET_APPS, SAMPLE_SERVICES
from fawkes.harness.model import Component
from fawkes.harness.operator import alertmanager as am
from fawkes.harness.operator import prometheus as prom
from fawkes.harness.operator.discovery import Pod
from fawkes.harness.operator.objects import Manifest, Objects, labels_of, namespace_of
from fawkes.harness.plan import Plan
from fawkes.harness.scenario.loading import did_you_mean

SERVICE_LABEL: Final = "fawkes.io/service"
"""The label that says what a Service is, and becomes the job of its targets."""


def discovered(plan: Plan, joined: Sequence[Component]) -> list[Pod]:
    """The pods of the whole platform, and of those that drivers have `joined` to it and want to be found.

    UsageError for a joined part that no Service of the platform selects.
    """
    pods = _pods(plan)
    return pods + _joined_pods(plan, joined, pods)


def ports_of(plan: Plan, part: str, *names: str) -> dict[str, int]:
    """Port name -> number."""
    return {name: plan.port(part, name) for name in names}


def _pods(plan: Plan) -> list[Pod]:
    def pod(namespace: str, part: str, labels: Mapping[str, str], container: str, **ports: str) -> Pod:
        return Pod(
            plan.prefix(namespace), part, labels, container, {name: plan.port(part, own) for name, own in ports.items()}
        )

    pods = []
    for one in plan.inventory.prometheus:
        namespace, labels = namespace_of(one.manifest), prom.pod_labels(one.manifest)
        pods.append(pod(namespace, one.name, labels, "prometheus", web="http"))
        if plan.inventory.has(one.sidecar_app):
            pods.append(Pod(namespace, one.name, labels, "thanos-sidecar", ports_of(plan, one.sidecar, "http", "grpc")))
    for manifest, name in plan.inventory.alertmanagers:
        pods.append(pod(namespace_of(manifest), name, am.pod_labels(manifest), "alertmanager", web="http"))
    apps = dict(SAMPLE_SERVICES)
    apps |= {app: ("fawkes-platform", app) for app in ("dora", "beacon")}
    apps |= {app: ("fawkes-monitoring", app) for app in ("minio", "thanos-query", *BUCKET_APPS["core"])}
    apps |= {app: ("fawkes-dojo", app) for app in BUCKET_APPS["learner"]}
    for app in filter(plan.inventory.has, apps):
        namespace, name = apps[app]
        for part in plan.inventory.replicas(app):
            pods.append(pod(namespace, part, {"app.kubernetes.io/name": name}, name, http="http"))
    return pods


def _joined_pods(plan: Plan, joined: Sequence[Component], known: Sequence[Pod]) -> list[Pod]:
    """Where a joined part stands: in the namespace of its app's Service, which selects it."""
    names = {pod.name for pod in known}
    new = [part for part in joined if part.ports and part.discovered and part.name not in names]
    return [
        Pod(
            namespace_of(service),
            part.name,
            service["spec"]["selector"],
            part.app,
            {"http": part.ports["http"]},
        )
        for part in new
        for service in [_service_of(part.app, plan.objects)]
    ]


def _service_of(app: str, objects: Objects) -> Manifest:
    """The Service that selects an app's pods. UsageError if none or several have the app in fawkes.io/service."""
    found = [one for one in objects.of("Service") if labels_of(one).get(SERVICE_LABEL) == app]
    if len(found) != 1:
        known = sorted({labels_of(one).get(SERVICE_LABEL, "") for one in objects.of("Service")} - {""})
        raise UsageError(
            f"{len(found)} Services of the platform have the label {SERVICE_LABEL}: {app}"
            f"{did_you_mean(app, known)}; add one, with a ServiceMonitor, to fixtures/platform"
        )
    return found[0]
