"""Open-loop HTTP load over keep-alive connections to loopback, light enough to leave the cores to what is measured.

Each request has an intended start, fixed before the run, and its latency counts from that: a slow server, a full
connection pool and a late generator all show up in it. What was not answered in time stays in, at the time it took.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import uvloop
from hdrh.histogram import HdrHistogram

LOWEST_US, HIGHEST_US, DIGITS = 1, 60_000_000, 3
DRAIN_S = 10.0
"""After the last intended start; the longest that a sender of webhooks waits (GitHub's limit)."""
OK = frozenset({200, 201})


@dataclass(slots=True)
class Outcome:
    """What became of the requests of one run."""

    offered: int
    statuses: Counter[int] = field(default_factory=Counter)
    """By HTTP status; 0 for those that got no answer."""
    took_s: float = 0.0
    """From the first intended start to the last answer."""
    histogram: HdrHistogram = field(default_factory=lambda: HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS))

    def add(self, status: int, latency_s: float) -> None:
        self.statuses[status] += 1
        self.histogram.record_value(min(HIGHEST_US, max(LOWEST_US, round(latency_s * 1e6))))

    @property
    def errors(self) -> int:
        return sum(count for status, count in self.statuses.items() if status not in OK)

    def ms(self, percentile: float) -> float:
        """Milliseconds that so many per cent of all requests did not exceed."""
        return float(self.histogram.get_value_at_percentile(percentile)) / 1000


def request(method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
    """The bytes of one HTTP/1.1 request."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def at_rate(requests: Sequence[bytes], rate_per_s: float) -> list[tuple[float, bytes]]:
    """Each request with its intended start, seconds from the beginning, evenly spaced."""
    return [(number / rate_per_s, body) for number, body in enumerate(requests)]


def send(port: int, schedules: Sequence[tuple[int, Sequence[tuple[float, bytes]]]]) -> list[Outcome]:
    """Send several schedules side by side, each over so many connections of its own."""

    async def together() -> list[Outcome]:
        return await asyncio.gather(*(_Run(port, schedule).run(connections) for connections, schedule in schedules))

    return uvloop.run(together())


class _Run:
    def __init__(self, port: int, schedule: Sequence[tuple[float, bytes]]) -> None:
        self._port, self._schedule = port, schedule
        self._outcome = Outcome(len(schedule))
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._idle: list[_Connection] = []
        self._done = asyncio.Event()

    async def run(self, connections: int) -> Outcome:
        loop = asyncio.get_running_loop()
        everyone = [
            (await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port))[1]
            for _ in range(connections)
        ]
        began_s = loop.time()
        for due_s, sent in self._schedule:
            if (ahead_s := began_s + due_s - loop.time()) > 0:
                await asyncio.sleep(ahead_s)
            self._waiting.append((began_s + due_s, sent))
            self._pump()
        try:
            await asyncio.wait_for(self._done.wait(), DRAIN_S)
        except TimeoutError:
            for intended_s, _ in [*self._waiting, *(c.under_way for c in everyone if c.under_way)]:
                self._outcome.add(0, loop.time() - intended_s)
        self._outcome.took_s = loop.time() - began_s
        for connection in everyone:
            connection.close()
        return self._outcome

    def ready(self, connection: _Connection) -> None:
        self._idle.append(connection)
        self._pump()

    def lost(self, connection: _Connection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)

    def answered(self, intended_s: float, status: int) -> None:
        self._outcome.add(status, asyncio.get_running_loop().time() - intended_s)
        if self._outcome.statuses.total() == self._outcome.offered:
            self._done.set()

    def _pump(self) -> None:
        while self._waiting and self._idle:
            self._idle.pop().send(*self._waiting.popleft())


class _Connection(asyncio.Protocol):
    """One request at a time. Answers have a Content-Length, as this service's do."""

    def __init__(self, run: _Run) -> None:
        self._run, self._received, self._missing = run, bytearray(), -1
        self.under_way: tuple[float, bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._run.ready(self)

    def send(self, intended_s: float, sent: bytes) -> None:
        self.under_way = (intended_s, sent)
        self._transport.write(sent)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._missing < 0:
            head = self._received.find(b"\r\n\r\n")
            if head < 0:
                return
            fields = bytes(self._received[:head]).lower().split(b"\r\n")
            length = next(int(f.partition(b":")[2]) for f in fields if f.startswith(b"content-length:"))
            self._missing = head + 4 + length
        if len(self._received) >= self._missing:
            self._finish(int(self._received[9:12]))
            self._run.ready(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.lost(self)
        self._finish(0)

    def close(self) -> None:
        self.under_way = None
        self._transport.close()

    def _finish(self, status: int) -> None:
        if self.under_way is not None:
            intended_s, self.under_way = self.under_way[0], None
            self._run.answered(intended_s, status)
        self._received.clear()
        self._missing = -1
