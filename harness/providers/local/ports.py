"""Chooses free loopback ports before anything is rendered, and holds them as long as their platform lives."""

from __future__ import annotations

import errno
import random
import socket
from pathlib import Path
from typing import Final

import psutil

from fawkes.harness.errors import ProviderError

_LOWEST: Final = 20_000
"""Below it live well-known services; above it, up to the range from which the kernel takes ports for outgoing
connections, nobody else picks ports at random."""
_RANGE_FILE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_TRIES: Final = 200
"""At random. Were nine ports of ten taken, all of these would be once in a billion times."""


class Ports:
    """Hands out ports and keeps them bound, not listening, so that two runs never pick the same one.

    Each is bound exclusively and shared from then on (SO_REUSEADDR, socket(7)): a server, which sets that option too,
    listens on it beside this holder, while another run's exclusive bind is refused. So no moment is left between a
    port's choice and its part, or a part's death and its revival, in which another run could take it.
    """

    def __init__(self, rng: random.Random, fixed: dict[tuple[str, str], int] | None = None) -> None:
        self._rng, self._fixed = rng, fixed or {}
        self._held: dict[int, socket.socket] = {}
        self._chosen: dict[tuple[str, str], int] = {}
        self._highest = _first_ephemeral_port() - 1

    def port(self, part: str, name: str = "http") -> int:
        """The port kept for `name` of `part`; the same one each time. ProviderError when a wanted one is busy."""
        key = (part, name)
        if key not in self._chosen:
            wanted = self._fixed.get(key)
            self._chosen[key] = self._hold_wanted(part, wanted) if wanted else self._hold_any()
        return self._chosen[key]

    def close(self) -> None:
        for held in self._held.values():
            held.close()
        self._held.clear()

    def _hold_any(self) -> int:
        for _ in range(_TRIES):
            port = self._rng.randint(_LOWEST, self._highest)
            if port not in self._held and port not in self._chosen.values() and self._hold(port):
                return port
        raise ProviderError(f"no free port between {_LOWEST} and {self._highest} on 127.0.0.1; stop what listens there")

    def _hold_wanted(self, part: str, port: int) -> int:
        if not self._hold(port):
            raise ProviderError(
                f"port {port}, wanted for {part}, is busy: {_holder(port)}; stop that, or choose another with --port"
            )
        return port

    def _hold(self, port: int) -> bool:
        held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            held.bind(("127.0.0.1", port))
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        except OSError as error:
            held.close()
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
        self._held[port] = held
        return True


def _first_ephemeral_port() -> int:
    try:
        return int(_RANGE_FILE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768  # Linux' default


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid}) has it"
    except psutil.Error:
        pass
    return "another process has it"
