"""From the output of go or pip to one sentence that says what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_OFFLINE: Final = re.compile(
    r"dial tcp|no such host|connection refused|network is unreachable|i/o timeout|TLS handshake timeout|proxyconnect"
    r"|lookup disabled by GOPROXY|Failed to establish a new connection|Temporary failure in name resolution"
    r"|Read timed out|ConnectTimeoutError|Connection reset by peer|No matching distribution found",
    re.IGNORECASE,
)
_FULL: Final = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_FORBIDDEN: Final = re.compile(r"permission denied|read-only file system", re.IGNORECASE)
_MEMORY: Final = re.compile(r"signal: killed|cannot allocate memory|out of memory", re.IGNORECASE)
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s]+@")

_SHOWN_LINES: Final = 8
"""Go puts the cause in the last lines; more would push the remedy off the screen."""


def explain(lines: Sequence[str], *, cache: str, instead: str) -> str:
    """The last lines of a failed command and the remedy. `instead` is what helps without the network."""
    tail = "\n".join(
        _CREDENTIALS.sub("", text) for text in lines if text.strip() and not text.startswith("go: downloading")
    )
    tail = "\n".join(f"  {text}" for text in tail.splitlines()[-_SHOWN_LINES:])
    output = "\n".join(lines)
    if _FULL.search(output):
        remedy = (
            f"A disk is full: free space where the output above says (Go's caches, see `go env GOCACHE GOMODCACHE`, "
            f"or {cache}) and run again; what is compiled already is kept."
        )
    elif _FORBIDDEN.search(output):
        remedy = f"Allow this user to write the path above, or point HOME and XDG_CACHE_HOME (now {cache}) elsewhere."
    elif _OFFLINE.search(output):
        remedy = f"The network is out of reach: {instead}, or run once online, or copy {cache} from another machine."
    elif _MEMORY.search(output):
        remedy = "The machine ran out of memory: give it more, or set GOMAXPROCS=1 to compile one package at a time."
    else:
        remedy = f"Look at the output above; {instead} to do without the build."
    return f"{tail}\n{remedy}"
