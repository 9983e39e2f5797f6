"""Where finished binaries are kept, and how two runs that build at once keep out of each other's way.

CACHE/<module>/lock                  held by whoever builds that module; holds the builder's process id
CACHE/<module>/.build-*/             a build under way; swept by the next one if it was killed
CACHE/<module>/<key>/<binary>        finished; comes into being by rename, so it is never half there
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from fawkes.harness.errors import DeadlineExceeded, ToolchainError
from fawkes.harness.eventually import Clock, eventually

_LOCK_EVERY_S: Final = 0.5
"""A person does not notice half a second after a wait of minutes."""
_UNDER_WAY: Final = ".build-"


def cache_directory(environ: Mapping[str, str]) -> Path:
    """The toolchain's part of the user's cache ($XDG_CACHE_HOME, else ~/.cache). May not exist yet.

    A relative XDG_CACHE_HOME is ignored, as the XDG base directory specification demands.
    """
    xdg = Path(environ.get("XDG_CACHE_HOME", ""))
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    return (xdg if xdg.is_absolute() else home / ".cache") / "fawkes-harness" / "toolchain"


def key(module: Path, flags: tuple[str, ...]) -> str:
    """Names a build by all that decides what comes out: go.mod, go.sum, and the flags with target and versions."""
    digest = hashlib.sha256("\0".join(flags).encode())
    for source in sources(module):
        digest.update(f"\0{source.name}\0".encode() + hashlib.sha256(source.read_bytes()).digest())
    return digest.hexdigest()[:16]


def sources(module: Path) -> list[Path]:
    """The files of a module that are built from, in a fixed order."""
    return sorted(path for path in module.iterdir() if path.is_file())


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns what the operating system says while `path` is written into a ToolchainError with a remedy."""
    try:
        yield
    except OSError as error:
        what = f"{error.strerror or error} ({error.filename or path})"
        elsewhere = "point XDG_CACHE_HOME to a directory that this user can write"
        match error.errno:
            case errno.EACCES | errno.EPERM | errno.EROFS:
                remedy = f"allow this user to write {path}, or {elsewhere}"
            case errno.ENOSPC | errno.EDQUOT:
                remedy = f"free some space under {path}, or {elsewhere} and has room"
            case _:
                remedy = f"look at {path}, or {elsewhere}"
        raise ToolchainError(f"the cache cannot be used: {what}; {remedy}") from error


class HeldError(ToolchainError):
    """Another process holds the lock."""


@contextlib.contextmanager
def locked(
    directory: Path, *, what: str, progress: Callable[[str], None], within_s: float, clock: Clock
) -> Iterator[None]:
    """Holds `directory`/lock, after making the directory. Says once whom it waits for.

    The kernel gives the lock back when its holder dies, so a crash never blocks the next run.
    Raises HeldError when another still holds it after `within_s` seconds, ToolchainError without permission or space.
    """
    with writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        holders: list[str] = []

        def take() -> bool:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            holder = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
            if holder not in holders:
                holders.append(holder)
                progress(f"{what}: waiting for another build (pid {holder})")
            return False

        try:
            eventually(
                f"the lock {directory / 'lock'}", take, bool, within_s=within_s, every_s=_LOCK_EVERY_S, clock=clock
            )
        except DeadlineExceeded as error:
            raise HeldError(
                f"{what}: another build (pid {holders[-1] if holders else 'unknown'}) did not end within "
                f"{within_s:.0f} s; look at that process, end it if it hangs, and run again"
            ) from error
        with writing(directory):
            os.pwrite(lock, f"{os.getpid():<20}".encode(), 0)
        yield
    finally:
        os.close(lock)


@contextlib.contextmanager
def under_way(directory: Path) -> Iterator[Path]:
    """A fresh directory for a build, gone afterwards. Sweeps those of killed builds: call it with the lock held."""
    with writing(directory):
        for left in directory.glob(f"{_UNDER_WAY}*"):
            shutil.rmtree(left)
        made = Path(tempfile.mkdtemp(prefix=_UNDER_WAY, dir=directory))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def keep(made: Path, final: Path) -> None:
    """Move a finished file or directory into place in one step, a file flushed first. Raises ToolchainError."""
    with writing(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(made, os.O_RDONLY)
        try:
            os.fsync(descriptor)  # Else a power cut could leave an empty file under a name that promises a whole one.
        finally:
            os.close(descriptor)
        made.replace(final)
