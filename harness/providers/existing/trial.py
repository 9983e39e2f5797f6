"""The question that only a pod can answer: does this cluster have our images, and room for a pod of ours?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from fawkes.harness.errors import DeadlineExceeded, ProviderError
from fawkes.harness.eventually import Clock, eventually
from fawkes.harness.images.catalogue import reference
from fawkes.harness.kubernetes.api import asked_again
from fawkes.harness.kubernetes.apply import apply, delete_namespaces
from fawkes.harness.kubernetes.explain import explain
from fawkes.harness.kubernetes.pods import CONTAINER, POD, restricted_namespace
from fawkes.harness.kubernetes.trouble import troubles
from fawkes.harness.operator.objects import Manifest, name_of
from fawkes.harness.prefix import Prefix
from fawkes.harness.providers.existing.fence import Fence

NAMESPACE: Final = "fawkes-trial"
_WITHIN_S: Final = 180.0
"""Twelve images that have to come from a registry; on a node that has them it takes 3 s."""
_LOOK_EVERY_S: Final = 0.5
_ASKED_OF_SERVICES: Final = "import fawkes.fixtures.services.dora, fawkes.harness.serve"
_RELOADER: Final = "--prometheus-config-reloader="
_STARTED: Final = ("RunContainerError", "CreateContainerError", "CrashLoopBackOff")
"""Reasons to wait that a container has only when its image is there."""


def images_of(manifests: Iterable[Manifest]) -> list[str]:
    """Every image that pods of these objects are started from; of an operator, also what it starts beside them."""
    return sorted({image for one in manifests for image in (*_images(one), *_derived(one))})


def try_images(
    fence: Fence,
    prefix: Prefix,
    images: Sequence[str],
    services: str,
    *,
    clock: Clock,
    within_s: float = _WITHIN_S,
) -> None:
    """Start a pod of them all, in a namespace that is made and deleted for it.

    ProviderError, with what the cluster says, for an image that it doesn't get, or services that aren't ours.
    """
    space = f"{prefix.text}{NAMESPACE}"
    apply(fence, [restricted_namespace(space)], clock=clock)
    try:
        pod = _pod(space, images, services)
        apply(fence, [pod], clock=clock)
        _await_images(fence, pod, clock, within_s)
    finally:
        delete_namespaces(fence, [space], clock=clock)


def _await_images(fence: Fence, pod: Manifest, clock: Clock, within_s: float) -> None:
    since_s: dict[tuple[str, str], float] = {}
    lasting: list[str] = []

    def now() -> Manifest | None:
        found = fence.get("v1", "Pod", name_of(pod), str(pod["metadata"]["namespace"]))
        for trouble in troubles(found or pod):
            lasts_s = clock.monotonic_s() - since_s.setdefault((trouble.where, trouble.reason), clock.monotonic_s())
            if trouble.reason not in _STARTED and lasts_s >= trouble.heals_within_s:
                lasting[:] = [str(trouble)]
        return found

    try:
        found = eventually(
            "a pod of every image to start",
            asked_again(now),
            lambda one: one is not None and not list(_waiting(one)),
            within_s=within_s,
            every_s=_LOOK_EVERY_S,
            clock=clock,
            hopeless=lambda: lasting[0] if lasting else None,
        )
    except DeadlineExceeded as late:
        raise ProviderError(
            "this cluster doesn't start a pod of the images that the platform needs; load them into its nodes, or name "
            f"ours with --services-image\n{explain(fence, pod)}"
        ) from late
    (own,) = (one for one in found["status"]["containerStatuses"] if one["name"] == _container_name(0))
    if own["state"].get("terminated", {}).get("exitCode") != 0:
        raise ProviderError(
            f"{own['image']} is not an image of these services: python3 -c '{_ASKED_OF_SERVICES}' fails in it; "
            "`harness images` makes one, --services-image names it"
        )


def _waiting(pod: Manifest) -> Iterator[str]:
    """Containers that have not shown yet that their image is there."""
    statuses = {one["name"]: one for one in pod["status"].get("containerStatuses", ())}
    for container in pod["spec"]["containers"]:
        state: Mapping[str, Any] = statuses.get(container["name"], {}).get("state", {})
        finished = (
            "terminated" in state if container["name"] == _container_name(0) else "waiting" not in state and state
        )
        if not finished and state.get("waiting", {}).get("reason") not in _STARTED:
            yield container["name"]


def _pod(space: str, images: Sequence[str], services: str) -> Manifest:
    """The services first; of the others it is enough that they are started, whatever they make of it."""
    commands = [(services, ["python3", "-c", _ASKED_OF_SERVICES]), *((one, None) for one in images if one != services)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "trial", "namespace": space},
        "spec": {
            **POD,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    **CONTAINER,
                    "name": _container_name(index),
                    "image": image,
                    "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}},
                    **({"command": command} if command else {"args": ["--version"]}),
                }
                for index, (image, command) in enumerate(commands)
            ],
        },
    }


def _container_name(index: int) -> str:
    return f"image-{index}"


def _derived(manifest: Manifest) -> Iterator[str]:
    """What an operator takes for an object that names no image, and what ours is told to take."""
    spec = manifest.get("spec", {})
    match manifest["kind"]:
        case "Prometheus":
            yield spec.get("image") or reference("prometheus")
            if "thanos" in spec and "image" not in spec["thanos"]:
                yield reference("thanos")
        case "Alertmanager":
            yield spec.get("image") or reference("alertmanager")
        case "Deployment":
            args = (arg for one in spec["template"]["spec"]["containers"] for arg in one.get("args", ()))
            yield from (arg.removeprefix(_RELOADER) for arg in args if arg.startswith(_RELOADER))


def _images(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            if key == "image" and isinstance(one, str):
                yield one
            else:
                yield from _images(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _images(one)
