"""Make the images of a kind cluster and a cluster of them, then take it down: seconds, sizes, memory.

`--cold` makes the images in an empty cache (Debian comes from its mirror); the binaries are never built here.

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

from fawkes.harness.eventually import RealClock
from fawkes.harness.images.docker import Docker, running_docker
from fawkes.harness.images.provide import BINARIES, ClusterImages, image_directory, provide_images
from fawkes.harness.signals import listen
from fawkes.harness.toolchain import provide

_WITHIN = "300s"
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
    wish = parser.parse_args()
    listen()
    binaries = {name: binary.path for name, binary in provide(BINARIES, progress=_say).items()}
    with running_docker(environ=os.environ, clock=RealClock(), progress=_say) as docker:
        if wish.cold:
            _make_cold(docker, binaries)
        began_s = time.monotonic()
        images = _make(docker, binaries, os.environ)
        _say(f"images, as they are in the cache     {time.monotonic() - began_s:7.1f} s")
        _tell_sizes(docker, images)
        _bring_up(docker, binaries, images)


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


def _bring_up(docker: Docker, binaries: Mapping[str, Path], images: ClusterImages) -> None:
    with tempfile.TemporaryDirectory(prefix="fawkes-kind-") as scratch:
        kubeconfig = Path(scratch) / "kubeconfig"
        name = f"fawkes-bench-{os.getpid()}"
        kubectl = [str(binaries["kubectl"]), "--kubeconfig", str(kubeconfig)]
        with cluster(name, kubeconfig, images.node, binaries, docker) as environ:
            with _timed("every pod of the system ready"):
                wait = ["wait", "pods", "--all", "--all-namespaces", "--for=condition=Ready", f"--timeout={_WITHIN}"]
                _run([*kubectl, *wait], environ)
            with _timed("services loaded"):
                load = ["load", "image-archive", str(images.services), "--name", name]
                _run([str(binaries["kind"]), *load], environ)
            with _timed("a service of ours, on a volume"):
                _run([*kubectl, "apply", "-f", "-"], environ, given=CLAIM)
                _run([*kubectl, "wait", "pod/probe", "--for=condition=Ready", f"--timeout={_WITHIN}"], environ)
            stats = [docker.client, "stats", "--no-stream", "--format", "{{.MemUsage}}", f"{name}-control-plane"]
            _say(f"memory of the node: {_run(stats, environ).strip()}")


@contextlib.contextmanager
def cluster(
    name: str, kubeconfig: Path, image: str, binaries: Mapping[str, Path], docker: Docker
) -> Iterator[Mapping[str, str]]:
    """A cluster until the block ends. The environment for kind and kubectl."""
    path = f"{Path(docker.client).parent}:{os.environ.get('PATH', os.defpath)}"
    environ = {**docker.environ, "PATH": path, "KUBECONFIG": str(kubeconfig)}
    kind = str(binaries["kind"])
    try:
        with _timed("cluster created, node Ready"):
            _run([kind, "create", "cluster", "--name", name, "--image", image, "--wait", _WITHIN], environ)
        yield environ
    finally:
        with _timed("cluster deleted"):
            _run([kind, "delete", "cluster", "--name", name], environ)


@contextlib.contextmanager
def _timed(what: str) -> Iterator[None]:
    began_s = time.monotonic()
    yield
    _say(f"{what:36} {time.monotonic() - began_s:7.1f} s")


def _run(argv: list[str], environ: Mapping[str, str], given: str = "") -> str:
    done = subprocess.run(argv, env=dict(environ), input=given, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
