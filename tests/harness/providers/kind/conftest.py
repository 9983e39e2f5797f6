"""The Docker that answers, and one cluster in it for all tests. No Docker is started and no binary built for a test."""

import os
import subprocess

import pytest

from fawkes.harness.eventually import RealClock
from fawkes.harness.images.debian import lacking
from fawkes.harness.images.docker import Answering, Docker, look
from fawkes.harness.images.provide import BINARIES, Stock, provide_images
from fawkes.harness.providers.kind.cluster import create
from fawkes.harness.providers.kind.config import cluster_name
from fawkes.harness.toolchain import Miss, cache_directory, find
from free_ports import free_ports

PODS = """
apiVersion: v1
kind: Namespace
metadata: {name: one}
---
apiVersion: v1
kind: Namespace
metadata: {name: two}
"""
POD = """
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}}}}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: it
      image: fawkes/services:local
      command: [python3, -c]
      args:
        - |
          import http.server, subprocess
          held = bytearray({bytes}); held[::4096] = b"x" * len(held[::4096])
          subprocess.Popen(["sleep", "infinity"])
          http.server.ThreadingHTTPServer(("", 8000), http.server.SimpleHTTPRequestHandler).serve_forever()
      readinessProbe: {{httpGet: {{port: 8000}}, periodSeconds: 1}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  type: NodePort
  selector: {{app: {name}}}
  ports: [{{port: 80, targetPort: 8000, nodePort: {node_port}}}]
"""
"""A process with a child, which answers on a port and holds so much memory."""
HEAVY_BYTES = 200 << 20


@pytest.fixture(scope="session")
def docker() -> Docker:
    found = look(os.environ)
    if not isinstance(found, Answering):
        pytest.skip("no Docker daemon answers")
    return Docker(found.client, os.environ)


@pytest.fixture(scope="session")
def stock(docker) -> Stock:
    if (remedy := lacking(os.environ)) is not None:
        pytest.skip(remedy)
    got = {name: find(name, environ=os.environ, cache_dir=cache_directory(os.environ)) for name in BINARIES}
    if absent := [name for name, one in got.items() if isinstance(one, Miss)]:
        pytest.skip(f"not built: {', '.join(absent)}; run `harness toolchain build --cluster`")
    binaries = {name: one.path for name, one in got.items() if not isinstance(one, Miss)}
    images = provide_images(docker, binaries, environ=os.environ, clock=RealClock(), progress=lambda _: None)
    return Stock(docker, binaries, images)


@pytest.fixture(scope="session")
def call(docker):
    """Ask Docker; the words of its answer."""

    def call(*words, given=b""):
        argv = [docker.client, *words]
        done = subprocess.run(argv, env=dict(docker.environ), input=given, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().split()

    return call


@pytest.fixture(scope="session")
def everything(call):
    """All there is in Docker, by kind."""
    return lambda: {
        "containers": set(call("ps", "--all", "--format", "{{.Names}}")),
        "networks": set(call("network", "ls", "--format", "{{.Name}}")),
        "volumes": set(call("volume", "ls", "--quiet")),
    }


@pytest.fixture(scope="session")
def state(tmp_path_factory):
    """An environment whose state directory is the tests' own, and an empty home."""
    own = tmp_path_factory.mktemp("state")
    return {**os.environ, "XDG_STATE_HOME": str(own), "HOME": str(tmp_path_factory.mktemp("home"))}


@pytest.fixture(scope="session")
def wanted_port():
    """Of this machine, for port 30101 of the node."""
    (port,) = free_ports(1)
    return port


@pytest.fixture(scope="session")
def cluster(stock, state, wanted_port):
    """With four pods that answer: light, heavy and other in namespace one, far in namespace two."""
    made = create(
        cluster_name(f"test-{os.getpid()}"),
        docker=stock.docker,
        images=stock.images,
        binaries=stock.binaries,
        fixed_ports={30_101: wanted_port},
        environ=state,
        clock=RealClock(),
        progress=lambda _: None,
    )
    try:
        pods = [("light", "one", 0), ("heavy", "one", HEAVY_BYTES), ("other", "one", 0), ("far", "two", 0)]
        texts = [
            POD.format(name=name, namespace=namespace, bytes=size, node_port=30_100 + number)
            for number, (name, namespace, size) in enumerate(pods)
        ]
        made.call_kubectl(["apply", "-f", "-"], PODS + "".join(texts))
        for namespace in ("one", "two"):
            ready = ["wait", "pods", "--all", "-n", namespace, "--for=condition=Ready", "--timeout=120s"]
            made.call_kubectl(ready, within_s=150)
        yield made
    finally:
        made.close()
