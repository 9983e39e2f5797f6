"""A component as a pod of its own, for what the harness plays and what drivers join to the platform."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fawkes.fixtures.services.listening import SETTING
from fawkes.harness.components.prometheus import DATA
from fawkes.harness.errors import ProviderError
from fawkes.harness.images.catalogue import SERVICES, reference
from fawkes.harness.kubernetes.whereabouts import PART, Whereabouts
from fawkes.harness.model import Component, Ready
from fawkes.harness.operator.objects import Manifest

WORK: Final = Path("/part")
"""The working directory in the pod, where the part's files are."""
EVERYWHERE: Final = "0.0.0.0"  # of a pod, which has a network of its own
NOBODY: Final = 65534
_READY_EVERY_S: Final = 1
"""The shortest that Kubernetes knows."""
_NO_IMAGE: Final = "127.0.0.1:1/nothing:until-revived"
"""Nobody listens there, so who asks for it is refused at once."""
_IN_VAIN: Final = ("ErrImagePull", "ImagePullBackOff")
POD_SECURITY: Final = {
    "runAsNonRoot": True,
    "runAsUser": NOBODY,
    "runAsGroup": NOBODY,
    "fsGroup": NOBODY,
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER_SECURITY: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
"""With the pod's, what the Pod Security standard `restricted` asks for."""
POD: Final = {"automountServiceAccountToken": False, "enableServiceLinks": False, "securityContext": POD_SECURITY}
"""The spec of every pod that the harness makes begins so: it needs nothing of the API server, and is admitted."""
CONTAINER: Final = {"imagePullPolicy": "IfNotPresent", "securityContext": CONTAINER_SECURITY}
"""And each of its containers."""


def component_manifests(
    part: Component,
    where: Whereabouts,
    labels: Mapping[str, str],
    binaries: Mapping[str, Path],
    *,
    claim: str | None = None,
) -> list[Manifest]:
    """The Secret with the part's files, and its Pod or, if it ends by itself, its Job, with `labels` beside its own.

    `claim` names the volume with the part's data, mounted at /part/data. ProviderError for a command that no image has.
    """
    secret = f"part-{part.name}"
    image, command = _image(part.argv[0], binaries)
    metadata = {"name": part.name, "namespace": where.namespace, "labels": {**labels, PART: part.name}}
    container: dict[str, Any] = {
        **CONTAINER,
        "name": where.container,
        "image": image,
        "command": [command, *part.argv[1:]],
        "workingDir": str(WORK),
        "env": [{"name": SETTING, "value": EVERYWHERE}, *({"name": k, "value": v} for k, v in part.env.items())],
        "ports": [{"name": name, "containerPort": number} for name, number in part.ports.items()],
        "resources": {"requests": {"cpu": "5m", "memory": "32Mi"}},
        "volumeMounts": [
            {"name": "work", "mountPath": str(WORK)},
            *({"name": "files", "mountPath": str(WORK / name), "subPath": key} for key, name in _keys(part).items()),
            *([{"name": "data", "mountPath": str(WORK / DATA)}] if claim else []),
        ],
    }
    if part.ready.by != "exit":
        container["readinessProbe"] = {**_probe(part.ready), "periodSeconds": _READY_EVERY_S}
    volumes: list[dict[str, Any]] = [
        {"name": "work", "emptyDir": {}},
        # Readable by the pod's group, which is all that it has of the file.
        {"name": "files", "secret": {"secretName": secret, "defaultMode": 0o440}},
        *([{"name": "data", "persistentVolumeClaim": {"claimName": claim}}] if claim else []),
    ]
    spec = {**POD, "terminationGracePeriodSeconds": 5, "containers": [container], "volumes": volumes}
    runs = _job(metadata, spec) if part.ready.by == "exit" else _pod(metadata, spec)
    return [_secret(secret, part, metadata), runs]


def _pod(metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> Manifest:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**spec, "restartPolicy": "Always"}}


def _job(metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> Manifest:
    """Ready when its pod is done, and tried once: a pod alone is ready as soon as it runs."""
    pod = {"metadata": {"labels": metadata["labels"]}, "spec": {**spec, "restartPolicy": "Never"}}
    once = {"backoffLimit": 0, "template": pod}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": once}


def killed(pod: Manifest) -> Manifest:
    """The pod with an image that nobody has: what it runs ends and can't start again, and its address stays."""
    containers = [{**one, "image": _NO_IMAGE} for one in pod["spec"]["containers"]]
    return {**pod, "spec": {**pod["spec"], "containers": containers}}


def is_held(pod: Manifest) -> bool:
    """Whether such a pod runs nothing any more, because it has asked for that image in vain."""
    states = [one["state"] for one in pod.get("status", {}).get("containerStatuses") or ()]
    return bool(states) and all(one.get("waiting", {}).get("reason") in _IN_VAIN for one in states)


def _secret(name: str, part: Component, metadata: Mapping[str, Any]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {**metadata, "name": name},
        "stringData": {key: part.files[file] for key, file in _keys(part).items()},
    }


def _keys(part: Component) -> dict[str, str]:
    """Key in the Secret, which has no slashes, -> the file's name below the working directory."""
    return {name.replace("/", "_"): name for name in part.files}


def _image(program: str, binaries: Mapping[str, Path]) -> tuple[str, str]:
    """(image, the program's path in it)."""
    if program == sys.executable:
        return SERVICES, "python3"
    name = next((name for name, path in binaries.items() if str(path) == program), None)
    if name is None:
        raise ProviderError(f"no image has {program}; `harness doctor` tells which binaries are missing")
    return reference(name), f"/bin/{name}"


def _probe(ready: Ready) -> dict[str, Any]:
    if ready.by == "http":
        return {"httpGet": {"port": ready.port, "path": ready.path}}
    if ready.by == "tcp":
        return {"tcpSocket": {"port": ready.port}}
    return {"exec": {"command": list(ready.command)}}


def restricted_namespace(name: str) -> Manifest:
    """A namespace that admits such pods and no others."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
