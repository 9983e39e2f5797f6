"""The engine of our own: shares nothing with another's, is shared by all who use it, and ends with the last of them."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from engine_of_files import CLIENT
from fawkes.harness.errors import NoPlaceError
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.images import own_engine
from fawkes.harness.images.docker import Answering, Unusable, engine_directory, look
from fawkes.harness.images.own_engine import KEEPER, lock_file, running_docker, taken

pytestmark = pytest.mark.slow

USER = """
import os, sys
from fawkes.harness.eventually import RealClock
from fawkes.harness.images.own_engine import running_docker
with running_docker(environ=os.environ, clock=RealClock(), progress=lambda line: None):
    print("up", flush=True)
    sys.stdin.read()
"""
"""A harness that uses the engine until its standard input is closed."""
UNSHARED = ("unshare", "--net") if os.geteuid() == 0 else ()
"""A real daemon without a bridge would take away the bridge of one that runs here; it gets a network of its own."""


@pytest.fixture
def use() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a harness that uses the engine; returns when it does."""
    users: list[subprocess.Popen[str]] = []

    def use(environ: dict[str, str], *before: str) -> subprocess.Popen[str]:
        argv = [*before, sys.executable, "-c", USER]
        user = subprocess.Popen(argv, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        users.append(user)
        assert user.stdout is not None
        assert user.stdout.readline() == "up\n"
        return user

    yield use
    for user in users:
        user.kill()
        user.communicate()


def start(environ: dict[str, str], told: list[str] | None = None):
    progress = told.append if told is not None else lambda _: None
    return running_docker(environ=environ, clock=RealClock(), progress=progress)


def of_engine(directory: Path) -> list[str]:
    """Commands that run and name it."""
    running = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    return [line for line in running if str(directory) in line]


def daemon_pid(environ: dict[str, str]) -> int:
    return int((engine_directory(environ) / "dockerd.pid").read_text())


@pytest.mark.usefixtures("as_root")
def test_where_none_answers_our_own_is_up_until_the_block_ends(no_engine: dict[str, str], await_end):
    told: list[str] = []
    with start(no_engine, told) as used:
        directory = engine_directory(no_engine)
        assert used.environ["DOCKER_HOST"] == f"unix://{directory}/docker.sock"
        pid = int((directory / "dockerd.pid").read_text())
    assert told == ["docker: starting the daemon"]
    await_end(no_engine)
    assert not psutil.pid_exists(pid)
    assert isinstance(look(used.environ), Unusable)


@pytest.mark.usefixtures("as_root")
def test_our_own_keeps_everything_below_its_directory(no_engine: dict[str, str]):
    with start(no_engine):
        settings = json.loads((engine_directory(no_engine) / "daemon.json").read_text())
    below = f"{engine_directory(no_engine)}/"
    for name in ("data-root", "exec-root", "pidfile"):
        assert settings[name].startswith(below), name
    assert settings["hosts"] == [f"unix://{below}docker.sock"]
    assert settings["containerd-namespace"] == "fawkes", "a system's containerd may serve the other engine too"
    assert (settings["bridge"], settings["iptables"], settings["ip-forward"]) == ("none", False, False)


@pytest.mark.parametrize("lacks", [True, False])
@pytest.mark.usefixtures("as_root")
def test_a_runtime_of_ours_only_where_the_capability_is_lacking(
    lacks: bool, no_engine: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(own_engine, "lacks_sys_resource", lambda status: lacks)
    with start(no_engine):
        settings = json.loads((engine_directory(no_engine) / "daemon.json").read_text())
    assert ("default-runtime" in settings) is lacks


@pytest.mark.usefixtures("as_root")
def test_a_daemon_that_ends_is_told_with_its_last_words(no_engine: dict[str, str], install):
    install("dockerd", "echo no overlay here; exit 7")
    with (
        pytest.raises(
            NoPlaceError,
            match=r"(?s)no daemon can be started here.*ended with 7; the end of .*dockerd.log:\nno overlay here",
        ),
        start(no_engine),
    ):
        pass


@pytest.mark.usefixtures("as_root")
def test_containers_that_a_killed_harness_left_in_our_own_are_gone(no_engine: dict[str, str]):
    containers = Path(no_engine["HOME"]) / "containers"
    containers.mkdir(parents=True)
    for name in ("one", "two"):
        (containers / name).touch()
    with start(no_engine):
        assert not list(containers.iterdir())


def test_containers_of_an_engine_that_answers_are_never_touched(no_engine: dict[str, str], install):
    install("docker", CLIENT.replace("[ -S", "true || [ -S"))
    containers = Path(no_engine["HOME"]) / "containers"
    containers.mkdir(parents=True)
    (containers / "someone's").touch()
    with start(no_engine):
        pass
    assert [path.name for path in containers.iterdir()] == ["someone's"]


@pytest.mark.usefixtures("as_root")
def test_a_process_file_of_a_stranger_does_not_matter(no_engine: dict[str, str]):
    directory = engine_directory(no_engine)
    directory.mkdir(parents=True)
    (directory / "dockerd.pid").write_text(str(os.getpid()))
    with start(no_engine) as used:
        assert isinstance(look(used.environ), Answering)


@pytest.mark.usefixtures("as_root")
def test_what_the_last_user_leaves_behind_is_gone_when_the_engine_has_ended(no_engine: dict[str, str], await_end):
    containers = Path(no_engine["HOME"]) / "containers"
    containers.mkdir(parents=True)
    with start(no_engine):
        (containers / "left").touch()
    await_end(no_engine)
    assert not list(containers.iterdir())


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts a daemon")


@needs_root
def test_who_comes_while_it_runs_shares_it_and_takes_nothing_away(no_engine: dict[str, str], use):
    containers = Path(no_engine["HOME"]) / "containers"
    containers.mkdir(parents=True)
    use(no_engine)
    pid = daemon_pid(no_engine)
    (containers / "the first's").touch()
    told: list[str] = []
    with start(no_engine, told):
        assert daemon_pid(no_engine) == pid
    assert told == []
    assert [path.name for path in containers.iterdir()] == ["the first's"]


@needs_root
def test_it_goes_on_when_who_started_it_ends(no_engine: dict[str, str], use, await_end):
    first, second = use(no_engine), use(no_engine)
    pid = daemon_pid(no_engine)
    first.communicate()
    with start(no_engine):
        assert daemon_pid(no_engine) == pid
    second.communicate()
    await_end(no_engine)
    assert not psutil.pid_exists(pid)


@needs_root
def test_it_ends_when_all_who_use_it_are_killed(no_engine: dict[str, str], use, await_end):
    users = use(no_engine), use(no_engine)
    pid = daemon_pid(no_engine)
    for user in users:
        user.send_signal(signal.SIGKILL)
    await_end(no_engine)
    assert not psutil.pid_exists(pid)


@needs_root
def test_it_is_started_anew_when_its_keeper_was_killed(no_engine: dict[str, str], use):
    use(no_engine)
    daemon = psutil.Process(daemon_pid(no_engine))
    daemon.parent().kill()
    with lock_file(engine_directory(no_engine) / KEEPER) as keeper:
        eventually("it to be dead", lambda: taken(keeper, fcntl.LOCK_EX), bool, within_s=5, clock=RealClock())
    with start(no_engine) as used:
        assert isinstance(look(used.environ), Answering)
        assert daemon_pid(no_engine) != daemon.pid


@needs_root
@pytest.mark.skipif(shutil.which("dockerd") is None, reason="no dockerd on PATH")
def test_the_real_daemon_serves_two_outlives_the_first_and_dies_with_the_second(
    environ: dict[str, str], use, await_end
):
    environ["DOCKER_CONTEXT"] = "default"
    environ["PATH"] = f"{environ['PATH']}:/usr/sbin:/sbin"
    directory = engine_directory(environ)
    (directory / "exec" / "containerd").mkdir(parents=True)
    (directory / "exec" / "containerd" / "containerd.pid").write_text(str(os.getpid()))  # of before a reboot
    first, second = use(environ, *UNSHARED), use(environ, *UNSHARED)
    pid = daemon_pid(environ)
    asked = {**environ, "DOCKER_HOST": f"unix://{directory}/docker.sock"}
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert isinstance(look(asked), Answering)
    subprocess.run(["docker", "network", "create", "left"], env=asked, check=True, capture_output=True)
    second.send_signal(signal.SIGKILL)
    await_end(environ)
    assert not psutil.pid_exists(pid)
    eventually(
        "its processes to be gone", lambda: of_engine(directory), lambda left: not left, within_s=5, clock=RealClock()
    )


def test_who_cannot_start_it_is_told_who_can(no_engine: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    own = own_engine.own_engine(environ=no_engine, clock=RealClock(), progress=lambda _: None)
    with pytest.raises(NoPlaceError, match=r"only root with dockerd on PATH"), own:
        pass
