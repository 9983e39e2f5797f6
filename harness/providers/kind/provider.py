"""Pods of a kind cluster, with what only who owns the node can do to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from fawkes.harness.errors import UsageError
from fawkes.harness.eventually import Clock, eventually
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.kubernetes.claims import claims
from fawkes.harness.kubernetes.provider import KubernetesProvider
from fawkes.harness.kubernetes.reach import Reach
from fawkes.harness.kubernetes.rollout import Rollout
from fawkes.harness.model import Json
from fawkes.harness.operator.objects import Manifest
from fawkes.harness.providers.kind import node
from fawkes.harness.providers.kind.cluster import Cluster

_GONE_WITHIN_S: Final = 30.0
"""A pod deleted without grace is gone from the API at once; the kubelet needs a second or two for its containers."""
_BACK_WITHIN_S: Final = 180.0
"""As for any pod that starts on a busy node."""


class KindProvider(KubernetesProvider):
    """Provider with every ability."""

    name = "kind"

    def __init__(self, api: Api, cluster: Cluster, *, binaries: Mapping[str, Path], reach: Reach, clock: Clock) -> None:
        kubectl = [cluster.record.kubectl, "--kubeconfig", str(cluster.kubeconfig)]
        super().__init__(api, binaries=binaries, reach=reach, kubectl=kubectl, clock=clock)
        self._cluster = cluster
        self._away: set[str] = set()
        """Parts that a controller would bring back, if the node took pods."""

    def claims_ahead(self, manifests: Sequence[Manifest]) -> list[Manifest]:
        return claims(manifests, self._cluster.node)

    def rss_bytes(self) -> Mapping[str, int]:
        spaces = sorted({self.where(part).namespace for part in self.parts()})
        by_pod = node.rss_bytes(self._cluster, spaces)
        return {
            part: by_pod[ref]
            for part in self.parts()
            if not part.startswith("thanos-sidecar")
            for ref in self._refs(part)
            if ref in by_pod
        }

    def cpu_s(self) -> float:
        return node.cpu_s(self._cluster)

    def kill(self, part: str) -> None:
        """No grace, and no way back until `revive`.

        A pod of a controller is deleted, and what is made in its place finds no node. One of ours stays with its
        address, which refuses, as that of a process that has crashed does: who scrapes it sees that it is down.
        """
        inside = part in self._components
        if inside:
            self._kill_inside(part)
        else:
            self._delete(part)
        eventually(
            f"{part} to be gone",
            lambda: self.is_held(part) if inside else not self.pods(part, running=True),
            bool,
            within_s=_GONE_WITHIN_S,
            clock=self._clock,
        )

    def revive(self, part: str) -> None:
        if part in self._components:
            self._run([self._components[part]])
            return
        self._away.discard(part)
        if not self._away:
            node.uncordon(self._cluster)
        eventually(f"{part} to be back", lambda: self.is_ready(part), bool, within_s=_BACK_WITHIN_S, clock=self._clock)
        self.reachable([part])

    def pause(self, part: str) -> None:
        for ref in self._refs(part):
            node.stop_processes(self._cluster, ref)

    def resume(self, part: str) -> None:
        for ref in self._refs(part):
            node.continue_processes(self._cluster, ref)

    def partition(self, parts: Sequence[str]) -> None:
        node.cut(self._cluster, self._talking(parts))

    def heal(self, parts: Sequence[str]) -> None:
        node.join(self._cluster, self._talking(parts))

    def cut_off(self, one: Cluster, other: Cluster) -> None:
        node.cut_off(one, other.address())

    def join_again(self, one: Cluster, other: Cluster) -> None:
        node.join_again(one, other.address())

    def upgrade(self, parts: Sequence[str], manifests: Sequence[Manifest]) -> Sequence[Mapping[str, Json]]:
        rollout = Rollout(self._api, {part: self.where(part) for part in parts}, self._clock)
        self.apply(manifests)
        told = rollout.watch()
        self.reachable(parts)
        return told

    def close(self) -> None:
        if self._away:
            node.uncordon(self._cluster)
            self._away.clear()
        super().close()

    def _kill_inside(self, part: str) -> None:
        where = self.where(part)
        for ref in self._refs(part):
            node.stop_container(self._cluster, ref, where.container)  # so that it has no grace when its image goes
            self.hold(part)
            node.kill_container(self._cluster, ref, where.container)

    def _delete(self, part: str) -> None:
        refs = self._refs(part)
        node.cordon(self._cluster)
        self._away.add(part)
        for ref in refs:
            node.kill_processes(self._cluster, ref)
            self._api.delete("v1", "Pod", ref.name, ref.namespace, grace_s=0)

    def _refs(self, part: str) -> list[node.PodRef]:
        where = self.where(part)
        return [node.PodRef(where.namespace, name) for name in self.pods(part)]

    def _talking(self, parts: Sequence[str]) -> list[node.PodRef]:
        if len(parts) < 2 or any(self.where(part).container != "alertmanager" for part in parts):
            raise UsageError(f"{', '.join(parts)}: these parts don't talk to each other; nothing to partition")
        return [ref for part in parts for ref in self._refs(part)]
