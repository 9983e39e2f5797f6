"""Fake executables, for whatever runs a program."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., Path]:
    """script("bin/prometheus", "echo hello") -> path of an executable shell script."""

    def write(name: str, body: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def install(script: Callable[..., Path]) -> Callable[[str, str], Path]:
    """install("docker", "echo hello"): the same in `tmp_path / "bin"`, which is on the PATH of such tests."""
    return lambda name, body: script(f"bin/{name}", body)
