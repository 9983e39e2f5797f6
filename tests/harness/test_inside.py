"""testinfra's host, on this machine: in time, and without a word in a log."""

import logging
import os

import psutil
import pytest
from testinfra.backend.local import LocalBackend

from fawkes.harness.errors import ProviderError
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.inside import host_on


def alive(process):
    """Not only waiting for somebody to take note of its end."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_a_command_has_an_exit_code_and_two_streams():
    host = host_on(LocalBackend(), {**os.environ, "GIVEN": "yes"})
    done = host.run("echo $GIVEN; echo %s >&2; exit 3", "a b")
    assert (done.rc, done.stdout, done.stderr) == (3, "yes\n", "a b\n")
    assert host.file("/").is_directory


@pytest.mark.slow
def test_what_does_not_end_is_ended_with_its_children(tmp_path):
    host = host_on(LocalBackend(), os.environ, within_s=0.5)
    with pytest.raises(ProviderError, match=r"no answer within 0\.5 s to: .*the machine or the part hangs"):
        host.run("(echo $$ >%s; sleep 60) & wait", str(tmp_path / "pid"))
    group = int((tmp_path / "pid").read_text())
    left = lambda: [one for one in psutil.process_iter() if alive(one) and os.getpgid(one.pid) == group]  # noqa: E731
    eventually("the whole group to end", left, lambda found: not found, within_s=5, clock=RealClock())


def test_what_was_read_is_in_no_log(caplog):
    caplog.set_level(logging.DEBUG)
    assert host_on(LocalBackend(), os.environ).run("echo hush").stdout == "hush\n"
    assert "hush" not in caplog.text
