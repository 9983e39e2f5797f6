"""Ports of loopback for the processes that a test starts itself."""

import contextlib
import socket


def free_ports(count: int) -> list[int]:
    """Different ones, free a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for free in sockets:
            free.bind(("127.0.0.1", 0))
        return [free.getsockname()[1] for free in sockets]
