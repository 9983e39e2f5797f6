"""Tries again and again to reach addresses: `python -m fawkes.harness.knock HOST:PORT ...`, as a pod's only process.

A line of JSON for each round: `{"at_s": UNIX, "reached": {"HOST:PORT": true}}`. Reached is an address at which somebody
accepts the connection; null is a name that nobody knows, which says nothing of who may go there. It ends by signal.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator, Sequence

from fawkes.harness.eventually import RealClock

_CONNECT_WITHIN_S = 1.0
"""Within a cluster it takes milliseconds, and a lost first packet is sent again after one second."""
_EVERY_S = 0.5


def rounds(addresses: Sequence[str], clock: RealClock) -> Iterator[dict[str, object]]:
    """One after the other, for ever."""
    while True:
        yield {"at_s": time.time(), "reached": {address: reached(address) for address in addresses}}
        clock.wait(_EVERY_S)


def reached(address: str) -> bool | None:
    """Whether HOST:PORT accepts a connection; None when there is no such name."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=_CONNECT_WITHIN_S):
            return True
    except socket.gaierror:
        return None
    except OSError:
        return False


def main(addresses: Sequence[str]) -> None:
    """A policy is about the packets of a connection, so that a connection is all that is tried."""
    for line in rounds(addresses, RealClock()):
        print(json.dumps(line), flush=True)  # noqa: T201 - its log is what is read


if __name__ == "__main__":
    main(sys.argv[1:])
