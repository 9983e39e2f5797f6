"""What is written down about a cluster before it is made, so that it can be found and removed by anybody."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fawkes.harness.errors import UsageError
from fawkes.harness.ledger import state_directory


@dataclass(frozen=True, slots=True)
class Record:
    """One cluster."""

    name: str
    network: str
    """Docker's, made with the cluster; several clusters of a run may share one."""
    docker_host: str | None
    """The engine it runs in; None for the one that the docker client finds by itself."""
    image: str
    """Of the node."""
    services: str
    """The archive of our own images, loaded into it."""
    kind: str
    kubectl: str

    def containers(self) -> str:
        """The filter that its containers pass in Docker: kind's own label."""
        return f"label=io.x-k8s.kind.cluster={self.name}"

    def write(self, directory: Path) -> None:
        """Into the cluster's directory, which must exist."""
        (directory / _FILE).write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Record:
        """Back from the ledger or the cluster's directory."""
        return cls(**entry)


_FILE = "cluster.json"


def clusters_directory(environ: Mapping[str, str]) -> Path:
    """Below it each cluster has a directory of its name: record, kind's configuration, kubeconfig."""
    return state_directory(environ) / "clusters"


def read_record(name: str, *, environ: Mapping[str, str] = os.environ) -> Record:
    """The record of a cluster of this user's. UsageError, naming those there are, where there is none."""
    directory = clusters_directory(environ)
    ours = sorted(path.parent.name for path in directory.glob(f"*/{_FILE}"))
    if name not in ours:
        there = f"there are {', '.join(ours)}" if ours else "there is none"
        raise UsageError(
            f"{name}: no cluster that a harness of this user made, and no other is touched ({there}); "
            "`harness up --on kind` makes one"
        )
    return Record.of(json.loads((directory / name / _FILE).read_text()))
