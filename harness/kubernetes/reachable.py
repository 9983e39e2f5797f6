"""Whether a connection to a port of this machine goes all the way to a part, and not only to a forwarder before it."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterable
from typing import Final

_CLOSES_WITHIN_S: Final = 0.3
"""A forwarder takes every connection and closes those that lead nowhere: within 10 ms here, with room for busy ones."""


def unreachable(addresses: Iterable[str]) -> list[str]:
    """Those of `addresses` (host:port) where nobody listens, or where a connection is closed before we have spoken."""
    gone: list[str] = []
    with contextlib.ExitStack() as stack:
        opened: dict[socket.socket, str] = {}
        for address in addresses:
            host, _, port = address.rpartition(":")
            try:
                opened[stack.enter_context(socket.create_connection((host, int(port)), _CLOSES_WITHIN_S))] = address
            except OSError:
                gone.append(address)
        until_s = time.monotonic() + _CLOSES_WITHIN_S
        while opened and (left_s := until_s - time.monotonic()) > 0:
            for talking in select.select(list(opened), [], [], left_s)[0]:
                address = opened.pop(talking)
                if not _greets(talking):
                    gone.append(address)
    return gone


def _greets(connection: socket.socket) -> bool:
    """A mail server speaks first; everybody else waits for us, unless the connection ends."""
    try:
        return bool(connection.recv(1))
    except OSError:
        return False
