"""One replica of an Alertmanager object as a component, with the flags that prometheus-operator v0.85.0 sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fawkes.harness.model import Component, Ready

CONFIG_FILE: Final = "alertmanager.yml"
_DEFAULT_RETENTION: Final = "120h"
"""The CRD's default for how long notifications and silences are remembered."""


def alertmanager(
    name: str,
    *,
    binary: Path,
    directory: Path,
    ports: Mapping[str, int],
    spec: Mapping[str, Any],
    files: Mapping[str, str],
    peers: Sequence[str] = (),
) -> Component:
    """Part `name`, for example `alertmanager-main-0`, on port `http`; `files` are what `render_alertmanager` made.

    With `peers` (127.0.0.1:PORT of every replica's port `cluster`) the replicas gossip over loopback and tell each
    other what was sent; without, there is no cluster, as the operator has it for a single replica.
    """
    cluster = f"127.0.0.1:{ports['cluster']}" if peers else ""
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
            f"--cluster.listen-address={cluster}",
            *(f"--cluster.peer={peer}" for peer in peers),
        ),
        ready=Ready(by="http"),
        ports=dict(ports),
        files=dict(files),
    )
