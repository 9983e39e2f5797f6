"""Many objects: applied in the order in which they need each other, deleted in the other, until it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from fawkes.harness.errors import DeadlineExceeded, ProviderError
from fawkes.harness.eventually import POLL_EVERY_S, Clock, eventually
from fawkes.harness.kubernetes.api import Api, asked_again
from fawkes.harness.kubernetes.readiness import readiness
from fawkes.harness.operator.objects import Manifest, display_name, name_of, namespace_of

_FIRST: Final = ("Namespace", "CustomResourceDefinition")
_ORDER: Final = (
    *_FIRST,
    *("PriorityClass", "StorageClass", "ResourceQuota", "LimitRange", "PersistentVolumeClaim"),
    *("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
    *("NetworkPolicy", "Secret", "ConfigMap", "Service"),
    *("PodDisruptionBudget", "DaemonSet", "StatefulSet", "Deployment", "Job", "Pod"),
)
"""What a pod needs comes before pods, and volumes first of it, since they take longest. Kinds that aren't named here,
the operators' own, come last."""

_APPLIED_WITHIN_S: Final = 60.0
"""For everything together. The platform takes 1 to 2 s on two cores, the operator's definitions 5 s."""
_GONE_WITHIN_S: Final = 120.0
"""The whole platform takes 9 s on two cores, of which Kubernetes lets 5 pass before it begins."""
_GONE_LOOK_S: Final = 0.5
"""Six namespaces that end are six requests, for a server that has much to do with them."""
_AT_ONCE_S: Final = 1
"""Grace of a pod whose data nobody wants. With 0 it would be gone from the API before its processes are."""


def apply(api: Api, manifests: Sequence[Manifest], *, clock: Clock, within_s: float = _APPLIED_WITHIN_S) -> None:
    """Apply them all, with what they need first. Nothing is awaited but that later ones can be applied.

    ProviderError for an object that the server refuses, DeadlineExceeded for a server that is away too long.
    """
    until = _Until(clock, within_s)
    for stage in _stages(manifests):
        for manifest in stage:
            until.done(f"{display_name(manifest)} to be applied", partial(api.apply, manifest))
        for manifest in stage:
            if manifest["kind"] in _FIRST:
                until.done(
                    f"{display_name(manifest)} to be usable",
                    partial(api.get, *_proof_of_use(manifest)),
                    lambda found: readiness(found).ready,
                )


def delete(api: Api, manifests: Sequence[Manifest], *, clock: Clock, within_s: float = _GONE_WITHIN_S) -> None:
    """Delete them, pods at once, and wait until the last is gone. Those that aren't there are fine."""
    until = _Until(clock, within_s)
    backwards = sorted(manifests, key=_rank, reverse=True)
    for manifest in backwards:
        grace_s = _AT_ONCE_S if manifest["kind"] == "Pod" else None
        end = partial(api.delete, *_address(manifest), grace_s=grace_s)
        until.done(f"{display_name(manifest)} to be deleted", end)

    def left() -> list[str]:
        return [display_name(one) for one in backwards if api.get(*_address(one)) is not None]

    until.gone("all that was deleted to be gone", left)


def delete_namespaces(api: Api, names: Sequence[str], *, clock: Clock, within_s: float = _GONE_WITHIN_S) -> None:
    """Delete namespaces with everything in them and wait until they are gone. Those that aren't there are fine.

    DeadlineExceeded tells what Kubernetes says is still in them.
    """
    until = _Until(clock, within_s)

    def ask_for_their_end() -> None:
        there = [name for name in names if api.delete("v1", "Namespace", name)]
        # Kubernetes begins to empty a namespace after 5 s. If it finds claims then that pods still hold, it looks again
        # 8 s later (namespaceDeletionGracePeriod, finalizerEstimateSeconds). New ones can't come any more.
        for name in there:
            api.delete_all("v1", "Pod", name, grace_s=_AT_ONCE_S)
            api.delete_all("v1", "PersistentVolumeClaim", name)

    def left() -> list[str]:
        return [name for name in names if api.get("v1", "Namespace", name) is not None]

    def pods_left() -> list[str]:
        return [f"{name}/{name_of(pod)}" for name in names for pod in api.list("v1", "Pod", name)]

    def call_attention() -> None:
        for name in left():
            _call_attention(api, name)

    until.done(f"namespaces {', '.join(names)} to be deleted", ask_for_their_end)
    try:
        until.gone(f"pods in {', '.join(names)} to be gone", pods_left)
        until.done("namespaces without pods to be looked at", call_attention)
        until.gone(f"namespaces {', '.join(names)} to be gone", left)
    except DeadlineExceeded as late:
        raise DeadlineExceeded(f"{late}\n{_remaining(api, names)}") from late


def _call_attention(api: Api, name: str) -> None:
    """Let Kubernetes look at a dying namespace within 5 s, because it has changed.

    If it has found pods there twice, as it does where a busy node needs more than ten seconds to end them, it would
    look again after half of their grace: five minutes for a Prometheus.
    """
    try:
        api.patch("v1", "Namespace", name, {"metadata": {"annotations": {"fawkes.io/without-pods": "true"}}})
    except ProviderError:
        if api.get("v1", "Namespace", name) is not None:
            raise


class _Until:
    """One deadline for many steps. A server that is away for a moment is asked again."""

    def __init__(self, clock: Clock, within_s: float) -> None:
        self._clock, self._until_s = clock, clock.monotonic_s() + within_s

    def done(self, what: str, ask: Callable[[], Any], expect: Callable[[Any], bool] = lambda _: True) -> None:
        self._wait(what, ask, expect, POLL_EVERY_S)

    def gone(self, what: str, left: Callable[[], list[str]]) -> None:
        self._wait(what, left, lambda names: not names, _GONE_LOOK_S)

    def _wait(self, what: str, ask: Callable[[], Any], expect: Callable[[Any], bool], every_s: float) -> None:
        left_s = max(0.0, self._until_s - self._clock.monotonic_s())
        eventually(what, asked_again(ask), expect, within_s=left_s, every_s=every_s, clock=self._clock)


def in_order(manifests: Sequence[Manifest]) -> list[Manifest]:
    """As `apply` applies them: what others need first."""
    return sorted(manifests, key=_rank)


def _stages(manifests: Sequence[Manifest]) -> list[list[Manifest]]:
    """Namespaces, then definitions, then the rest, which in itself is in order."""
    ordered = in_order(manifests)
    first = [[one for one in ordered if one["kind"] == kind] for kind in _FIRST]
    return [*first, [one for one in ordered if one["kind"] not in _FIRST]]


def _rank(manifest: Manifest) -> int:
    return _ORDER.index(manifest["kind"]) if manifest["kind"] in _ORDER else len(_ORDER)


def _address(manifest: Manifest) -> tuple[str, str, str, str]:
    return str(manifest["apiVersion"]), str(manifest["kind"]), name_of(manifest), namespace_of(manifest)


def _proof_of_use(manifest: Manifest) -> tuple[str, str, str, str]:
    """What must be ready before others can use it: of a namespace the account that its pods stand under."""
    if manifest["kind"] == "Namespace":
        return "v1", "ServiceAccount", "default", name_of(manifest)
    return _address(manifest)


def _remaining(api: Api, names: Sequence[str]) -> str:
    """What the namespace controller says of each namespace that is still there."""
    lines = []
    for name in names:
        try:
            found = api.get("v1", "Namespace", name)
        except ProviderError as error:
            return str(error)
        conditions = (found or {}).get("status", {}).get("conditions") or ()
        lines += [f"{name}: {one['type']}: {one['message']}" for one in conditions if one["status"] == "True"]
    return "\n".join(lines)
