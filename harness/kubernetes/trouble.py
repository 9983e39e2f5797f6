"""What a pod says of why it doesn't run, and how long that may heal. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fawkes.harness.kubernetes.readiness import condition
from fawkes.harness.operator.objects import Manifest


@dataclass(frozen=True, slots=True)
class Trouble:
    """One reason, as Kubernetes calls it."""

    reason: str
    where: str
    """The container, or empty for the pod as a whole."""
    message: str
    heals_within_s: float
    """How long it may last before waiting for it has no sense."""
    of_the_product: bool
    """Whether the part itself is at fault, and not the cluster it stands on."""

    def __str__(self) -> str:
        place = f"container {self.where}: " if self.where else ""
        return f"{place}{self.reason}: {self.message}".rstrip(": ")


_IMAGE_S: Final = 60.0
"""A new node is still unpacking its archives when the first pods ask for their images; it has taken 15 s."""
_CONFIG_S: Final = 20.0
"""A kubelet that is busy may not have heard yet of a Secret that is there."""
_NO_ROOM_S: Final = 45.0
"""Until the pods of a platform before this one are gone, or a volume is made."""
_CRASHES: Final = 3
"""Restarts after which it is no longer waiting for a neighbour: by then Kubernetes has waited for 10, 20 and 40 s."""

_HEALS_WITHIN_S: Final[Mapping[str, float]] = {
    "ErrImagePull": _IMAGE_S,
    "ImagePullBackOff": _IMAGE_S,
    "ErrImageNeverPull": _IMAGE_S,
    "InvalidImageName": 0.0,
    "CreateContainerConfigError": _CONFIG_S,
    "CreateContainerError": _CONFIG_S,
    "RunContainerError": _CONFIG_S,
}


def troubles(pod: Manifest) -> Iterator[Trouble]:
    """Everything that keeps the pod from running; nothing for one that is merely slow."""
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("reason") == "Unschedulable":
        yield Trouble("Unschedulable", "", str(scheduled.get("message", "")), _NO_ROOM_S, of_the_product=False)
    for status in container_statuses(pod):
        waiting = status.get("state", {}).get("waiting") or {}
        reason, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
        if reason in _HEALS_WITHIN_S:
            yield Trouble(reason, status["name"], message, _HEALS_WITHIN_S[reason], of_the_product=False)
        if reason == "CrashLoopBackOff" and status.get("restartCount", 0) >= _CRASHES:
            yield Trouble(reason, status["name"], f"{message} {_last_end(status)}".strip(), 0.0, of_the_product=True)


def container_statuses(pod: Manifest) -> list[Mapping[str, Any]]:
    """Of init containers, then of the others."""
    status = pod.get("status", {})
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def how_it_ended(pod: Manifest) -> tuple[Sequence[str], int | None]:
    """(command, exit code) of the pod's first container that has ended; ((), None) if none has."""
    commands = {one["name"]: (*one.get("command", ()), *one.get("args", ())) for one in pod["spec"]["containers"]}
    for status in container_statuses(pod):
        for state in (status.get("state", {}), status.get("lastState", {})):
            if "terminated" in state:
                return commands.get(status["name"], ()), int(state["terminated"]["exitCode"])
    return (), None


def _last_end(status: Mapping[str, Any]) -> str:
    ended = status.get("lastState", {}).get("terminated")
    return f"(exit code {ended['exitCode']}, {ended.get('reason', '')})" if ended else ""
