"""The parts of Thanos as components: sidecar, store gateway, query, compactor.

Each has the port `http` (metrics, readiness) and, but for the compactor, `grpc` (the StoreAPI).
`objstore` is the text of objstore.yml and holds keys: it goes into a file of mode 0600.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fawkes.harness.model import Component, Ready

OBJSTORE_FILE: Final = "objstore.yml"
REPLICA_LABELS: Final = ("prometheus_replica", "rule_replica")
"""What Thanos Query leaves out to make one series of two replicas': the operator's label for each Prometheus, and the
one by which rulers are told apart."""

_INDEX_CACHE: Final = "{type: IN-MEMORY, config: {max_size: 32MB, max_item_size: 8MB}}"
_CHUNK_POOL: Final = "64MB"
"""Store gateway caches. Thanos' defaults (250MB, 2GB) are bounds for a server; the test data is a few megabytes."""
_SYNC_BLOCKS: Final = "1s"
"""How often the store gateway looks for blocks (default 15m): what waits for a block waits for this."""


@dataclass(frozen=True, slots=True)
class BucketRetention:
    """How long the compactor keeps samples of each resolution, in Prometheus' notation; "0d" is for ever."""

    raw: str = "0d"
    five_minutes: str = "0d"
    one_hour: str = "0d"


def sidecar(
    name: str,
    *,
    binary: Path,
    directory: Path,
    ports: Mapping[str, int],
    prometheus_name: str,
    prometheus_url: str,
    tsdb: Path,
    objstore: str,
) -> Component:
    """Part `name` beside one Prometheus: serves its recent samples and uploads its finished blocks from `tsdb`."""
    return _part(
        name,
        app=name.rpartition("-")[0],
        argv=(
            *(str(binary), "sidecar"),
            f"--prometheus.url={prometheus_url}",
            f"--tsdb.path={tsdb}",
            f"--objstore.config-file={directory / OBJSTORE_FILE}",
        ),
        ports=ports,
        files={OBJSTORE_FILE: objstore},
        after=(prometheus_name,),
    )


def store(
    name: str, *, binary: Path, directory: Path, ports: Mapping[str, int], objstore: str, after: Sequence[str] = ()
) -> Component:
    """Part `name`: serves a bucket's blocks. `after` names the job that makes the bucket."""
    return _part(
        name,
        app=_app(name),
        argv=(
            *(str(binary), "store"),
            f"--data-dir={directory / 'data'}",
            f"--objstore.config-file={directory / OBJSTORE_FILE}",
            f"--index-cache.config={_INDEX_CACHE}",
            f"--chunk-pool-size={_CHUNK_POOL}",
            f"--sync-block-duration={_SYNC_BLOCKS}",
        ),
        ports=ports,
        files={OBJSTORE_FILE: objstore},
        after=after,
    )


def query(
    name: str, *, binary: Path, ports: Mapping[str, int], endpoints: Sequence[str], after: Sequence[str] = ()
) -> Component:
    """Part `name`: one PromQL endpoint over the StoreAPIs at `endpoints` (127.0.0.1:PORT), without duplicates.

    Started `after` those it asks, it knows all of them at once; it looks again only every 5 s.
    """
    return _part(
        name,
        app=_app(name),
        argv=(
            *(str(binary), "query"),
            *(f"--query.replica-label={label}" for label in REPLICA_LABELS),
            "--query.auto-downsampling",
            *(f"--endpoint={endpoint}" for endpoint in endpoints),
        ),
        ports=ports,
        after=after,
    )


def compactor(
    name: str,
    *,
    binary: Path,
    directory: Path,
    ports: Mapping[str, int],
    objstore: str,
    retention: BucketRetention,
    wait_interval: str = "5m",
    after: Sequence[str] = (),
) -> Component:
    """Part `name`: compacts, downsamples and expires one bucket's blocks, every `wait_interval` (Thanos' default 5m).

    The learner's 90 days hold for its bucket alone, therefore it has a bucket and a compactor of its own.
    """
    return _part(
        name,
        app=_app(name),
        argv=(
            *(str(binary), "compact", "--wait", f"--wait-interval={wait_interval}"),
            f"--data-dir={directory / 'data'}",
            f"--objstore.config-file={directory / OBJSTORE_FILE}",
            f"--retention.resolution-raw={retention.raw}",
            f"--retention.resolution-5m={retention.five_minutes}",
            f"--retention.resolution-1h={retention.one_hour}",
        ),
        ports=ports,
        files={OBJSTORE_FILE: objstore},
        after=after,
    )


def _app(name: str) -> str:
    """`thanos-store` is its own app; only an ordinal is cut off."""
    stem, _, last = name.rpartition("-")
    return stem if last.isdigit() else name


def _part(
    name: str,
    *,
    app: str,
    argv: tuple[str, ...],
    ports: Mapping[str, int],
    files: Mapping[str, str] | None = None,
    after: Sequence[str] = (),
) -> Component:
    listen = [f"--http-address=127.0.0.1:{ports['http']}"]
    if "grpc" in ports:
        listen.append(f"--grpc-address=127.0.0.1:{ports['grpc']}")
    return Component(
        name=name,
        app=app,
        argv=(*argv, *listen),
        ready=Ready(by="http"),
        ports=dict(ports),
        files=dict(files or {}),
        after=tuple(after),
    )
