"""The container engine that kind's nodes run in: what there is on this machine, and what is asked of it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fawkes.harness.child import ask, run
from fawkes.harness.errors import NoPlaceError, ProviderError
from fawkes.harness.images.command import command
from fawkes.harness.images.freezer import thaw
from fawkes.harness.toolchain.cache import cache_directory

ANSWER_WITHIN_S: Final = 10.0
_REMOVE_WITHIN_S: Final = 60.0
"""A container that does not end by itself has ten seconds by default; they end side by side."""
_RUN_WITHIN_S: Final = 60.0
"""A container that ends at once takes a second on an idle machine."""
_IMPORT_WITHIN_S: Final = 300.0
"""1 GB into the engine's store: 15 s here."""
_PULL_WITHIN_S: Final = 1800.0
"""kind's node image is 400 MB; half an hour is 2 Mbit/s."""
_CAP_SYS_RESOURCE: Final = 24  # linux/capability.h
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
            command(argv, environ=self.environ, within_s=_RUN_WITHIN_S)
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
            command(argv, environ=self.environ, within_s=_REMOVE_WITHIN_S, tick=lambda: thaw(left))
        return left

    def remove_everything(self) -> None:
        """Every container, network and volume there is. Only for an engine of our own."""
        self.remove_containers()
        for kind in ("network", "volume"):
            command([self.client, kind, "prune", "--force"], environ=self.environ, within_s=_REMOVE_WITHIN_S)


def engine_directory(environ: Mapping[str, str]) -> Path:
    """Where an engine of our own keeps everything."""
    return cache_directory(environ).parent / "engine"


def own_address(environ: Mapping[str, str]) -> str:
    """DOCKER_HOST of an engine of our own."""
    return f"unix://{engine_directory(environ) / 'docker.sock'}"


def _socket_of_containerd(environ: Mapping[str, str]) -> Path:
    """The longest path that an engine of our own listens on."""
    return engine_directory(environ) / "exec" / "containerd" / "containerd.sock.ttrpc"
