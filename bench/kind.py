"""Make the images of a kind cluster and a cluster of them, then take it down: seconds, sizes, memory.

`--cold` makes the images in an empty cache (Debian comes from its mirror); the binaries are never built here. `--ports`
tells what it costs to lead ports of the node to this machine.

Example: .venv/bin/python bench/kind.py
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from fawkes.harness.eventually import RealClock
from fawkes.harness.images.docker import Docker
from fawkes.harness.images.own_engine import running_docker
from fawkes.harness.images.provide import BINARIES, ClusterImages, Stock, image_directory, provide_images
from fawkes.harness.providers.kind.cluster import attach, create
from fawkes.harness.providers.kind.config import cluster_name, kind_config
from fawkes.harness.signals import listen
from fawkes.harness.toolchain import provide

_WITHIN_S = 300
"""Ready in a minute on two cores that others use."""

CLAIM = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: probe}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: probe}
spec:
  containers:
    - name: probe
      image: fawkes/services:local
      command: [python3, -c]
      args: ["import fawkes.fixtures.services.dora.app, time; open('/data/it', 'w'); time.sleep(3600)"]
      readinessProbe: {exec: {command: [test, -e, /data/it]}, periodSeconds: 1}
      volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: probe}}]
"""
"""A pod that is ready when it has imported the DORA service and written on a dynamic volume."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--ports", type=int, nargs="*", default=[], help="clusters with so many, e.g. 1 32 64")
    wish = parser.parse_args()
    listen()
    binaries = {name: binary.path for name, binary in provide(BINARIES, progress=_say).items()}
    with running_docker(environ=os.environ, clock=RealClock(), progress=_say) as docker:
        if wish.cold:
            _make_cold(docker, binaries)
        with _timed("images, as they are in the cache"):
            images = _make(docker, binaries, os.environ)
        stock = Stock(docker, binaries, images)
        _tell_sizes(docker, images)
        _bring_up(stock)
        for number in wish.ports:
            _with_ports(number, stock)


def _make(docker: Docker, binaries: Mapping[str, Path], environ: Mapping[str, str]) -> ClusterImages:
    return provide_images(docker, binaries, environ=environ, clock=RealClock(), progress=lambda _: None)


def _make_cold(docker: Docker, binaries: Mapping[str, Path]) -> None:
    """Seconds from each step's first line to the next one's."""
    marks: list[tuple[float, str]] = []

    def mark(line: str) -> None:
        step = "debian" if line.startswith("debian") else line.partition(" ")[0] + " " + line.split()[1]
        if not marks or marks[-1][1] != step:
            marks.append((time.monotonic(), step))

    with tempfile.TemporaryDirectory(prefix="fawkes-kind-") as cache:
        environ = {**os.environ, "XDG_CACHE_HOME": cache}
        images = provide_images(docker, binaries, environ=environ, clock=RealClock(), progress=mark)
    docker.remove(images.node)
    marks.append((time.monotonic(), ""))
    for (at_s, step), (next_s, _) in itertools.pairwise(marks):
        _say(f"cold: {step:30} {next_s - at_s:7.1f} s")
    _say(f"cold: everything {'':19} {marks[-1][0] - marks[0][0]:7.1f} s")


def _tell_sizes(docker: Docker, images: ClusterImages) -> None:
    node_bytes = int(_run([docker.client, "image", "inspect", "--format", "{{.Size}}", images.node], docker.environ))
    _say(f"node image {'':25} {node_bytes / 2**20:7.0f} MiB")
    for path in sorted(image_directory(os.environ).glob("*.tar")):
        _say(f"{path.name:36} {path.stat().st_size / 2**20:7.0f} MiB")


def _bring_up(stock: Stock) -> None:
    """As a run does it; the cluster is said to be made when its own pods are ready and our services are loaded."""
    with tempfile.TemporaryDirectory(prefix="fawkes-kind-") as state:
        environ = {**os.environ, "XDG_STATE_HOME": state}
        name = cluster_name(f"bench-{os.getpid()}")
        with _timed("cluster ready, services loaded"):
            made = create(
                name,
                docker=stock.docker,
                images=stock.images,
                binaries=stock.binaries,
                fixed_ports={},
                environ=environ,
                clock=RealClock(),
                progress=lambda _: None,
            )
        try:
            with _timed("attached to"):
                attach(name, environ=environ)
            with _timed("a service of ours, on a volume"):
                made.call_kubectl(["apply", "-f", "-"], CLAIM)
                ready = ["wait", "pod/probe", "--for=condition=Ready", "--timeout=300s"]
                made.call_kubectl(ready, within_s=_WITHIN_S)
            stats = [stock.docker.client, "stats", "--no-stream", "--format", "{{.MemUsage}}", made.node]
            _say(f"memory of the node: {_run(stats, stock.docker.environ).strip()}")
        finally:
            with _timed("cluster deleted"):
                made.close()


def _with_ports(number: int, stock: Stock) -> None:
    """kind alone, with so many ports of the node on this machine."""
    name = cluster_name(f"bench-{os.getpid()}-{number}")
    kind, proxies_before = str(stock.binaries["kind"]), set(_proxies())
    path = f"{Path(stock.docker.client).parent}:{os.environ.get('PATH', os.defpath)}"
    with tempfile.TemporaryDirectory(prefix="fawkes-kind-") as scratch:
        config = Path(scratch) / "kind.yaml"
        config.write_text(kind_config({}, range(30_100, 30_100 + number)))
        environ = {**stock.docker.environ, "PATH": path, "KUBECONFIG": f"{scratch}/kubeconfig"}
        try:
            with _timed(f"{number} ports: created, node Ready"):
                of = ["--image", stock.images.node, "--config", str(config), "--wait", f"{_WITHIN_S}s"]
                _run([kind, "create", "cluster", "--name", name, *of], environ)
            proxies = set(_proxies()) - proxies_before
            own_bytes = sum(psutil.Process(pid).memory_full_info().pss for pid in proxies)
            _say(f"{number} ports: {len(proxies)} proxies, {own_bytes / 2**20:.0f} MiB of their own")
        finally:
            with _timed(f"{number} ports: deleted"):
                _run([kind, "delete", "cluster", "--name", name], environ)


def _proxies() -> list[int]:
    return [process.pid for process in psutil.process_iter(["name"]) if process.info["name"] == "docker-proxy"]


@contextlib.contextmanager
def _timed(what: str) -> Iterator[None]:
    began_s = time.monotonic()
    yield
    _say(f"{what:36} {time.monotonic() - began_s:7.1f} s")


def _run(argv: list[str], environ: Mapping[str, str]) -> str:
    done = subprocess.run(argv, env=dict(environ), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
