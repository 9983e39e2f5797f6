"""What a crashed harness has left in Docker goes, and nothing else, on a real engine with containers that never ran."""

import io
import os
import subprocess
import tarfile
from dataclasses import asdict

import psutil
import pytest

from fawkes.harness.eventually import RealClock
from fawkes.harness.images.freezer import freezer
from fawkes.harness.providers.kind.leftovers import reclaim, remove
from fawkes.harness.providers.kind.record import Record

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

OURS, BESIDE = f"fawkes-left-{os.getpid()}", f"fawkes-left-{os.getpid()}-b"
"""The second name begins with the first: a prefix is not a name."""
IMAGE = f"fawkes-test/empty:{os.getpid()}"


def record(name, network):
    return Record(name, network, os.environ.get("DOCKER_HOST"), "image", "services.tar", "kind", "kubectl")


@pytest.fixture
def before(call, everything):
    """Two clusters of one node each with a volume, in a network each; a stranger's container and volume."""
    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w").close()
    call("import", "-", IMAGE, given=empty.getvalue())
    was = everything()
    made = []
    for name in (OURS, BESIDE):
        call("network", "create", name)
        label = f"io.x-k8s.kind.cluster={name}"
        made += call("create", "--network", name, "--volume", "/var", "--label", label, "--name", name, IMAGE, "true")
    stranger = f"stranger-{os.getpid()}"
    call("create", "--volume", "/var", "--name", stranger, IMAGE, "true")
    yield was
    for name in (OURS, BESIDE, stranger):
        subprocess.run(["docker", "rm", "--force", "--volumes", name], capture_output=True, check=False)
        subprocess.run(["docker", "network", "rm", name], capture_output=True, check=False)
    call("image", "rm", IMAGE)


def test_a_clusters_containers_volumes_and_network_go_and_nothing_else(docker, everything, before):
    full = everything()
    remove(docker, record(OURS, OURS))
    left = everything()
    assert full["containers"] - left["containers"] == {OURS}
    assert full["networks"] - left["networks"] == {OURS}
    assert len(full["volumes"] - left["volumes"]) == 1
    remove(docker, record(BESIDE, BESIDE))
    assert len(everything()["volumes"] - before["volumes"]) == 1, "the stranger's"


def test_gc_removes_what_the_ledger_tells_and_is_content_when_it_is_gone(docker, everything, before):
    for _ in range(2):
        reclaim(asdict(record(OURS, OURS)), environ=os.environ, clock=RealClock(), progress=lambda _: None)
        assert OURS not in everything()["containers"] | everything()["networks"]
    assert BESIDE in everything()["containers"]


@pytest.mark.skipif(freezer() is None, reason="no freezer of cgroup v1 here")
def test_a_node_goes_in_which_a_process_was_frozen_when_all_was_killed(docker, everything, before, call, stock):
    """As kind leaves it when it is killed while the runtime in the node sets the limits of a pod."""
    label = f"io.x-k8s.kind.cluster={OURS}"
    of = ["--network", OURS, "--label", label, "--volume", "/var", "--entrypoint", "sh", stock.images.node]
    (container,) = call("run", "--detach", *of, "-c", "sleep 1000 & wait")
    words = call("top", container, "-o", "pid,comm")
    sleeper = words[words.index("sleep") - 1]
    (group,) = freezer().rglob(f"*{container}*")
    inner = group / "pod"
    inner.mkdir()
    (inner / "cgroup.procs").write_text(sleeper)
    (inner / "freezer.state").write_text("FROZEN")
    try:
        remove(docker, record(OURS, OURS))
    finally:
        if inner.exists():
            (inner / "freezer.state").write_text("THAWED")
    assert not psutil.pid_exists(int(sleeper))
    assert OURS not in everything()["networks"]
    assert not docker.containers(f"label={label}")
