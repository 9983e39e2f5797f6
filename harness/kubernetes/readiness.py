"""Whether an object is what it was meant to become. Pure: a function of what the API server says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fawkes.harness.operator.objects import Manifest


@dataclass(frozen=True, slots=True)
class Readiness:
    """`why` tells what is still to come; `failed` that it never will."""

    ready: bool
    why: str = ""
    failed: bool = False


READY: Final = Readiness(True)


def readiness(manifest: Manifest | None) -> Readiness:
    """Of an object as the API server shows it; None is one that isn't there.

    Of a kind that gets ready by being there (Secret, Service, PersistentVolumeClaim, whose volume may be made when a
    pod wants it) nothing more is asked.
    """
    if manifest is None:
        return Readiness(False, "it is not there")
    if "deletionTimestamp" in manifest["metadata"]:
        return Readiness(False, "it is being deleted")
    judge = _JUDGES.get(str(manifest["kind"]))
    return judge(manifest) if judge else READY


def by_being_there(manifest: Manifest) -> bool:
    """Whether an object of its kind is ready once it is there."""
    return str(manifest["kind"]) not in _JUDGES


def condition(manifest: Manifest, kind: str) -> Mapping[str, Any]:
    """One of the object's conditions; empty where it has none of that type."""
    conditions = manifest.get("status", {}).get("conditions") or ()
    return next((one for one in conditions if one["type"] == kind), {})


def runs(pod: Manifest, container: str) -> bool:
    """Whether that container of the pod runs now, ready or not."""
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    return any(one["name"] == container and "running" in one["state"] for one in statuses)


def _rolled_out(desired: str, *counts: str) -> Callable[[Manifest], Readiness]:
    """`desired` is in the spec (or, for a DaemonSet, in the status); each of `counts` in the status must reach it."""

    def judge(manifest: Manifest) -> Readiness:
        status = manifest.get("status", {})
        if status.get("observedGeneration", 0) < manifest["metadata"].get("generation", 0):
            return Readiness(False, "its controller has not seen it yet")
        wanted = status.get(desired, 0) if desired in _COUNTED_BY_STATUS else manifest["spec"].get(desired, 1)
        for count in counts:
            if status.get(count, 0) < wanted:
                return Readiness(False, f"{count} {status.get(count, 0)} of {wanted}")
        return READY

    return judge


_COUNTED_BY_STATUS: Final = {"desiredNumberScheduled"}


def _conditions(*kinds: str) -> Callable[[Manifest], Readiness]:
    """Every condition is True, and the operator or controller that says so has seen the object as it is now."""

    def judge(manifest: Manifest) -> Readiness:
        for kind in kinds:
            found = condition(manifest, kind)
            seen = found.get("observedGeneration", manifest["metadata"].get("generation"))
            if found.get("status") != "True" or seen != manifest["metadata"].get("generation"):
                said = " ".join(str(found[key]) for key in ("reason", "message") if found.get(key))
                return Readiness(False, f"{kind} {found.get('status', 'not told yet')} {said}".rstrip())
        return READY

    return judge


def _pod(manifest: Manifest) -> Readiness:
    status = manifest.get("status", {})
    phase = status.get("phase", "Pending")
    if phase == "Succeeded":
        return READY
    if phase == "Failed":
        return Readiness(False, f"Failed {status.get('reason', '')} {status.get('message', '')}".rstrip(), failed=True)
    return _conditions("Ready")(manifest) if phase == "Running" else Readiness(False, f"phase {phase}")


def _job(manifest: Manifest) -> Readiness:
    failed = condition(manifest, "Failed")
    if failed.get("status") == "True":
        return Readiness(False, f"Failed: {failed.get('message', '')}", failed=True)
    return _conditions("Complete")(manifest)


def _namespace(manifest: Manifest) -> Readiness:
    phase = manifest.get("status", {}).get("phase", "")
    return READY if phase == "Active" else Readiness(False, f"phase {phase}")


_BY_OPERATOR: Final = _conditions("Reconciled", "Available")
_JUDGES: Final[Mapping[str, Callable[[Manifest], Readiness]]] = {
    "Namespace": _namespace,
    "CustomResourceDefinition": _conditions("Established"),
    "Deployment": _rolled_out("replicas", "updatedReplicas", "availableReplicas"),
    "StatefulSet": _rolled_out("replicas", "updatedReplicas", "readyReplicas"),
    "DaemonSet": _rolled_out("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable"),
    "Pod": _pod,
    "Job": _job,
    "Prometheus": _BY_OPERATOR,
    "Alertmanager": _BY_OPERATOR,
    "ThanosRuler": _BY_OPERATOR,
}
