"""Fake programs on a bare PATH, with a cache of their own, and the files an image is made of."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from engine_of_files import CLIENT, DAEMON
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.images.docker import engine_directory
from fawkes.harness.images.own_engine import USERS, lock_file, taken

ENDS_WITHIN_S = 30
"""The keeper looks every fifth of a second, and a daemon takes a second or two to end; the rest is a loaded machine."""


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Nothing but what a test installs, and the shell's own tools. The cache holds sockets: its path is short."""
    (tmp_path / "bin").mkdir()
    with tempfile.TemporaryDirectory(prefix="fawkes-", dir="/tmp") as cache:
        yield {
            "HOME": str(tmp_path / "home"),
            "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
            "XDG_CACHE_HOME": cache,
        }


@pytest.fixture
def bare(environ: Mapping[str, str], tmp_path: Path) -> dict[str, str]:
    """Nothing but what a test installs."""
    return {**environ, "PATH": str(tmp_path / "bin")}


@pytest.fixture
def no_engine(environ: dict[str, str], install: Callable[[str, str], Path]) -> Iterator[dict[str, str]]:
    """Where none answers and one can be started. Whatever the test starts has ended afterwards."""
    install("docker", CLIENT)
    install("dockerd", DAEMON)
    yield environ
    if engine_directory(environ).exists():
        _await_end(environ)


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.fixture
def await_end() -> Callable[[dict[str, str]], None]:
    """Waits until nobody uses the engine of our own any more and its keeper is gone."""
    return _await_end


def _await_end(environ: dict[str, str]) -> None:
    directory = engine_directory(environ)
    with lock_file(directory / USERS) as users:
        eventually(
            "the engine to have ended",
            lambda: not (directory / "dockerd.pid").exists() and taken(users, fcntl.LOCK_EX),
            bool,
            within_s=ENDS_WITHIN_S,
            clock=RealClock(),
        )
