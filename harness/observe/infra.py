"""Look inside parts through testinfra: what is demanded is recorded as it is, or why it could not be seen."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from fawkes.harness.checks.infra import Demand, InfraExpectation
from fawkes.harness.errors import HarnessError, ProviderError, UsageError
from fawkes.harness.model import Json, Stage
from fawkes.harness.observe import procfs
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.toolchain.find import pin_of
from fawkes.harness.world import Inside, Recorder, World

Seen = TypeVar("Seen")

_MASKED: Final = "(a secret of the run)"
_LINKS: Final = 40
"""As many as the kernel follows (man 7 path_resolution)."""
_COMPLAINT_LENGTH: Final = 300
"""Characters of a command's complaint that are kept: a line, not a page."""


def observe_infra(expect: InfraExpectation, world: World, record: Recorder) -> None:
    """Record `inside` for every demand on every replica of every app: what was `seen`, or the `trouble` with looking.

    Looks once; only for ports that are still to come it waits, `expect.within` at most. Of secrets only names get
    into the record.
    """
    until_s = world.now_s() + expect.within
    for app in expect.apps:
        for part in world.replicas(app):
            for demand, outcome in _looks(expect, world, part, until_s):
                where = {"expectation": expect.name, "stage": Stage.PART.value, "source": part}
                record("inside", **where, app=app, demand=demand, **outcome)


def _looks(
    expect: InfraExpectation, world: World, part: str, until_s: float
) -> Iterator[tuple[Demand, dict[str, Json]]]:
    try:
        look = _Look(expect, world, part, world.inside(part), until_s)
    except HarnessError as error:
        for demand in expect.demands:
            yield demand, {"trouble": str(error)}
        return
    for demand in expect.demands:
        try:
            yield demand, {"seen": _LOOKS[demand](look)}
        except HarnessError as error:
            yield demand, {"trouble": str(error)}


@dataclass(frozen=True, slots=True)
class _Look:
    """A look inside one part. Its methods raise ProviderError for what can't be seen."""

    expect: InfraExpectation
    world: World
    part: str
    inside: Inside
    until_s: float

    def binary(self) -> Json:
        """Asked of what runs, not of the file that was started: a file may have been replaced since."""
        pin = pin_of(self.expect.binary or "")
        told = self.inside.host.run(f"/proc/%s/exe {' '.join(pin.asked)}", str(self.inside.pid))
        version = pin.printed(told.stdout + told.stderr)
        return {"pinned": pin.version, "version": version, "accepted": version is not None and pin.accepts(version)}

    def flags(self) -> Json:
        given = self._given()
        return {flag: [self._masked(value) for value in given.get(flag, [])] for flag in self.expect.flags}

    def listens(self) -> Json:
        """Those that are still missing may come a moment after the part is ready."""
        names = self.expect.listens or ()
        if unknown := [name for name in names if name not in self.inside.ports]:
            known = ", ".join(self.inside.ports) or "none"
            raise UsageError(f"{self.part} has no port {unknown[0]!r}; it has {known}")
        wanted = {self.inside.ports[name] for name in names}
        sockets = last_seen(
            self.world,
            f"{self.part} listening on {', '.join(names)}",
            self._sockets,
            lambda found: wanted <= {port for _, port in found},
            until_s=self.until_s,
        )
        if sockets is None:
            sockets = self._sockets()  # raises what it has raised all the time
        return {
            "ports": {name: self.inside.ports[name] for name in names},
            "sockets": sorted(sockets),
            "own_network": self.inside.own_network,
        }

    def user_ids(self) -> Json:
        texts = self._of_each(lambda pid: self._read("status", pid).decode())
        return sorted(set().union(*map(procfs.user_ids, texts)))

    def root(self) -> Json:
        mounted = self._mounts()
        if "/" not in mounted:
            raise ProviderError(f"{self.part}: its mounts tell nothing of /")
        return mounted["/"]

    def secrets(self) -> Json:
        secrets = self.world.secrets()
        words = [word for shown in self._of_each(self._shown_by) for word in shown]
        if not words:
            raise ProviderError(f"{self.part} shows neither arguments nor environment, which no process is without")
        shown = [
            {"secret": secret, "where": where} for where, text in words for secret in procfs.holding(text, secrets)
        ]
        return {"looked_for": len(secrets), "words": len(words), "shown": shown}

    def files(self) -> Json:
        return {one.name: self._stat(one.path or self._named_by(one.flag or "")) for one in self.expect.files}

    def mounts(self) -> Json:
        mounted = self._mounts()
        return {path: mounted.get(self._own(path)[1], "none") for path in self.expect.mounts}

    # --- reading ------------------------------------------------------------------------------------------

    def _given(self) -> dict[str, list[str | bool]]:
        return procfs.flags(procfs.words(self._read("cmdline")))

    def _named_by(self, flag: str) -> str:
        values = self._given().get(flag, [])
        if len(values) != 1 or not isinstance(values[0], str):
            raise ProviderError(f"{self.part} was not given one --{flag}=FILE, so nobody knows which file is meant")
        return values[0]

    def _family(self) -> list[int]:
        """The main process and all that came of it."""
        pids = procfs.family(self._output("ps -A -o pid=,ppid=").decode(), self.inside.pid)
        if not pids:
            raise ProviderError(f"{self.part} has no process any more; its log tells why")
        return pids

    def _of_each(self, read: Callable[[int], Seen]) -> list[Seen]:
        """`read` of every process of the part; one that ends meanwhile has nothing to tell any more."""
        found = []
        for pid in self._family():
            try:
                found.append(read(pid))
            except ProviderError:
                if pid in self._family():
                    raise
        return found

    def _shown_by(self, pid: int) -> list[tuple[str, str]]:
        arguments = enumerate(procfs.words(self._read("cmdline", pid)))
        variables = [word.partition("=") for word in procfs.words(self._read("environ", pid))]
        return [
            *((f"argument {number}", word) for number, word in arguments),
            *((f"variable {name}", value) for name, _, value in variables),
        ]

    def _held_by(self, pid: int) -> set[int]:
        # Exit code 1: one of the files was closed while they were listed.
        return procfs.socket_inodes(self._output("ls -l /proc/%s/fd", str(pid), good=(0, 1)).decode())

    def _sockets(self) -> list[procfs.Socket]:
        held = set().union(*self._of_each(self._held_by))
        table = self._read("net/tcp").decode() + self._read("net/tcp6").decode()
        return [socket for inode, socket in procfs.listening(table).items() if inode in held]

    def _mounts(self) -> dict[str, str]:
        return procfs.mounts(self._read("mounts").decode())

    def _stat(self, path: str) -> Json:
        """Mode and owner; None when there is no such file."""
        below, own = self._own(path)
        told = self.inside.host.run("stat -L -c '%%04a %%u' -- %s", f"/proc/{self.inside.pid}/{below}/{own}")
        if told.rc == 0:
            mode, owner = told.stdout.split()
            return {"mode": mode[-4:], "owner": int(owner)}
        if re.search(r"No such file or directory|Not a directory", told.stderr):
            return None
        raise self._cannot(f"stat {path}", told.stderr)

    def _own(self, path: str) -> tuple[str, str]:
        """(`root` or `cwd` of the process, `path` below it without links).

        Links are followed here: the kernel would take an absolute one for a path of whoever looks, not of the part.
        """
        below, rest = ("root" if path.startswith("/") else "cwd"), path
        for _ in range(_LINKS):
            steps = procfs.steps(rest)
            found = self._links([f"/proc/{self.inside.pid}/{below}/{step.lstrip('/')}" for step in steps])
            link = next(((step, target) for step, target in zip(steps, found, strict=True) if target), None)
            if link is None:
                return below, rest
            rest = procfs.followed(rest, *link)
            below = "root" if rest.startswith("/") else below
        raise ProviderError(f"{self.part}: {path} leads through more than {_LINKS} links")

    def _links(self, paths: Sequence[str]) -> list[str]:
        """Where each leads; empty for what is no link."""
        each = 'do if [ -L "$path" ]; then readlink -- "$path"; else echo; fi; done'
        listed = self._output(f"for path in {' '.join(['%s'] * len(paths))}; {each}", *paths)
        return listed.decode().split("\n")[: len(paths)]

    def _read(self, name: str, pid: int | None = None) -> bytes:
        return self._output("cat -- %s", f"/proc/{pid or self.inside.pid}/{name}")

    def _output(self, command: str, *words: str, good: Collection[int] = (0,)) -> bytes:
        done = self.inside.host.run(command, *words)
        if done.rc not in good:
            raise self._cannot(command % words, done.stderr)
        output: bytes = done.stdout_bytes
        return output

    def _cannot(self, command: str, complaint: str) -> ProviderError:
        """What a command has written on its standard output is never told: it may be an environment."""
        return ProviderError(f"{self.part}: {command}: {complaint.strip()[-_COMPLAINT_LENGTH:] or 'failed'}")

    def _masked(self, value: str | bool) -> str | bool:
        return _MASKED if isinstance(value, str) and procfs.holding(value, self.world.secrets()) else value


_LOOKS: Final[Mapping[Demand, Callable[[_Look], Json]]] = {
    "binary": _Look.binary,
    "flags": _Look.flags,
    "listens": _Look.listens,
    "non_root": _Look.user_ids,
    "read_only_root": _Look.root,
    "hides_secrets": _Look.secrets,
    "files": _Look.files,
    "mounts": _Look.mounts,
}
