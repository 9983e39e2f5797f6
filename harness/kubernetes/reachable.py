"""Whether a connection to a port of this machine goes all the way to a part, and not only to a forwarder before it."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_ANSWERS_WITHIN_S: Final = 1.5
"""For those that are spoken to. Behind a forwarder a first packet may be lost, and is sent again after one second."""
_CLOSES_WITHIN_S: Final = 0.3
"""For the others. A forwarder takes every connection and closes those that lead nowhere: mostly within 10 ms, but where
the node has refused many, and tells no more of it (net.ipv4.icmp_ratelimit), after a second or later."""
SPOKEN: Final = MappingProxyType(
    {
        "http": b"HEAD / HTTP/1.0\r\n\r\n",
        "postgres": b"\x00\x00\x00\x08\x04\xd2\x16\x2f",  # SSLRequest, which every PostgreSQL answers with one letter
    }
)
"""Port name -> what a server behind such a port answers, whatever the answer is."""


def unreachable(addresses: Mapping[str, str]) -> list[str]:
    """Those of `addresses` (host:port -> name of the port) where nobody listens, answers or lets a connection stay."""
    silent = {address: b"" for address, port in addresses.items() if port not in SPOKEN}
    spoken = {address: SPOKEN[port] for address, port in addresses.items() if port in SPOKEN}
    heard = _heard(spoken, _ANSWERS_WITHIN_S) | _heard(silent, _CLOSES_WITHIN_S)
    return [address for address in addresses if not heard.get(address, address in silent)]


def _heard(words: Mapping[str, bytes], within_s: float) -> dict[str, bool]:
    """Address -> whether anything came from there before the connection ended; without those that stay and are silent.

    `words`: address -> what is said there first.
    """
    heard: dict[str, bool] = {}
    with contextlib.ExitStack() as stack:
        opened: dict[socket.socket, str] = {}
        for address, said in words.items():
            host, _, port = address.rpartition(":")
            try:
                connection = socket.create_connection((host, int(port)), _CLOSES_WITHIN_S)
                opened[stack.enter_context(connection)] = address
                connection.sendall(said)
            except OSError:
                heard[address] = False
        until_s = time.monotonic() + within_s
        while opened and (left_s := until_s - time.monotonic()) > 0:
            for talking in select.select(list(opened), [], [], left_s)[0]:
                heard[opened.pop(talking)] = _speaks(talking)
    return heard


def _speaks(connection: socket.socket) -> bool:
    try:
        return bool(connection.recv(1))
    except OSError:
        return False
