"""A scenario's platform on two clusters: each finds what it needs of the other at ports of the nodes."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fawkes.harness.blueprint import Blueprint
from fawkes.harness.eventually import RealClock
from fawkes.harness.kubernetes.site import ClusterSite
from fawkes.harness.operator.objects import Manifest, Objects
from fawkes.harness.providers.kind.pair import Pair

ASKED_IN_DOJO: Final = {
    "thanos-sidecar-learner": "--endpoint=dnssrv+_grpc._tcp.thanos-sidecar-learner.fawkes-dojo.svc",
    "thanos-store-learner": "--endpoint=dnssrv+_grpc._tcp.thanos-store-learner-grpc.fawkes-dojo.svc",
}
"""App of the dojo that Thanos Query asks -> how it finds it where both are in one cluster."""
_MONITORING: Final = "fawkes-monitoring"
_MINIO_PORT: Final = 9000


def bucket_beside(address: str, port: int) -> list[Manifest]:
    """The platform's object store in the dojo's cluster, under the name by which parts know it.

    `address` and `port`: of the platform's node, as the dojo's pods reach them.
    """
    where = {"name": "minio", "namespace": _MONITORING}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _MONITORING}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": where,
            "spec": {"ports": [{"name": "http", "port": _MINIO_PORT, "targetPort": port}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**where, "labels": {"kubernetes.io/service-name": "minio"}},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": port}],
            "endpoints": [{"addresses": [address]}],
        },
    ]


class PairSite(ClusterSite):
    """The same objects; those of the dojo's namespace are applied to the other cluster by the provider (pair.py)."""

    def __init__(
        self,
        directory: Path,
        blueprint: Blueprint,
        *,
        clock: RealClock,
        binaries: Mapping[str, Path],
        provider: Pair,
        kubectl: Sequence[str],
        dojo_addresses: Mapping[str, str],
        beside: contextlib.ExitStack,
    ) -> None:
        """`dojo_addresses`: app of ASKED_IN_DOJO -> host:port, as pods of the platform's cluster reach it.

        `beside` is closed with the site.
        """
        super().__init__(directory, blueprint, clock=clock, binaries=binaries, provider=provider, kubectl=kubectl)
        self._beside = beside
        self._endpoints = {ASKED_IN_DOJO[app]: f"--endpoint={address}" for app, address in dojo_addresses.items()}

    def close(self) -> None:
        super().close()
        if not self.blueprint.keep_data:
            self._beside.close()

    def _workloads(self) -> Objects:
        def edit(query: dict[str, Any]) -> None:
            (container,) = query["spec"]["template"]["spec"]["containers"]
            container["args"] = [self._endpoints.get(one, one) for one in container["args"]]

        return super()._workloads().edit("Deployment", _MONITORING, "thanos-query", edit)
