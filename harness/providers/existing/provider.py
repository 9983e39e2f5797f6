"""Pods of somebody else's cluster, with what can be done to them without its nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from fawkes.harness.eventually import Clock, eventually
from fawkes.harness.kubernetes.apply import apply
from fawkes.harness.kubernetes.provider import KubernetesProvider
from fawkes.harness.operator.objects import Manifest, name_of
from fawkes.harness.providers.existing.fence import Fence
from fawkes.harness.providers.existing.port_forwards import PortForwards

_QUOTA: Final = "no-new-pods"
_GONE_WITHIN_S: Final = 30.0
"""A pod deleted without grace is gone from the API at once; the kubelet needs two seconds for its processes, and one of
ours has five to end."""
_BACK_WITHIN_S: Final = 180.0
"""As for any pod that starts on a busy node."""
_LOOK_AGAIN: Final = "fawkes.io/revived"
"""Annotation whose change makes a controller try now what it would try again in minutes."""
_CONTROLLERS: Final = ("StatefulSet", "ReplicaSet")


class ExistingProvider(KubernetesProvider):
    """Provider that can kill. To stop a process, or to cut it off from others, it would need the node."""

    name = "existing"

    def __init__(
        self,
        fence: Fence,
        *,
        binaries: Mapping[str, Path],
        reach: PortForwards,
        kubectl: Sequence[str],
        clock: Clock,
        home: str,
    ) -> None:
        super().__init__(fence, binaries=binaries, reach=reach, kubectl=kubectl, clock=clock, home=home)
        self._forwards = reach
        self._away: dict[str, set[str]] = {}
        """Namespace -> parts that a controller would bring back, if it were let."""

    def reachable(self, parts: Sequence[str]) -> None:
        """Nothing to wait for: a port-forward is opened by the first connection, which waits for it."""

    def kill(self, part: str) -> None:
        """No way back until `revive`. The process gets SIGTERM and seconds later SIGKILL: a kubelet gives no less.

        A pod of a controller is deleted, and its namespace may have no new pods, so nothing replaces it. One of ours
        stays with its address, which refuses, as that of a process that has crashed does.
        """
        if part in self._components:
            self.hold(part)
            held = partial(self.is_held, part)
            eventually(f"{part} to be gone", held, bool, within_s=_GONE_WITHIN_S, clock=self._clock)
            return
        namespace = self.where(part).namespace
        self._away.setdefault(namespace, set()).add(part)
        apply(self._api, [_no_new_pods(namespace)], clock=self._clock)

        def delete() -> list[str]:
            there = self.pods(part)
            for pod in there:  # also one that came before the API server had heard of the quota
                self._api.delete("v1", "Pod", pod, namespace, grace_s=0)
            return there

        eventually(f"{part} to be gone", delete, lambda left: not left, within_s=_GONE_WITHIN_S, clock=self._clock)

    def revive(self, part: str) -> None:
        """In a namespace where another part is away too, both come back."""
        if part in self._components:
            self._run([self._components[part]])
            return
        namespace = self.where(part).namespace
        self._away.pop(namespace, None)
        self._api.delete("v1", "ResourceQuota", _QUOTA, namespace)
        for kind in _CONTROLLERS:
            for one in self._api.list("apps/v1", kind, namespace):
                note = {"metadata": {"annotations": {_LOOK_AGAIN: f"{self._clock.monotonic_s():.3f}"}}}
                self._api.patch("apps/v1", kind, name_of(one), note, namespace)
        eventually(f"{part} to be back", lambda: self.is_ready(part), bool, within_s=_BACK_WITHIN_S, clock=self._clock)

    def close(self) -> None:
        self._forwards.close()
        super().close()


def _no_new_pods(namespace: str) -> Manifest:
    """Pods that are there stay: a quota holds for what is to be made."""
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": _QUOTA, "namespace": namespace},
        "spec": {"hard": {"pods": "0"}},
    }
