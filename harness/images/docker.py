"""The container engine that kind's nodes run in: the one that answers, or one of our own where none does.

Our own shares nothing with an engine that is installed and merely not running: its images and containers, socket,
process file and containerd namespace are its own, and it sets up neither bridge, firewall nor forwarding. (Without a
bridge it removes a docker0 that the other has left, which makes it anew when it starts.)
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from fawkes.harness.child import ask, run
from fawkes.harness.errors import DeadlineExceeded, NoPlaceError, ProviderError
from fawkes.harness.eventually import Clock, eventually
from fawkes.harness.images import runtime
from fawkes.harness.images.command import command
from fawkes.harness.images.freezer import thaw
from fawkes.harness.providers.local.process import signal_group, spawn
from fawkes.harness.toolchain.cache import HeldError, cache_directory, locked, writing

ANSWER_WITHIN_S: Final = 10.0
_START_WITHIN_S: Final = 60.0
"""dockerd is up in 2 s on an idle machine; one that is not in a minute never will be."""
_STOP_WITHIN_S: Final = 60.0
"""It waits for its containers, ten seconds each by default, side by side."""
_LOCK_WITHIN_S: Final = 1800.0
"""Another harness uses our engine: a whole run may take half an hour."""
_IMPORT_WITHIN_S: Final = 300.0
"""1 GB into the engine's store: 15 s here."""
_PULL_WITHIN_S: Final = 1800.0
"""kind's node image is 400 MB; half an hour is 2 Mbit/s."""
_CAP_SYS_RESOURCE: Final = 24  # linux/capability.h
_LOG_LINES: Final = 5
_SOCKET_BYTES: Final = 107
"""The longest path of a UNIX socket, sun_path in linux/un.h without its closing zero."""


@dataclass(frozen=True, slots=True)
class Answering:
    """An engine that runs; it is used as it is."""

    client: str
    version: str


@dataclass(frozen=True, slots=True)
class Startable:
    """None runs, and we may start one."""

    client: str
    daemon: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """None runs, and none can be started."""

    found: str
    remedy: str


def look(environ: Mapping[str, str], *, within_s: float = ANSWER_WITHIN_S) -> Answering | Startable | Unusable:
    """Which engine this machine has. Looks only."""
    search = environ.get("PATH", os.defpath)
    client = shutil.which("docker", path=search)
    if client is None:
        return Unusable("no client on PATH", "install Docker (Debian: apt-get install docker.io)")
    answer = ask([client, "info", "--format", "server={{.ServerVersion}}"], environ=environ, within_s=within_s)
    if match := re.search(r"server=(\d\S*)", answer or ""):
        return Answering(client, match[1])
    silent = "client only; the daemon does not answer" + (f" within {within_s:g} s" if answer is None else "")
    if "DOCKER_HOST" in environ:  # It names one, so another is not what is wanted.
        return Unusable(silent, f"start the daemon at {environ['DOCKER_HOST']}, or unset DOCKER_HOST")
    daemon = shutil.which("dockerd", path=search)
    if daemon is None:
        return Unusable(silent, "start the daemon, or let this user reach its socket; there is no dockerd on PATH")
    if os.geteuid() != 0:
        return Unusable(silent, "start the daemon, or let this user reach its socket; only root may start one")
    return Startable(client, daemon)


def usable_engine(environ: Mapping[str, str]) -> Answering | Startable:
    """The engine that would be used. NoPlaceError with a remedy where there is none."""
    found = look(environ)
    if isinstance(found, Unusable):
        raise NoPlaceError(f"docker: {found.found}; {found.remedy}")
    if isinstance(found, Startable) and len(longest := os.fsencode(_socket_of_containerd(environ))) > _SOCKET_BYTES:
        raise ProviderError(
            f"docker: {longest.decode(errors='replace')} is too long for a socket ({_SOCKET_BYTES} bytes); "
            "point XDG_CACHE_HOME to a shorter path"
        )
    return found


def lacks_sys_resource(status: str) -> bool:
    """Whether a process with this /proc/PID/status can never have CAP_SYS_RESOURCE."""
    match = re.search(r"^CapBnd:\s*([0-9a-f]+)", status, re.MULTILINE)
    return match is not None and not int(match[1], 16) >> _CAP_SYS_RESOURCE & 1


@dataclass(frozen=True, slots=True)
class Docker:
    """A running engine, through its client."""

    client: str
    environ: Mapping[str, str]
    """For everything that speaks to it: the client, kind."""

    def address(self) -> str | None:
        """DOCKER_HOST that leads here from any environment; None where it takes more than that (ssh, certificates)."""
        if "DOCKER_HOST" in self.environ:
            return self.environ["DOCKER_HOST"]
        argv = [self.client, "context", "inspect", "--format", "host={{.Endpoints.docker.Host}}"]
        match = re.search(r"host=(unix://\S+)", ask(argv, environ=self.environ, within_s=ANSWER_WITHIN_S) or "")
        return match[1] if match else None

    def has(self, reference: str) -> bool:
        """Whether the engine has this image."""
        argv = [self.client, "image", "inspect", "--format", "id={{.Id}}", reference]
        return "id=sha256:" in (ask(argv, environ=self.environ, within_s=ANSWER_WITHIN_S) or "")

    def can_pull(self, reference: str, *, within_s: float = ANSWER_WITHIN_S) -> bool:
        """Whether a registry offers this image. The client asks, so no daemon need run."""
        argv = [self.client, "manifest", "inspect", reference]
        try:
            outcome = run(argv, cwd=Path("/"), environ=self.environ, within_s=within_s)
        except OSError:
            return False
        return outcome.exit_code == 0

    def pull(self, reference: str) -> None:
        """From its registry. ProviderError when that fails."""
        command([self.client, "pull", "--quiet", reference], environ=self.environ, within_s=_PULL_WITHIN_S)

    def import_node(self, root: Path, reference: str) -> None:
        """A root file system as kind's node image `reference`. ProviderError when the engine refuses it."""
        changes = ['ENTRYPOINT ["/usr/local/bin/entrypoint","/sbin/init"]', "ENV container=docker"]
        argv = [self.client, "import", *(word for one in changes for word in ("--change", one)), str(root), reference]
        command(argv, environ=self.environ, within_s=_IMPORT_WITHIN_S)

    def try_node(self, reference: str) -> None:
        """Start a container as kind starts its nodes, and let it end. NoPlaceError where that is refused."""
        argv = [self.client, "run", "--rm", "--privileged", "--network", "none", "--entrypoint", "/bin/true", reference]
        try:
            command(argv, environ=self.environ, within_s=_START_WITHIN_S)
        except ProviderError as error:
            raise NoPlaceError(f"this Docker runs no privileged container: {error}; see `harness doctor`") from error

    def tags(self, repository: str) -> Sequence[str]:
        """References of the images in a repository, newest first."""
        argv = [self.client, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", repository]
        lines = command(argv, environ=self.environ, within_s=ANSWER_WITHIN_S)
        return [line for line in lines if line.startswith(f"{repository}:")]

    def remove(self, reference: str) -> None:
        """Forget an image; one that a container stands on stays, because the engine keeps it."""
        ask([self.client, "image", "rm", reference], environ=self.environ, within_s=_IMPORT_WITHIN_S)

    def containers(self, *filters: str) -> Sequence[str]:
        """Full ids of containers, running or not, that pass all filters."""
        chosen = [word for one in filters for word in ("--filter", one)]
        argv = [self.client, "container", "ls", "--all", "--quiet", "--no-trunc", *chosen]
        return command(argv, environ=self.environ, within_s=ANSWER_WITHIN_S)

    def remove_containers(self, *filters: str) -> Sequence[str]:
        """Containers that pass all filters, with their anonymous volumes. Their ids."""
        left = self.containers(*filters)
        if left:
            argv = [self.client, "container", "rm", "--force", "--volumes", *left]
            command(argv, environ=self.environ, within_s=_STOP_WITHIN_S, tick=lambda: thaw(left))
        return left

    def remove_everything(self) -> None:
        """Every container, network and volume there is. Only for an engine of our own."""
        self.remove_containers()
        for kind in ("network", "volume"):
            command([self.client, kind, "prune", "--force"], environ=self.environ, within_s=_STOP_WITHIN_S)


def engine_directory(environ: Mapping[str, str]) -> Path:
    """Where an engine of our own keeps everything."""
    return cache_directory(environ).parent / "engine"


@contextlib.contextmanager
def running_docker(*, environ: Mapping[str, str], clock: Clock, progress: Callable[[str], None]) -> Iterator[Docker]:
    """The engine that answers, else one of our own until the block ends, which ends too when we die.

    NoPlaceError with a remedy where neither can be. One harness at a time uses our own; the next waits.
    """
    found = usable_engine(environ)
    if isinstance(found, Answering):
        yield Docker(found.client, environ)
        return
    with _own(found, environ, clock, progress, lock_within_s=_LOCK_WITHIN_S) as docker:
        yield docker


def own_address(environ: Mapping[str, str]) -> str:
    """DOCKER_HOST of the engine of our own."""
    return f"unix://{engine_directory(environ) / 'docker.sock'}"


def sweep_own(*, environ: Mapping[str, str], clock: Clock, progress: Callable[[str], None]) -> bool:
    """Take back containers, networks and volumes that a killed harness has left in the engine of our own.

    Starts it for that, because it ended with that harness. False where another harness uses it now: that one has done
    it when it started. ProviderError when it can't be started.
    """
    search = environ.get("PATH", os.defpath)
    client, daemon = shutil.which("docker", path=search), shutil.which("dockerd", path=search)
    if client is None or daemon is None or os.geteuid() != 0:
        raise ProviderError(
            f"{engine_directory(environ)} holds what a crashed run has left, and only root with docker and dockerd on "
            "PATH can start its daemon; do so, and run `harness gc` again"
        )
    try:
        with _own(Startable(client, daemon), environ, clock, progress, lock_within_s=0.0):
            return True
    except HeldError:
        return False


@contextlib.contextmanager
def _own(
    found: Startable, environ: Mapping[str, str], clock: Clock, progress: Callable[[str], None], *, lock_within_s: float
) -> Iterator[Docker]:
    """An engine of our own, with nothing in it but images, until the block ends."""
    directory = engine_directory(environ)
    with locked(directory, what="docker", progress=progress, within_s=lock_within_s, clock=clock):
        _await_end_of_former(directory, clock)
        progress("docker: starting the daemon")
        docker = Docker(found.client, {**environ, "DOCKER_HOST": own_address(environ)})
        with _daemon(found.daemon, directory) as process:
            _await_answer(docker, process, directory, clock)
            docker.remove_everything()  # of a harness that was killed: no other uses this engine while the lock is ours
            yield docker


@contextlib.contextmanager
def _daemon(program: str, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    with writing(directory):
        settings = _settings(directory)
        _log(directory).unlink(missing_ok=True)
        argv = [program, "--config-file", str(settings)]
        process = spawn(argv, log=_log(directory), run_id="images", env={}, cwd=directory, death_signal=signal.SIGTERM)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            signal_group(process.pid, signal.SIGKILL)
            process.wait()


def _await_answer(docker: Docker, process: subprocess.Popen[bytes], directory: Path, clock: Clock) -> None:
    try:
        eventually(
            "docker's daemon to answer",
            lambda: look(docker.environ),
            lambda state: isinstance(state, Answering),
            within_s=_START_WITHIN_S,
            clock=clock,
            hopeless=lambda: None if process.poll() is None else _last_words(process, directory),
        )
    except DeadlineExceeded as error:
        why = str(error) if process.poll() is None else _last_words(process, directory)
        raise NoPlaceError(f"docker: no daemon can be started here: {why}") from error


def _await_end_of_former(directory: Path, clock: Clock) -> None:
    """A harness that was killed has left a daemon that is still ending its containers."""
    pidfile = _pidfile(directory)
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        former = psutil.Process(int(pidfile.read_text()))
        if str(_config(directory)) in former.cmdline():
            eventually(
                f"docker's daemon {former.pid}, whose harness is gone, to end",
                former.is_running,
                lambda running: not running,
                within_s=_STOP_WITHIN_S,
                clock=clock,
            )
    pidfile.unlink(missing_ok=True)


def _settings(directory: Path) -> Path:
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
    path = _config(directory)
    path.write_text(json.dumps(settings))
    return path


def _runtime() -> Sequence[str]:
    return [sys.executable, "-I", "-S", str(Path(runtime.__file__))]


def _socket_of_containerd(environ: Mapping[str, str]) -> Path:
    """The longest path that the daemon listens on."""
    return engine_directory(environ) / "exec" / "containerd" / "containerd.sock.ttrpc"


def _last_words(process: subprocess.Popen[bytes], directory: Path) -> str:
    lines = _log(directory).read_text(errors="replace").splitlines()[-_LOG_LINES:]
    return "\n".join((f"it ended with {process.returncode}; the end of {_log(directory)}:", *lines))


def _config(directory: Path) -> Path:
    return directory / "daemon.json"


def _pidfile(directory: Path) -> Path:
    return directory / "dockerd.pid"


def _log(directory: Path) -> Path:
    return directory / "dockerd.log"
