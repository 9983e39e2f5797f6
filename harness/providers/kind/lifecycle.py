"""`python -m fawkes.harness.providers.kind.lifecycle create|delete JSON`: pytest-kind, in a process of its own.

pytest-kind takes its engine from the environment, works in the current directory and lets kind write to our terminal;
and it is GPLv3+. A child process with an environment and a directory of its own keeps all that apart.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from pytest_kind import KindCluster

from fawkes.harness.providers.kind.wish import READY_WITHIN_S, Wish

_NAMES: Final = Path(__file__).with_name("names.yaml")
_COREDNS: Final = ("deployment/coredns", "--namespace=kube-system")


def _cluster(wish: Wish) -> KindCluster:
    return KindCluster(wish.name, Path(wish.kubeconfig), wish.image, Path(wish.kind), Path(wish.kubectl))


def create(wish: Wish) -> None:
    """Returns when names are resolved and volumes are made in it. CalledProcessError when a command fails."""
    cluster = _cluster(wish)
    cluster.create(wish.config)
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "--filename", str(_NAMES))
    cluster.kubectl("rollout", "restart", *_COREDNS)
    for archive in wish.archives:
        subprocess.run([wish.kind, "load", "image-archive", archive, "--name", wish.name], check=True)
    within = f"--timeout={READY_WITHIN_S}s"
    cluster.kubectl("wait", "node", "--all", "--for=condition=Ready", within)
    cluster.kubectl("rollout", "status", *_COREDNS, within)
    cluster.kubectl("wait", "deployment", "--all", "--all-namespaces", "--for=condition=Available", within)
    cluster.kubectl("get", "storageclass", "standard")


def delete(wish: Wish) -> None:
    """CalledProcessError when Docker refuses."""
    _cluster(wish).delete()


def main(argv: list[str]) -> int:
    """0, or the exit code of the command that failed; it has said why."""
    deed, words = argv
    try:
        {"create": create, "delete": delete}[deed](Wish(**json.loads(words)))
    except subprocess.CalledProcessError as error:
        return int(error.returncode) or 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
