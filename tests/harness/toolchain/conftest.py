"""Fake executables, a Go module that builds in a second, and a cache of its own for each test."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from fawkes.harness.toolchain import Pin
from fawkes.harness.toolchain.pins import Dialect


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A bare environment: nothing on PATH, a cache of its own."""
    (tmp_path / "bin").mkdir()
    return {"HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "bin"), "XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def tiny(tmp_path: Path) -> Pin:
    """A module without dependencies whose binary prints a version as Prometheus does."""
    module = tmp_path / "tiny"
    module.mkdir()
    (module / "go.mod").write_text("module example.com/tiny\n\ngo 1.21\n")
    (module / "main.go").write_text(
        'package main\n\nvar version = "unset"\n\nfunc main() { println("tiny, version", version, "(branch: )") }\n'
    )
    return Pin("tiny", module, "example.com/tiny", "1.2.3", Dialect.COMMON, {"main.version": "1.2.3"})


@pytest.fixture(scope="session")
def go_caches() -> dict[str, str]:
    """Go and its caches as the user has them, so that the standard library is not compiled for each test."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("needs Go on PATH")
    names = ("GOCACHE", "GOMODCACHE")
    values = subprocess.run([go, "env", *names], check=True, capture_output=True, text=True).stdout.split()
    return {"PATH": f"{Path(go).parent}:{os.defpath}", **dict(zip(names, values, strict=True))}


@pytest.fixture
def building(environ: dict[str, str], go_caches: dict[str, str]) -> dict[str, str]:
    """The bare environment with a real Go."""
    return {**environ, **go_caches}
