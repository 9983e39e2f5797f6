"""A command beside a Docker: it is told where that is, and its exit code is ours."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def call(environ, *command):
    argv = [sys.executable, "-m", "fawkes.harness.images", *command]
    return subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)


def test_the_command_ends_as_it_would_alone_where_a_docker_answers(environ, install):
    install("docker", "echo server=27.3.1")
    done = call(environ, "sh", "-c", "echo ${DOCKER_HOST:-none}; exit 7")
    assert (done.returncode, done.stdout) == (7, "none\n")


def test_where_no_docker_can_be_it_is_not_run(environ, tmp_path):
    done = call({**environ, "PATH": str(tmp_path)}, "/bin/touch", str(tmp_path / "ran"))
    assert done.returncode == 3
    assert "install Docker" in done.stderr
    assert not (tmp_path / "ran").exists()


def test_a_command_that_there_is_not_is_told(environ, install):
    install("docker", "echo server=27.3.1")
    done = call(environ, "no-such-command")
    assert done.returncode == 3
    assert "no-such-command" in done.stderr
