"""Two clusters as one platform: what is in the dojo's namespace runs in a cluster of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from fawkes.harness.errors import UsageError
from fawkes.harness.eventually import Clock
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.kubernetes.node_ports import NodePorts
from fawkes.harness.kubernetes.whereabouts import Whereabouts
from fawkes.harness.model import Component
from fawkes.harness.operator.objects import Manifest, name_of, namespace_of
from fawkes.harness.providers.kind.cluster import Cluster
from fawkes.harness.providers.kind.provider import KindProvider
from fawkes.harness.world import Inside

DOJO: Final = "fawkes-dojo"
"""The namespace that is the other cluster's."""


class PairReach:
    """A Reach: each part's ports lead to the node of its own cluster."""

    def __init__(self, platform: NodePorts, dojo: NodePorts) -> None:
        self._platform, self._dojo = platform, dojo
        self._in_dojo: set[str] = set()

    def placed(self, parts: Sequence[str]) -> None:
        """These are in the dojo; before anybody asks for their addresses."""
        self._in_dojo |= set(parts)

    def address(self, part: str, port: str) -> str:
        return self._of(part).address(part, port)

    def manifests(self, part: str, where: Whereabouts) -> list[Manifest]:
        return self._of(part).manifests(part, where)

    def _of(self, part: str) -> NodePorts:
        return self._dojo if part in self._in_dojo else self._platform


class Pair(KindProvider):
    """Provider of the platform's cluster, which hands on to the dojo's what concerns that one's parts and objects."""

    def __init__(
        self,
        api: Api,
        cluster: Cluster,
        *,
        binaries: Mapping[str, Path],
        reach: PairReach,
        clock: Clock,
        dojo: KindProvider,
        dojo_cluster: Cluster,
    ) -> None:
        super().__init__(api, cluster, binaries=binaries, reach=reach, clock=clock)
        self._dojo, self._dojo_cluster, self._ways = dojo, dojo_cluster, reach

    def place(self, where: Mapping[str, Whereabouts]) -> None:
        there = {part: one for part, one in where.items() if one.namespace == DOJO}
        self._ways.placed(list(there))
        self._dojo.place(there)
        super().place({part: one for part, one in where.items() if part not in there})

    def labelled(self, labels: Mapping[str, Mapping[str, str]]) -> None:
        self._dojo.labelled(labels)
        super().labelled(labels)

    def apply(self, manifests: Sequence[Manifest]) -> None:
        here, there = _apart(manifests)
        self._dojo.apply(there)
        super().apply(here)

    def claims_ahead(self, manifests: Sequence[Manifest]) -> list[Manifest]:
        here, there = _apart(manifests)
        return [*super().claims_ahead(here), *self._dojo.claims_ahead(there)]

    def ready(self, manifests: Sequence[Manifest]) -> None:
        here, there = _apart(manifests)
        self._dojo.ready(there)
        super().ready(here)

    def start(self, components: Sequence[Component]) -> None:
        self._dojo.start([part for part in components if self._is_there(part.name)])
        super().start([part for part in components if not self._is_there(part.name)])

    def clear(self, namespaces: Sequence[str]) -> None:
        self._dojo.clear([name for name in namespaces if name == DOJO])
        super().clear([name for name in namespaces if name != DOJO])

    def close(self) -> None:
        self._dojo.close()
        super().close()

    def parts(self) -> Sequence[str]:
        return [*super().parts(), *self._dojo.parts()]

    def running(self) -> Sequence[str]:
        return [*super().running(), *self._dojo.running()]

    def where(self, part: str) -> Whereabouts:
        return self._dojo.where(part) if self._is_there(part) else super().where(part)

    def pods(self, part: str, *, running: bool = False) -> list[str]:
        return self._dojo.pods(part, running=running) if self._is_there(part) else super().pods(part, running=running)

    def log_tail(self, part: str, lines: int = 20) -> str:
        return self._dojo.log_tail(part, lines) if self._is_there(part) else super().log_tail(part, lines)

    def inside(self, part: str) -> Inside:
        return self._dojo.inside(part) if self._is_there(part) else super().inside(part)

    def rss_bytes(self) -> Mapping[str, int]:
        """Of the platform's cluster: another provider counts the other's."""
        return {**super().rss_bytes(), **self._dojo.rss_bytes()}

    def kill(self, part: str) -> None:
        self._dojo.kill(part) if self._is_there(part) else super().kill(part)

    def revive(self, part: str) -> None:
        self._dojo.revive(part) if self._is_there(part) else super().revive(part)

    def pause(self, part: str) -> None:
        self._dojo.pause(part) if self._is_there(part) else super().pause(part)

    def resume(self, part: str) -> None:
        self._dojo.resume(part) if self._is_there(part) else super().resume(part)

    def partition(self, parts: Sequence[str]) -> None:
        """Parts of the dojo are cut off from the platform's cluster, with all that is there."""
        if self._in_dojo(parts):
            self.cut_off(self._dojo_cluster, self._cluster)
        else:
            super().partition(parts)

    def heal(self, parts: Sequence[str]) -> None:
        if self._in_dojo(parts):
            self.join_again(self._dojo_cluster, self._cluster)
        else:
            super().heal(parts)

    def _is_there(self, part: str) -> bool:
        return part in self._dojo.parts()

    def _in_dojo(self, parts: Sequence[str]) -> bool:
        there = [part for part in parts if self._is_there(part)]
        if there and len(there) < len(parts):
            raise UsageError(f"{', '.join(parts)}: these parts are in both clusters; name an app of one")
        return bool(there)


def _apart(manifests: Sequence[Manifest]) -> tuple[list[Manifest], list[Manifest]]:
    """(the platform's, the dojo's). What has no namespace both have, but for namespaces."""
    here, there = [], []
    for one in manifests:
        space = name_of(one) if one["kind"] == "Namespace" else namespace_of(one)
        if space != DOJO:
            here.append(one)
        if space in (DOJO, ""):
            there.append(one)
    return here, there
