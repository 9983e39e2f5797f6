"""Processes of containers that cannot die, because the container runtime was killed while it had them frozen.

runc freezes a container's control group for a moment while it sets its limits. On cgroup v1 a frozen process ignores
SIGKILL; so when all in a node is killed in that moment, a `runc init` stays, and with it the node. cgroup v2 lets
frozen processes die.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

_ID: Final = re.compile(r"[0-9a-f]{64}")
"""A container's full id; the directory of its control group is named `ID` or `docker-ID.scope`."""


def freezer() -> Path | None:
    """Where the freezer of cgroup v1 is mounted; None where there is none."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, directory, kind, options, *_ = line.split()
        if kind == "cgroup" and "freezer" in options.split(","):
            return Path(directory)
    return None


def thaw(containers: Collection[str]) -> None:
    """Let what is frozen in these containers (full ids) go on, also in containers within them. No other is touched.

    Nothing happens where they run on another machine, or where we may not.
    """
    if containers and (root := freezer()) is not None:
        for directory, below, _ in os.walk(root):
            named = _ID.search(Path(directory).name)
            if named is not None and named[0] in containers:
                below.clear()
                _thaw_all(Path(directory))


def _thaw_all(group: Path) -> None:
    for directory, _, _ in os.walk(group):  # not rglob, which raises where a directory goes meanwhile
        state = Path(directory) / "freezer.state"
        with contextlib.suppress(OSError):  # gone meanwhile, or not ours to write
            if state.read_text() != "THAWED\n":
                state.write_text("THAWED")
