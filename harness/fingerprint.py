"""What a run ran on: the machine and the state of the checkout. Numbers of two runs compare only where these agree."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil

from fawkes.harness.child import run
from fawkes.harness.model import Json

_GIT_WITHIN_S: Final = 10.0
"""`git status` of a small checkout takes milliseconds; this bounds a cold disk."""


def machine() -> Mapping[str, Json]:
    """Cores usable by us, memory, kernel, processor."""
    return {
        "cores": len(psutil.Process().cpu_affinity() or []),
        "memory_bytes": psutil.virtual_memory().total,
        "kernel": platform.release(),
        "processor": _processor(),
        "python": platform.python_version(),
    }


def git(directory: Path) -> Mapping[str, Json]:
    """Commit and whether the tree is changed; empty outside a checkout or without git."""
    commit = _git(directory, "rev-parse", "HEAD")
    if commit is None:
        return {}
    return {"commit": commit, "changed": bool(_git(directory, "status", "--porcelain"))}


def _git(directory: Path, *words: str) -> str | None:
    try:
        done = run(["git", *words], cwd=directory, environ=os.environ, within_s=_GIT_WITHIN_S)
    except OSError:
        return None
    return "\n".join(done.lines).strip() if done.exit_code == 0 else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )
