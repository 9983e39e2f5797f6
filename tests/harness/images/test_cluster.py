"""A real cluster of the images: its node, every pod of its system, a volume, a service of ours; and nothing after it."""

import json
import os
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from fawkes.harness.eventually import RealClock
from fawkes.harness.images.debian import lacking
from fawkes.harness.images.docker import Answering, Docker, look
from fawkes.harness.images.provide import BINARIES, ClusterImages, provide_images
from fawkes.harness.toolchain import Miss, cache_directory, find, pins

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

NAME = f"fawkes-test-{os.getpid()}"


@pytest.fixture(scope="module")
def docker() -> Docker:
    """The engine that answers. Binaries are not built for a test, and no daemon is started."""
    found = look(os.environ)
    if not isinstance(found, Answering):
        pytest.skip("no Docker daemon answers")
    if (remedy := lacking(os.environ)) is not None:
        pytest.skip(remedy)
    return Docker(found.client, os.environ)


@pytest.fixture(scope="module")
def binaries() -> dict[str, Path]:
    got = {name: find(name, environ=os.environ, cache_dir=cache_directory(os.environ)) for name in BINARIES}
    if absent := [name for name, one in got.items() if isinstance(one, Miss)]:
        pytest.skip(f"not built: {', '.join(absent)}; run `harness toolchain build --cluster`")
    return {name: one.path for name, one in got.items() if not isinstance(one, Miss)}


@pytest.fixture(scope="module")
def bench() -> Iterator[object]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[3] / "bench")
        yield import_module("kind")


@pytest.fixture(scope="module")
def images(docker: Docker, binaries: dict[str, Path]) -> ClusterImages:
    return provide_images(docker, binaries, environ=os.environ, clock=RealClock(), progress=lambda _: None)


def run(argv: list[str | Path], environ=os.environ, given: str = "") -> str:
    done = subprocess.run(
        argv, env=dict(environ), input=given, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_cluster_of_the_images_runs_pods_on_volumes_and_is_gone_afterwards(docker, binaries, bench, images, tmp_path):
    kubectl = [binaries["kubectl"]]
    wait = ["--for=condition=Ready", "--timeout=180s"]
    with bench.cluster(NAME, tmp_path / "kubeconfig", images.node, binaries, docker) as environ:
        run([*kubectl, "wait", "pods", "--all", "--all-namespaces", *wait], environ)
        run([binaries["kind"], "load", "image-archive", images.services, "--name", NAME], environ)
        run([*kubectl, "apply", "-f", "-"], environ, bench.CLAIM)
        run([*kubectl, "wait", "pod/probe", *wait], environ)
        claim = json.loads(run([*kubectl, "get", "pvc", "probe", "-o", "json"], environ))
        pods = json.loads(run([*kubectl, "get", "pods", "-A", "-o", "json"], environ))["items"]
        (node,) = json.loads(run([*kubectl, "get", "nodes", "-o", "json"], environ))["items"]
        listed = run([docker.client, "ps", "--format", "{{.Names}}"])
    assert claim["status"]["phase"] == "Bound"
    assert node["status"]["nodeInfo"]["kubeletVersion"] == f"v{pins()['kubelet'].version}"
    assert {"coredns", "kube-proxy", "etcd", "local-path-provisioner", "probe"} <= {
        container["name"] for pod in pods for container in pod["spec"]["containers"]
    }
    assert f"{NAME}-control-plane" in listed
    assert NAME not in run([docker.client, "ps", "--all", "--format", "{{.Names}}"])
