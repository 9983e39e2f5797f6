"""Runs components as pods, and finds the parts of a platform that the operator and its manifests run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fawkes.harness.errors import ProviderError
from fawkes.harness.eventually import Clock, eventually
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.kubernetes.apply import apply, delete, delete_namespaces
from fawkes.harness.kubernetes.inspect import inside
from fawkes.harness.kubernetes.pods import component_manifests, is_held, killed
from fawkes.harness.kubernetes.reach import Reach
from fawkes.harness.kubernetes.reachable import SPOKEN, unreachable
from fawkes.harness.kubernetes.readiness import readiness, runs
from fawkes.harness.kubernetes.waiting import wait_ready
from fawkes.harness.kubernetes.whereabouts import STAND_INS, Whereabouts, of_component
from fawkes.harness.model import Component
from fawkes.harness.operator.objects import Manifest, name_of, namespace_of
from fawkes.harness.providers.refusals import no_such_part, no_such_port, refuse_endless_waits
from fawkes.harness.world import Inside

_READY_WITHIN_S: Final = 180.0
"""A pod here is ready in 2 to 12 s; three minutes are for many at once on a node of one core."""
_REACHED_WITHIN_S: Final = 30.0
"""kube-proxy gathers changes for a second, and has some hundred rules to write."""


class KubernetesProvider:
    """Provider on any cluster. Its parts are known by `whereabouts`, or started here as bare pods."""

    name = "kubernetes"

    def __init__(
        self,
        api: Api,
        *,
        binaries: Mapping[str, Path],
        reach: Reach,
        kubectl: Sequence[str],
        clock: Clock,
        home: str = STAND_INS,
    ) -> None:
        """`kubectl`: the command with the cluster's flags. `home`: namespace of parts that nobody has placed."""
        self._home = home
        self._api, self.reach, self._binaries, self._clock = api, reach, binaries, clock
        self._kubectl = kubectl
        self._components: dict[str, Component] = {}
        self._where: dict[str, Whereabouts] = {}
        self._labels: dict[str, Mapping[str, str]] = {}
        self._claims: dict[str, str] = {}
        self._ready: list[str] = []

    def place(self, where: Mapping[str, Whereabouts]) -> None:
        """Where parts are; before anything is asked about them."""
        self._where |= where

    def labelled(self, labels: Mapping[str, Mapping[str, str]]) -> None:
        """Part -> labels by which Services select its pod; before it starts."""
        self._labels |= labels

    def claimed(self, part: str, claim: str) -> None:
        """The volume that holds a part's data; before it starts."""
        self._claims[part] = claim

    def start(self, components: Sequence[Component]) -> None:
        refuse_endless_waits(components, self._components)
        for part in components:
            self._where.setdefault(part.name, of_component(part, self._home))
            self._manifests(part)  # refuses what no image has before anything is applied
        self._components |= {part.name: part for part in components}
        waiting = list(components)
        while waiting:
            now = [part for part in waiting if set(part.after) <= set(self._ready)]
            self._run(now or waiting)  # where they wait for each other, all of them
            waiting = [part for part in waiting if part.name not in self._ready]

    def claims_ahead(self, manifests: Sequence[Manifest]) -> list[Manifest]:
        """Claims of volumes that these will want, where it is known on which node: nowhere, unless there is but one."""
        return []

    def apply(self, manifests: Sequence[Manifest]) -> None:
        """Apply objects of the platform, in an order in which they find each other."""
        apply(self._api, manifests, clock=self._clock)

    def ready(self, manifests: Sequence[Manifest]) -> None:
        """Wait until objects that were applied are ready. Raises what `start` raises."""
        wait_ready(self._api, manifests, clock=self._clock, within_s=_READY_WITHIN_S)

    def clear(self, namespaces: Sequence[str]) -> None:
        """These namespaces go, with all that is in them. DeadlineExceeded when they don't."""
        delete_namespaces(self._api, namespaces, clock=self._clock)

    def reachable(self, parts: Sequence[str]) -> None:
        """Wait until the ways in lead to these parts: they are opened a moment after a part is ready.

        One port of each part is tried, because all are opened at once.
        """
        tried = [(part, port) for part in parts for port in _answering(self.where(part).ports)[:1]]
        parts_at = {self.reach.address(part, port): part for part, port in tried}
        ports_at = {self.reach.address(part, port): port for part, port in tried}
        eventually(
            "every part to be reached from here",
            lambda: sorted(parts_at[one] for one in unreachable(ports_at)),
            lambda missing: not missing,
            within_s=_REACHED_WITHIN_S,
            clock=self._clock,
        )

    def parts(self) -> Sequence[str]:
        """Everything whose place is known."""
        return list(self._where)

    def running(self) -> Sequence[str]:
        return [name for name in self._where if self.pods(name, running=True)]

    def url(self, part: str, port: str = "http") -> str:
        where = self.where(part)
        if port not in where.ports:
            raise no_such_port(part, port, where.ports)
        return f"http://{self.reach.address(part, port)}"

    def log_tail(self, part: str, lines: int = 20) -> str:
        where = self.where(part)
        logs = [self._api.pod_log(where.namespace, pod, where.container, lines=lines) for pod in self.pods(part)]
        return "\n".join(logs)

    def inside(self, part: str) -> Inside:
        where, pods = self.where(part), self.pods(part, running=True)
        if not pods:
            raise ProviderError(f"{part} does not run, so nobody can look inside; its log tells why")
        return inside(
            self._api,
            self._kubectl,
            namespace=where.namespace,
            pod=pods[0],
            container=where.container,
            ports=where.ports,
            clock=self._clock,
        )

    def rss_bytes(self) -> Mapping[str, int]:
        """Nothing: only the node knows, and not every cluster lets it tell."""
        return {}

    def cpu_s(self) -> float:
        """Nothing: a cluster is taken to be elsewhere. One that is not uses cores that a measurement would want."""
        return 0.0

    def close(self) -> None:
        """What `start` has made goes. Objects that were applied go with their namespaces (site.py)."""
        made = [one for name in reversed(self._components) for one in self._manifests(self._components[name])]
        there = {one for one in set(map(namespace_of, made)) if self._api.get("v1", "Namespace", one) is not None}
        delete(self._api, [one for one in made if namespace_of(one) in there], clock=self._clock)
        self._components.clear()

    def kubernetes(self) -> Api:
        return self._api

    def where(self, part: str) -> Whereabouts:
        """UsageError, with the nearest name, for a part that there isn't."""
        if part not in self._where:
            raise no_such_part(part, self._where)
        return self._where[part]

    def pods(self, part: str, *, running: bool = False) -> list[str]:
        """Names of a part's pods, or only of those in which it runs: one, or none while it is away."""
        container = self.where(part).container
        return [name_of(pod) for pod in self._found(part) if not running or runs(pod, container)]

    def is_ready(self, part: str) -> bool:
        """Whether the part has a pod and every pod of it is ready."""
        pods = self._found(part)
        return bool(pods) and all(readiness(pod).ready for pod in pods)

    def hold(self, part: str) -> None:
        """A part that `start` has made ends, and can't start again before it is applied anew. Its address stays."""
        self.apply([killed(one) for one in self._manifests(self._components[part]) if one["kind"] == "Pod"])

    def is_held(self, part: str) -> bool:
        """Whether the kubelet has refused to start it; one that is slow to hear of the image may have done so once."""
        pods = self._found(part)
        return bool(pods) and all(is_held(pod) for pod in pods)

    def _found(self, part: str) -> list[dict[str, Any]]:
        """The part's pods as the API server shows them."""
        where = self.where(part)
        selector = ",".join(f"{key}={value}" for key, value in where.labels.items())
        return self._api.list("v1", "Pod", where.namespace, labels=selector)

    def _run(self, parts: Sequence[Component]) -> None:
        made = [one for part in parts for one in self._manifests(part)]
        self.apply(made)
        self.ready(made)
        self.reachable([part.name for part in parts])
        self._ready += [part.name for part in parts]

    def _manifests(self, part: Component) -> list[Manifest]:
        labels, claim = self._labels.get(part.name, {}), self._claims.get(part.name)
        where = self.where(part.name)
        own = component_manifests(part, where, labels, self._binaries, claim=claim)
        return [*own, *self.reach.manifests(part.name, where)]


def _answering(ports: Iterable[str]) -> list[str]:
    """Ports, those first whose servers answer whoever speaks to them."""
    return sorted(ports, key=lambda port: port not in SPOKEN)
