"""Puts data into a part's volume before the part runs: forged history, for example."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from fawkes.harness.errors import ProviderError
from fawkes.harness.eventually import Clock
from fawkes.harness.images.catalogue import SERVICES
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.kubernetes.apply import apply, delete
from fawkes.harness.kubernetes.pods import CONTAINER, NOBODY, POD
from fawkes.harness.kubernetes.waiting import wait_ready
from fawkes.harness.operator.objects import Manifest, name_of

_VOLUME: Final = "/volume"
_COPY_WITHIN_S: Final = 300.0
"""Thirteen months are 60 MB here and take 3 s; five minutes are for a slow disk."""


def seed(
    api: Api,
    kubectl: Sequence[str],
    source: Path,
    *,
    namespace: str,
    claim: str,
    below: str = "",
    labels: dict[str, str],
    clock: Clock,
) -> None:
    """Make the volume `claim` and copy what is in `source` into it, into its folder `below`.

    `labels` are the ones the claim's owner would give it. `kubectl`: the command with the cluster's flags.
    ProviderError when the copy fails.
    """
    volume, pod = _claim(namespace, claim, labels), _pod(namespace, claim, below)
    apply(api, [volume, pod], clock=clock)
    wait_ready(api, [pod], clock=clock)
    target = f"{_VOLUME}/{below}"
    argv = [*kubectl, "exec", "-i", "-n", namespace, pod["metadata"]["name"], "--", "tar", "-xf", "-", "-C", target]
    try:
        done = subprocess.run(argv, input=_packed(source), capture_output=True, timeout=_COPY_WITHIN_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise ProviderError(
            f"data of {claim} was not copied in {_COPY_WITHIN_S:g} s; is the node's disk full?"
        ) from error
    if done.returncode:
        raise ProviderError(f"data of {claim} could not be copied: {done.stderr.decode(errors='replace').strip()}")
    delete(api, [pod], clock=clock)


def claim_of(owner: Manifest, pod: str) -> str:
    """The name that the operator's StatefulSet gives to the volume of one pod of a Prometheus object."""
    return f"prometheus-{name_of(owner)}-db-{pod}"


PROMETHEUS_FOLDER: Final = "prometheus-db"
"""Where in its volume the operator has Prometheus keep its data (subPath)."""


def _claim(namespace: str, name: str, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }


def _pod(namespace: str, claim: str, below: str) -> dict[str, Any]:
    """Has the volume and waits to be told."""
    made = f"mkdir -p {_VOLUME}/{below} && exec sleep infinity"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"seed-{claim}", "namespace": namespace},
        "spec": {
            **POD,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    **CONTAINER,
                    "name": "seed",
                    "image": SERVICES,
                    "command": ["sh", "-c", made],
                    "volumeMounts": [{"name": "volume", "mountPath": _VOLUME}],
                }
            ],
            "volumes": [{"name": "volume", "persistentVolumeClaim": {"claimName": claim}}],
        },
    }


def _packed(source: Path) -> bytes:
    """Everything below `source` as a tar, owned by the user who will read it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for entry in sorted(source.iterdir()):
            tar.add(entry, arcname=entry.name, filter=_owned_by_nobody)
    return buffer.getvalue()


def _owned_by_nobody(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = NOBODY
    return entry
