"""Fake programs on a bare PATH, with a cache of their own, and the files an image is made of."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest


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
