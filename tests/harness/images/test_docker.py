"""Which engine is used: the one that answers, and only where none does one of our own that shares nothing with it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from fawkes.harness.errors import NoPlaceError, ProviderError
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.images import docker
from fawkes.harness.images.docker import (
    Answering,
    Docker,
    Startable,
    Unusable,
    engine_directory,
    look,
    running_docker,
    sweep_own,
)

pytestmark = pytest.mark.slow

CLIENT = """
case "$1 $2" in
"container ls") ls $HOME/containers 2>/dev/null; exit 0;;
"container rm") shift 4; cd $HOME/containers; rm "$@"; exit 0;;
esac
[ -S "${DOCKER_HOST#unix://}" ] || { echo "Cannot connect to the Docker daemon"; exit 1; }
echo server=20.10.24"""
"""A client that looks whether the socket is there; its containers are files."""
DAEMON = f"""exec {sys.executable} -c '
import json, os, signal, socket, sys
settings = json.load(open(sys.argv[2]))
open(settings["pidfile"], "w").write(str(os.getpid()))
path = settings["hosts"][0].removeprefix("unix://")
socket.socket(socket.AF_UNIX).bind(path)
def end(number, frame):
    os.unlink(path); os.unlink(settings["pidfile"]); sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
while True: signal.pause()
' "$@" """
"""A daemon with the manners of the real one: socket, process file, an end in order on SIGTERM."""


@pytest.fixture
def no_engine(environ: dict[str, str], install: Callable[[str, str], Path]) -> dict[str, str]:
    install("docker", CLIENT)
    install("dockerd", DAEMON)
    return environ


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def start(environ: dict[str, str], told: list[str] | None = None):
    progress = told.append if told is not None else lambda _: None
    return running_docker(environ=environ, clock=RealClock(), progress=progress)


def test_an_engine_that_answers_is_used_as_it_is(environ: dict[str, str], install):
    client = install("docker", "echo server=27.3.1")
    install("dockerd", "echo started > $HOME; exit 1")

    assert look(environ) == Answering(str(client), "27.3.1")
    with start(environ) as used:
        assert used == Docker(str(client), environ)
    assert not engine_directory(environ).exists(), "nothing of ours was needed"


@pytest.mark.usefixtures("as_root")
def test_where_none_answers_our_own_is_up_until_the_block_ends(no_engine: dict[str, str]):
    told: list[str] = []
    with start(no_engine, told) as used:
        directory = engine_directory(no_engine)
        assert used.environ["DOCKER_HOST"] == f"unix://{directory}/docker.sock"
        pid = int((directory / "dockerd.pid").read_text())
    assert told == ["docker: starting the daemon"]
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
    monkeypatch.setattr(docker, "lacks_sys_resource", lambda status: lacks)
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


@pytest.mark.parametrize(
    ("told", "address"), [("unix:///run/other.sock", "unix:///run/other.sock"), ("ssh://far", None), ("", None)]
)
def test_an_address_is_written_down_so_that_it_leads_there_whatever_context_is_chosen_later(
    told, address, environ: dict[str, str], install
):
    docker = Docker(str(install("docker", f'[ "$1 $2" = "context inspect" ] && echo "host={told}"')), environ)
    assert docker.address() == address
    assert Docker(docker.client, {**environ, "DOCKER_HOST": "tcp://near"}).address() == "tcp://near"


def sweep(environ: dict[str, str]) -> bool:
    return sweep_own(environ=environ, clock=RealClock(), progress=lambda _: None)


@pytest.mark.usefixtures("as_root")
def test_sweeping_starts_our_own_takes_back_what_is_left_and_ends_it(no_engine: dict[str, str]):
    containers = Path(no_engine["HOME"]) / "containers"
    containers.mkdir(parents=True)
    (containers / "one").touch()
    assert sweep(no_engine)
    assert not list(containers.iterdir())
    assert not (engine_directory(no_engine) / "dockerd.pid").exists()


@pytest.mark.usefixtures("as_root")
def test_an_engine_of_our_own_that_another_uses_is_not_swept(no_engine: dict[str, str]):
    containers = Path(no_engine["HOME"]) / "containers"
    containers.mkdir(parents=True)
    with start(no_engine):
        (containers / "its").touch()
        assert not sweep(no_engine)
        assert [path.name for path in containers.iterdir()] == ["its"]


def test_who_cannot_sweep_is_told_who_can(no_engine: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ProviderError, match=r"only root with docker and dockerd on PATH.*harness gc"):
        sweep(no_engine)


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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts a daemon")
def test_the_daemon_ends_when_its_harness_is_killed(no_engine: dict[str, str]):
    script = (
        "import os, signal\nfrom fawkes.harness.eventually import RealClock\n"
        "from fawkes.harness.images.docker import running_docker\n"
        "with running_docker(environ=os.environ, clock=RealClock(), progress=print):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], env=no_engine, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    pidfile = engine_directory(no_engine) / "dockerd.pid"
    eventually("the daemon to end", pidfile.exists, lambda there: not there, within_s=30, clock=RealClock())


@pytest.mark.parametrize(
    ("setting", "programs", "root", "remedy"),
    [
        ({}, [], True, "install Docker"),
        ({}, ["docker"], True, "there is no dockerd"),
        ({}, ["docker", "dockerd"], False, "only root may start one"),
        ({"DOCKER_HOST": "tcp://127.0.0.1:1"}, ["docker", "dockerd"], True, "tcp://127.0.0.1:1, or unset DOCKER_HOST"),
    ],
)
def test_where_no_engine_can_be_had_it_says_what_to_do(
    setting, programs, root, remedy, bare: dict[str, str], install, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
    for name in programs:
        install(name, "echo cannot connect; exit 1")
    with pytest.raises(NoPlaceError, match=remedy), start({**bare, **setting}):
        pass


@pytest.mark.usefixtures("as_root")
def test_a_path_too_long_for_a_socket_is_told_before_the_daemon_is_started(no_engine: dict[str, str], tmp_path: Path):
    longer = {**no_engine, "XDG_CACHE_HOME": str(tmp_path / ("x" * 90))}
    with pytest.raises(ProviderError, match=r"too long for a socket .*XDG_CACHE_HOME"), start(longer):
        pass
    assert not engine_directory(longer).exists()


def test_looking_at_what_could_be_started_starts_nothing(no_engine: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert isinstance(look(no_engine), Startable)
    assert not engine_directory(no_engine).exists()


def test_an_image_is_there_when_the_engine_has_its_identity(environ: dict[str, str], install):
    client = install("docker", '[ "$5" = fawkes/node:here ] && echo id=sha256:1 || { echo no such image; exit 1; }')
    engine = Docker(str(client), environ)
    assert engine.has("fawkes/node:here")
    assert not engine.has("fawkes/node:there")


def test_an_engine_that_refuses_an_import_is_told(environ: dict[str, str], install):
    client = install("docker", "echo no space left on device; exit 1")
    with pytest.raises(ProviderError, match="no space left on device"):
        Docker(str(client), environ).import_node(Path("/root.tar"), "fawkes/node:new")


def test_an_engine_that_refuses_nodes_is_no_place_for_a_cluster(environ: dict[str, str], install):
    client = install(
        "docker", 'echo "$@" > $HOME.words; case "$*" in *good) ;; *) echo no such capability; exit 125; esac'
    )
    engine = Docker(str(client), environ)
    engine.try_node("fawkes/node:good")
    assert "run --rm --privileged" in Path(f"{environ['HOME']}.words").read_text()
    with pytest.raises(NoPlaceError, match=r"(?s)no privileged container.*no such capability.*harness doctor"):
        engine.try_node("fawkes/node:bad")
