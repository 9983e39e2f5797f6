"""A kind cluster as the place where platforms stand, one after the other."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

from fawkes.harness.blueprint import Blueprint
from fawkes.harness.eventually import RealClock
from fawkes.harness.images.catalogue import SERVICES, SERVICES_BEFORE
from fawkes.harness.images.debian import lacking
from fawkes.harness.images.docker import Unusable, look
from fawkes.harness.images.provide import provide_before
from fawkes.harness.inventory import EXPORTERS
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.kubernetes.apply import apply
from fawkes.harness.kubernetes.node_ports import NodePorts
from fawkes.harness.kubernetes.platform import namespaces
from fawkes.harness.kubernetes.policy_trial import NAMESPACE, why_not_enforced
from fawkes.harness.kubernetes.site import ClusterSite
from fawkes.harness.kubernetes.stack import install_operator, provide_bundle
from fawkes.harness.operator.objects import load_objects
from fawkes.harness.places import PLATFORM
from fawkes.harness.prefix import NO_PREFIX
from fawkes.harness.providers.base import Provider
from fawkes.harness.providers.kind.cluster import Cluster
from fawkes.harness.providers.kind.config import NODE_PORTS
from fawkes.harness.providers.kind.pair import Pair, PairReach
from fawkes.harness.providers.kind.pair_site import ASKED_IN_DOJO, PairSite, bucket_beside
from fawkes.harness.providers.kind.provider import KindProvider
from fawkes.harness.providers.kind.session import cluster_beside, kind_cluster
from fawkes.harness.toolchain.pins import pins
from fawkes.harness.venue import Opening, refuse_unknown_ports

_PINNED: Final = ("kind", "prometheus-operator", *EXPORTERS)
"""What a run here has besides, in the versions of its images."""


class KindVenue:
    """The operator is installed once; each platform has the same namespaces, so there is one at a time."""

    provider: ClassVar[type[Provider]] = KindProvider
    at_a_time: ClassVar[int | None] = 1
    has_exporters: ClassVar[bool] = True
    prefix = NO_PREFIX

    def __init__(
        self,
        cluster: Cluster,
        api: Api,
        binaries: Mapping[str, Path],
        fixed: Mapping[int, tuple[str, str]],
        until_closed: contextlib.ExitStack,
        progress: Callable[[str], None],
    ) -> None:
        """`fixed`: port of the node that is kept for a port of a part. `until_closed` is closed with the venue."""
        self._cluster, self._api, self._binaries = cluster, api, binaries
        self._fixed, self._stack, self._progress = fixed, until_closed, progress

    @classmethod
    def obstacle(cls, environ: Mapping[str, str]) -> str | None:
        if isinstance(engine := look(environ), Unusable):
            return f"no kind cluster here: {engine.found}; {engine.remedy}"
        return f"no kind cluster here: {remedy}" if (remedy := lacking(environ)) is not None else None

    @classmethod
    def open(cls, opening: Opening) -> KindVenue:
        clock, environ = RealClock(), os.environ
        fixed = dict(zip(NODE_PORTS, opening.fixed_ports, strict=False))
        with contextlib.ExitStack() as stack:
            cluster = stack.enter_context(
                kind_cluster(
                    opening.run_id,
                    reuse=opening.reuse,
                    fixed_ports={node_port: opening.fixed_ports[wished] for node_port, wished in fixed.items()},
                    environ=environ,
                    clock=clock,
                    progress=opening.progress,
                )
            )
            api = Api(cluster.kubeconfig, keys=cluster.kubeconfig.parent)
            stack.callback(api.close)
            _install_operator(api, clock, opening.progress)
            return cls(cluster, api, opening.binaries, fixed, stack.pop_all(), opening.progress)

    def versions(self) -> Mapping[str, str]:
        known = pins()
        return {"kubernetes": self._api.version().lstrip("v"), **{name: known[name].version for name in _PINNED}}

    def lacks(self, ability: str) -> str | None:
        return why_not_enforced(self._api, NAMESPACE, clock=RealClock())

    def site(self, directory: Path, blueprint: Blueprint, clock: RealClock) -> ClusterSite:
        refuse_unknown_ports(dict.fromkeys(self._fixed.values(), 0), blueprint)
        if blueprint.older:
            self._stock_before(clock)
        reach = NodePorts(self._cluster.host_ports, self._fixed)
        provider = KindProvider(self._api, self._cluster, binaries=self._binaries, reach=reach, clock=clock)
        kubectl = [self._cluster.record.kubectl, "--kubeconfig", str(self._cluster.kubeconfig)]
        if blueprint.two_clusters:
            return self._site_of_two(directory, blueprint, clock, kubectl)
        return ClusterSite(
            directory, blueprint, clock=clock, binaries=self._binaries, provider=provider, kubectl=kubectl
        )

    def _site_of_two(
        self, directory: Path, blueprint: Blueprint, clock: RealClock, kubectl: Sequence[str]
    ) -> ClusterSite:
        """The dojo's cluster is made for the scenario and goes with its site."""
        beside = contextlib.ExitStack()
        self._stack.callback(beside.close)
        cluster = beside.enter_context(
            cluster_beside(self._cluster, "dojo", environ=os.environ, clock=clock, progress=self._progress)
        )
        api = Api(cluster.kubeconfig, keys=cluster.kubeconfig.parent)
        beside.callback(api.close)
        _install_operator(api, clock, self._progress)
        here, there = NodePorts(self._cluster.host_ports, self._fixed), NodePorts(cluster.host_ports)
        provider = Pair(
            self._api,
            self._cluster,
            binaries=self._binaries,
            reach=PairReach(here, there),
            clock=clock,
            dojo=KindProvider(api, cluster, binaries=self._binaries, reach=there, clock=clock),
            dojo_cluster=cluster,
        )
        apply(api, bucket_beside(self._cluster.address(), here.node_port("minio-0", "http")), clock=clock)
        return PairSite(
            directory,
            blueprint,
            clock=clock,
            binaries=self._binaries,
            provider=provider,
            kubectl=kubectl,
            dojo_addresses={app: f"{cluster.address()}:{there.node_port(f'{app}-0', 'grpc')}" for app in ASKED_IN_DOJO},
            beside=beside,
        )

    def _stock_before(self, clock: RealClock) -> None:
        """The images of the version before, in the node."""
        self._cluster.load(provide_before(environ=os.environ, clock=clock, progress=self._progress))
        self._cluster.call_it(SERVICES, SERVICES_BEFORE)

    def close(self) -> None:
        self._stack.close()


def _install_operator(api: Api, clock: RealClock, progress: Callable[[str], None]) -> None:
    progress("installing the operator")
    bundle = provide_bundle(environ=os.environ, clock=clock, progress=progress)
    install_operator(api, bundle, namespaces(list(load_objects(PLATFORM))), clock=clock)
