"""A process that is frozen in a real control group ignores SIGKILL until its container is thawed, and no other is."""

import os
import secrets
import signal
import subprocess
from pathlib import Path

import pytest

from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.images.freezer import freezer, thaw

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or freezer() is None, reason="needs root and the freezer of cgroup v1; v2 has no such trouble"
)


@pytest.fixture
def frozen():
    """Makes a process that is frozen in a control group of this name below the freezer; all of it goes afterwards."""
    made: list[tuple[Path, subprocess.Popen[bytes]]] = []

    def frozen(name: str) -> subprocess.Popen[bytes]:
        group = freezer() / name
        group.mkdir(parents=True)
        process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
        made.append((group, process))
        (group / "cgroup.procs").write_text(str(process.pid))
        (group / "freezer.state").write_text("FROZEN")
        reads = (group / "freezer.state").read_text
        eventually("it to be frozen", reads, lambda state: state == "FROZEN\n", within_s=5, clock=RealClock())
        process.send_signal(signal.SIGKILL)
        return process

    yield frozen
    for group, process in made:
        (group / "freezer.state").write_text("THAWED")
        process.communicate()
        for directory in (group, *group.parents):
            if directory == freezer() or any(path.is_dir() for path in directory.iterdir()):
                break
            eventually("the group to be empty", directory.rmdir, lambda _: True, within_s=5, clock=RealClock())


@pytest.mark.parametrize("shape", ["fawkes-test/{}/kubelet/pod1", "fawkes-test.slice/docker-{}.scope"])
def test_what_was_frozen_when_it_was_killed_dies_when_its_container_is_thawed(shape, frozen):
    ours, beside = secrets.token_hex(32), secrets.token_hex(32)
    process, stranger = frozen(shape.format(ours)), frozen(shape.format(beside))
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    thaw([ours])
    assert process.wait(5) == -signal.SIGKILL
    with pytest.raises(subprocess.TimeoutExpired):
        stranger.wait(0.5)


def test_to_thaw_no_container_is_to_do_nothing(frozen):
    process = frozen("fawkes-test/" + secrets.token_hex(32))
    thaw([])
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
