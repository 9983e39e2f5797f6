"""One replica of an Alertmanager object as a component, with the flags that prometheus-operator v0.85.0 sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fawkes.harness.model import Component, Ready

CONFIG_FILE: Final = "alertmanager.yml"
_DEFAULT_RETENTION: Final = "120h"
"""The CRD's default for how long notifications and silences are remembered."""

_RECONNECT_TIMEOUT: Final = "5m"
"""How long a lost replica is looked for. The operator's, instead of 6h: a pod comes back under another address."""
_CLUSTER_TIMERS: Final = {
    "clusterPeerTimeout": "cluster.peer-timeout",
    "clusterGossipInterval": "cluster.gossip-interval",
    "clusterPushpullInterval": "cluster.pushpull-interval",
}
"""Field of the Alertmanager object -> flag (pkg/alertmanager/operator.go)."""


def alertmanager(
    name: str,
    *,
    binary: Path,
    directory: Path,
    ports: Mapping[str, int],
    spec: Mapping[str, Any],
    files: Mapping[str, str],
    peers: Sequence[str] = (),
    advertise: str = "",
    cluster_label: str = "",
) -> Component:
    """Part `name`, for example `alertmanager-main-0`, on port `http`; `files` are what `render_alertmanager` made.

    With `peers` (127.0.0.1:PORT at which each replica's port `cluster` is reached) the replicas gossip over loopback
    and tell each other what was sent; `advertise` is where they reach this one, `cluster_label` keeps strangers out.
    Without `peers` there is no cluster, as the operator has it for a single replica. Its log tells when each alert came
    in, which nothing else does.
    """
    return Component(
        name=name,
        app=name.rpartition("-")[0],
        argv=(
            str(binary),
            f"--config.file={directory / CONFIG_FILE}",
            f"--storage.path={directory / 'data'}",
            f"--data.retention={spec.get('retention', _DEFAULT_RETENTION)}",
            f"--web.listen-address=127.0.0.1:{ports['http']}",
            "--web.route-prefix=/",
            "--log.level=debug",
            *(
                _cluster_flags(ports["cluster"], spec, peers, advertise, cluster_label)
                if peers
                else ["--cluster.listen-address="]
            ),
        ),
        ready=Ready(by="http"),
        ports=dict(ports),
        files=dict(files),
    )


def _cluster_flags(
    port: int, spec: Mapping[str, Any], peers: Sequence[str], advertise: str, cluster_label: str
) -> list[str]:
    return [
        f"--cluster.listen-address=127.0.0.1:{port}",
        *([f"--cluster.advertise-address={advertise}"] if advertise else []),
        *(f"--cluster.peer={peer}" for peer in peers),
        *([f"--cluster.label={cluster_label}"] if cluster_label else []),
        f"--cluster.reconnect-timeout={_RECONNECT_TIMEOUT}",
        *(f"--{flag}={spec[field]}" for field, flag in _CLUSTER_TIMERS.items() if field in spec),
    ]
