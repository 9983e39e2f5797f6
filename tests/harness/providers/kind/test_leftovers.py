"""What a crashed harness has left in Docker goes, and nothing else, on a real engine with containers that never ran."""

import io
import os
import subprocess
import tarfile
from dataclasses import asdict

import pytest

from fawkes.harness.eventually import RealClock
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
