"""The engine of our own, where none answers: all harnesses of this user share it, and it ends with the last of them.

It shares nothing with an engine that is installed and merely not running: its images and containers, socket,
process file and containerd namespace are its own, and it sets up neither bridge, firewall nor forwarding. (Without a
bridge it removes a docker0 that the other has left, which makes it anew when it starts.)

Who uses it holds a shared lock on a file, which the kernel gives back however a harness ends. A keeper
(`engine_keeper.py`) holds the daemon until it gets that lock for itself alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from fawkes.harness.errors import NoPlaceError
from fawkes.harness.eventually import Clock, eventually
from fawkes.harness.images import runtime
from fawkes.harness.images.docker import (
    Answering,
    Docker,
    engine_directory,
    lacks_sys_resource,
    look,
    own_address,
    usable_engine,
)
from fawkes.harness.images.freezer import thaw
from fawkes.harness.toolchain.cache import locked, writing

START_WITHIN_S: Final = 60.0
"""dockerd is up in 2 s on an idle machine; one that is not in a minute never will be."""
STOP_WITHIN_S: Final = 60.0
"""It waits for its containers, ten seconds each by default, side by side."""
READY: Final = "ready"
"""What the keeper says when the engine answers and is empty."""
USERS: Final = "users"
"""The file on which everybody who uses the engine holds a shared lock."""
KEEPER: Final = "keeper"
"""The file on which the keeper holds a lock as long as it lives."""
_KEEPER_MODULE: Final = "fawkes.harness.images.engine_keeper"
_READY_WITHIN_S: Final = 3 * START_WITHIN_S
"""The daemon answers, and then containers, networks and volumes of those who were killed go."""


@contextlib.contextmanager
def running_docker(*, environ: Mapping[str, str], clock: Clock, progress: Callable[[str], None]) -> Iterator[Docker]:
    """The engine that answers, else the one of our own. NoPlaceError with a remedy where neither can be."""
    found = usable_engine(environ)
    if isinstance(found, Answering):
        yield Docker(found.client, environ)
        return
    with own_engine(environ=environ, clock=clock, progress=progress) as docker:
        yield docker


@contextlib.contextmanager
def own_engine(*, environ: Mapping[str, str], clock: Clock, progress: Callable[[str], None]) -> Iterator[Docker]:
    """The engine of our own until the block ends, whoever else uses it.

    Where it does not run it is started, and then has nothing in it but images. NoPlaceError when it can't be.
    """
    directory = engine_directory(environ)
    docker = Docker(shutil.which("docker", path=environ.get("PATH", os.defpath)) or "docker", _environ(environ))
    with writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
    with lock_file(directory / USERS) as users:
        eventually(
            "the former daemon, which nobody used any more, to have ended",
            lambda: taken(users, fcntl.LOCK_SH),
            bool,
            within_s=_READY_WITHIN_S,
            clock=clock,
        )
        with locked(directory / "start", what="docker", progress=progress, within_s=2 * _READY_WITHIN_S, clock=clock):
            if not (_kept(directory) and isinstance(look(docker.environ), Answering)):
                _start(docker, directory, clock, progress)
        yield docker


@contextlib.contextmanager
def lock_file(path: Path) -> Iterator[int]:
    """USERS or KEEPER in the engine's directory, open and not locked yet. The end gives the lock back."""
    with writing(path):
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield lock
    finally:
        os.close(lock)


def taken(lock: int, kind: int) -> bool:
    """Whether the lock is ours now, LOCK_SH or LOCK_EX. Does not wait."""
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
        return True
    return False


def thaw_all(directory: Path) -> None:
    """Every container that this engine knows, for when it does not answer: frozen ones keep it from ending."""
    thaw({path.name for path in (directory / "data" / "containers").glob("*")})


def config_file(directory: Path) -> Path:
    """The daemon's settings."""
    return directory / "daemon.json"


def log_file(directory: Path) -> Path:
    """What the daemon writes; of its last start only."""
    return directory / "dockerd.log"


def _kept(directory: Path) -> bool:
    """Whether a keeper holds the daemon; one without may still answer, but it is ending."""
    with lock_file(directory / KEEPER) as keeper:
        return not taken(keeper, fcntl.LOCK_SH)


def _environ(environ: Mapping[str, str]) -> Mapping[str, str]:
    return {**environ, "DOCKER_HOST": own_address(environ)}


def _start(docker: Docker, directory: Path, clock: Clock, progress: Callable[[str], None]) -> None:
    daemon = shutil.which("dockerd", path=docker.environ.get("PATH", os.defpath))
    if daemon is None or os.geteuid() != 0:
        raise NoPlaceError(
            f"docker: the engine in {directory} does not run, and only root with dockerd on PATH can start it"
        )
    _await_end_of_former(directory, clock)
    _forget_containerd(directory)
    progress("docker: starting the daemon")
    with writing(directory), (directory / "keeper.log").open("wb") as log:
        _write_settings(directory)
        log_file(directory).unlink(missing_ok=True)
        # It goes on when we end, so the folder for our temporary files is none for its.
        environ = {name: value for name, value in docker.environ.items() if name != "TMPDIR"}
        argv = [sys.executable, "-m", _KEEPER_MODULE, docker.client, daemon, str(directory)]
        try:
            keeper = subprocess.run(
                argv,
                cwd="/",
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                timeout=_READY_WITHIN_S,
                start_new_session=True,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise NoPlaceError(f"docker: no daemon is ready within {_READY_WITHIN_S:g} s; see {directory}") from error
    if keeper.stdout != READY:
        trouble = keeper.stdout or (directory / "keeper.log").read_text(errors="replace")
        raise NoPlaceError(f"docker: no daemon can be started here: {trouble.strip()}")


def _await_end_of_former(directory: Path, clock: Clock) -> None:
    """Whose keeper was killed: it is still ending its containers."""
    thaw_all(directory)
    pidfile = _pidfile(directory)
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        former = psutil.Process(int(pidfile.read_text()))
        if str(config_file(directory)) in former.cmdline():
            eventually(
                f"docker's daemon {former.pid}, whose keeper is gone, to end",
                former.is_running,
                lambda running: not running,
                within_s=STOP_WITHIN_S,
                clock=clock,
            )
    pidfile.unlink(missing_ok=True)


def _forget_containerd(directory: Path) -> None:
    """Its process file, where it is of before a reboot: dockerd would take whoever has that number now for it."""
    pidfile = directory / "exec" / "containerd" / "containerd.pid"
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        if str(directory) in " ".join(psutil.Process(int(pidfile.read_text())).cmdline()):
            return
    pidfile.unlink(missing_ok=True)


def _write_settings(directory: Path) -> None:
    settings: dict[str, object] = {
        "data-root": str(directory / "data"),
        "exec-root": str(directory / "exec"),
        "pidfile": str(_pidfile(directory)),
        "hosts": [f"unix://{directory / 'docker.sock'}"],
        "containerd-namespace": "fawkes",
        "bridge": "none",
        "iptables": False,
        "ip-forward": False,
    }
    if lacks_sys_resource(Path("/proc/self/status").read_text()):
        script = directory / "runc-within-bounds"
        script.write_text(f'#!/bin/sh\nexec {shlex.join(_runtime())} "$@"\n')
        script.chmod(0o755)
        settings |= {"runtimes": {"within-bounds": {"path": str(script)}}, "default-runtime": "within-bounds"}
    config_file(directory).write_text(json.dumps(settings))


def _runtime() -> Sequence[str]:
    return [sys.executable, "-I", "-S", str(Path(runtime.__file__))]


def _pidfile(directory: Path) -> Path:
    return directory / "dockerd.pid"
