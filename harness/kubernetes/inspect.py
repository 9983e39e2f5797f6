"""A look inside a container of a pod, by a second container: ours have one binary and no shell.

It is an ephemeral one: it joins the running pod, shares its network and the process namespace of the container it
looks at, and goes with the pod. It has the same user and the same restrictions, and therefore sees all of it: the
kernel lets a process read in /proc whatever belongs to its own user, unless that has more capabilities.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from testinfra.backend.kubectl import KubectlBackend

from fawkes.harness.errors import ProviderError
from fawkes.harness.eventually import Clock, eventually
from fawkes.harness.images.catalogue import SERVICES
from fawkes.harness.inside import host_on
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.world import Inside

Json = Mapping[str, Any]

_LOOKER: Final = "look"
"""Its name, and a number: one that has ended can't be started again, nor be taken away."""
_RUNS_WITHIN_S: Final = 60.0
"""One to two seconds where the image is on the node, as it is in a cluster of ours."""
_STUCK: Final = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError"}
    | {"CreateContainerError", "RunContainerError"}
)
"""Reasons for which the kubelet tries again and again what only a person can mend."""
_MAIN_PID: Final = 1
"""What a container starts is the first process of its namespace."""


def inside(
    api: Api,
    kubectl: Sequence[str],
    *,
    namespace: str,
    pod: str,
    container: str,
    ports: Mapping[str, str | int],
    clock: Clock,
) -> Inside:
    """A look at one running container, by testinfra's `kubectl` backend.

    `kubectl`: the command with the cluster's flags. `ports`: the part's name of a port -> the container's name or
    number for it; what else the container declares is known by the container's own names.
    ProviderError when the container does not run, or nothing may be started beside it.
    """
    found = _pod(api, namespace, pod)
    target = next((one for one in found["spec"]["containers"] if one["name"] == container), None)
    if target is None or not _is_running(found, "containerStatuses", container):
        raise ProviderError(f"container {container} of {namespace}/{pod} does not run; its log tells why")
    looker = _looker(api, found, target, clock)
    backend = KubectlBackend(pod, namespace=namespace, container=looker)
    host = host_on(backend, os.environ, reword=lambda line: shlex.join(kubectl) + line.removeprefix("kubectl"))
    declared = {one["name"]: int(one["containerPort"]) for one in target.get("ports", ()) if "name" in one}
    numbers = {name: declared.get(port, 0) if isinstance(port, str) else port for name, port in ports.items()}
    known = declared | {name: number for name, number in numbers.items() if number}
    return Inside(host, _MAIN_PID, known, own_network=not found["spec"].get("hostNetwork", False))


def _looker(api: Api, pod: Json, target: Json, clock: Clock) -> str:
    """The name of a running container that looks at `target`: one from an earlier look, or a new one."""
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    for one in _lookers(pod):
        if one["targetContainerName"] == target["name"] and _is_running(pod, "ephemeralContainerStatuses", one["name"]):
            return str(one["name"])
    looker = f"{_LOOKER}-{len(pod['spec'].get('ephemeralContainers', ()))}"
    api.add_container(
        namespace,
        name,
        {
            "name": looker,
            "image": SERVICES,
            "imagePullPolicy": "IfNotPresent",
            "command": ["sleep", "infinity"],
            "targetContainerName": target["name"],
            "securityContext": target.get("securityContext", {}),
        },
    )

    def runs() -> bool:
        now = _pod(api, namespace, name)
        _raise_if_stuck(now, looker)
        return _is_running(now, "ephemeralContainerStatuses", looker)

    eventually(f"container {looker} of {namespace}/{name} to run", runs, bool, within_s=_RUNS_WITHIN_S, clock=clock)
    return looker


def _lookers(pod: Json) -> Iterator[Json]:
    return (one for one in pod["spec"].get("ephemeralContainers", ()) if one["name"].rpartition("-")[0] == _LOOKER)


def _pod(api: Api, namespace: str, name: str) -> Json:
    found = api.get("v1", "Pod", name, namespace)
    if found is None:
        raise ProviderError(f"there is no pod {namespace}/{name} any more, so nobody can look inside")
    return found


def _is_running(pod: Json, kind: str, container: str) -> bool:
    return "running" in _state(pod, kind, container)


def _raise_if_stuck(pod: Json, looker: str) -> None:
    state = _state(pod, "ephemeralContainerStatuses", looker)
    trouble = state.get("terminated") or state.get("waiting") or {}
    if "terminated" in state or trouble.get("reason") in _STUCK:
        where = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        raise ProviderError(
            f"container {looker} of {where}, which looks into another, does not run: {trouble.get('reason')} "
            f"{trouble.get('message', '')}; its image is {SERVICES}, see `harness images`"
        )


def _state(pod: Json, kind: str, container: str) -> Json:
    statuses = pod["status"].get(kind, ())
    return next((one["state"] for one in statuses if one["name"] == container), {})
