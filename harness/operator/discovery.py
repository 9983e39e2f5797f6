"""What Kubernetes' endpoints discovery would tell Prometheus of pods that run here as local processes.

Prometheus reads it through file_sd, so that its own relabelling does the selecting, as on a cluster.
Source of the label names: discovery/kubernetes/endpoints.go, `buildEndpoints`, Prometheus v3.13.5.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fawkes.harness.errors import UsageError
from fawkes.harness.operator.objects import Manifest, Objects, display_name, labels_of, name_of, namespace_of
from fawkes.harness.operator.selectors import matches

_META: Final = "__meta_kubernetes_"
_NOT_IN_LABEL_NAMES: Final = re.compile(r"[^a-zA-Z0-9_]")


@dataclass(frozen=True, slots=True)
class Pod:
    """One container of a pod, standing behind ports on 127.0.0.1. A pod of two containers is two of these."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    container: str
    ports: Mapping[str, int] = field(default_factory=dict)
    """The container's port name, which Services point to, and the local port behind it."""


def sanitize(label: str) -> str:
    """A Kubernetes label's name inside a Prometheus label name: whatever isn't allowed there becomes `_`."""
    return _NOT_IN_LABEL_NAMES.sub("_", label)


def target_file(namespace: str) -> str:
    """Where the targets of a namespace are written, relative to prometheus.yml."""
    return f"targets/{namespace}.json"


def target_files(objects: Objects, pods: Sequence[Pod]) -> dict[str, str]:
    """File name -> file_sd JSON, one for every namespace, also where nothing runs."""
    files = {}
    for namespace in map(name_of, objects.of("Namespace")):
        targets = [t for service in objects.of("Service", namespace) for t in service_targets(service, pods)]
        files[target_file(namespace)] = json.dumps(targets, indent=1)
    return files


def service_targets(service: Manifest, pods: Sequence[Pod]) -> list[dict[str, Any]]:
    """file_sd entries `{"targets": ["127.0.0.1:PORT"], "labels": {...}}` of one Service.

    One for each of its ports on each selected container that has a port of that name, then one for every other port
    of those pods, as discovery does. UsageError for a port that doesn't name its targetPort, because numbers differ
    from process to process here.
    """
    selector = service["spec"].get("selector")
    behind = [
        pod
        for pod in pods
        if selector and pod.namespace == namespace_of(service) and matches({"matchLabels": selector}, pod.labels)
    ]
    served = [
        (pod, port["name"], port["targetPort"])
        for port in _named_ports(service)
        for pod in behind
        if port["targetPort"] in pod.ports
    ]
    covered = {(pod.namespace, pod.name, pod.ports[target]) for pod, _, target in served}
    seen_pods = {(namespace, name) for namespace, name, _ in covered}
    others = [
        (pod, name)
        for pod in behind
        for name, number in pod.ports.items()
        if (pod.namespace, pod.name) in seen_pods and (pod.namespace, pod.name, number) not in covered
    ]
    return [
        *(_target(service, pod, target, _endpoint_labels(pod, port)) for pod, port, target in served),
        *(_target(service, pod, name, {}) for pod, name in others),
    ]


def _named_ports(service: Manifest) -> Iterator[Mapping[str, Any]]:
    for port in service["spec"].get("ports") or ():
        if not isinstance(port.get("targetPort"), str) or not port.get("name"):
            raise UsageError(f"{display_name(service)} has a port without name or targetPort; give both by name")
        yield port


def _target(service: Manifest, pod: Pod, port_name: str, endpoint: Mapping[str, str]) -> dict[str, Any]:
    number = str(pod.ports[port_name])
    labels = {
        f"{_META}namespace": namespace_of(service),
        **_object_labels("service", service["metadata"]),
        # The endpoints controller gives the Endpoints object its Service's name and labels, and its own.
        **_object_labels("endpoints", {"name": name_of(service), "labels": {**labels_of(service), **_own(service)}}),
        **endpoint,
        **_object_labels("pod", {"name": pod.name, "labels": pod.labels}),
        f"{_META}pod_ip": "127.0.0.1",
        f"{_META}pod_ready": "true",
        f"{_META}pod_phase": "Running",
        f"{_META}pod_container_name": pod.container,
        f"{_META}pod_container_port_name": port_name,
        f"{_META}pod_container_port_number": number,
        f"{_META}pod_container_port_protocol": "TCP",
        f"{_META}pod_container_init": "false",
    }
    return {"targets": [f"127.0.0.1:{number}"], "labels": labels}


def _own(service: Manifest) -> dict[str, str]:
    """Labels that the endpoints controller adds (pkg/controller/endpoint/endpoints_controller.go, v1.34.3)."""
    headless = {"service.kubernetes.io/headless": ""} if service["spec"].get("clusterIP") == "None" else {}
    return {"endpoints.kubernetes.io/managed-by": "endpoint-controller", **headless}


def _endpoint_labels(pod: Pod, port_name: str) -> dict[str, str]:
    return {
        f"{_META}endpoint_port_name": port_name,
        f"{_META}endpoint_port_protocol": "TCP",
        f"{_META}endpoint_ready": "true",
        f"{_META}endpoint_address_target_kind": "Pod",
        f"{_META}endpoint_address_target_name": pod.name,
    }


def _object_labels(kind: str, metadata: Mapping[str, Any]) -> dict[str, str]:
    labels = {f"{_META}{kind}_name": str(metadata["name"])}
    for field_name, prefix in (("labels", "label"), ("annotations", "annotation")):
        for key, value in (metadata.get(field_name) or {}).items():
            labels[f"{_META}{kind}_{prefix}_{sanitize(key)}"] = value
            labels[f"{_META}{kind}_{prefix}present_{sanitize(key)}"] = "true"
    return labels
