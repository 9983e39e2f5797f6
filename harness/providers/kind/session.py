"""The cluster of a whole run: made first and removed last by the process that leads the run; its workers attach."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from fawkes.harness.eventually import Clock
from fawkes.harness.extras import require_kind
from fawkes.harness.images.provide import ClusterImages, provide_services, stocked
from fawkes.harness.providers.kind.cluster import Cluster, attach, create
from fawkes.harness.providers.kind.config import PREFIX, cluster_name


@contextlib.contextmanager
def kind_cluster(
    run_id: str,
    *,
    reuse: str | None = None,
    fixed_ports: Mapping[int, int],
    environ: Mapping[str, str],
    clock: Clock,
    progress: Callable[[str], None],
) -> Iterator[Cluster]:
    """A ready cluster until the block ends: one of its own, or the running one called `reuse`, which stays.

    Builds binaries and images where they are missing. UsageError where the extra is missing or nothing is called
    `reuse`; NoPlaceError where this machine can have no cluster; ProviderError where none came up.
    """
    require_kind()
    if reuse is not None:
        cluster = attach(reuse, environ=environ)
        cluster.bring_up_to_date(provide_services(environ=environ, clock=clock, progress=progress))
        yield cluster
        return
    with stocked(source="auto", environ=environ, clock=clock, progress=progress) as stock:
        stock.docker.try_node(stock.images.node)
        cluster = create(
            cluster_name(run_id),
            docker=stock.docker,
            images=stock.images,
            binaries=stock.binaries,
            fixed_ports=fixed_ports,
            environ=environ,
            clock=clock,
            progress=progress,
        )
        try:
            yield cluster
        finally:
            cluster.close()


@contextlib.contextmanager
def cluster_beside(
    cluster: Cluster,
    suffix: str,
    *,
    environ: Mapping[str, str],
    clock: Clock,
    progress: Callable[[str], None],
) -> Iterator[Cluster]:
    """Another cluster of the same make in the same network until the block ends, called as the first with `suffix`.

    Pods of either reach ports of the other's node by the node's name. Whoever is attached to the first may call it.
    ProviderError where there can be none.
    """
    record = cluster.record
    second = create(
        cluster_name(cluster.name.removeprefix(PREFIX), suffix),
        docker=cluster.docker,
        images=ClusterImages(record.image, provide_services(environ=environ, clock=clock, progress=progress)),
        binaries={"kind": Path(record.kind), "kubectl": Path(record.kubectl)},
        fixed_ports={},
        network=record.network,
        environ=environ,
        clock=clock,
        progress=progress,
    )
    try:
        yield second
    finally:
        second.close()
