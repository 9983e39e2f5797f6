"""Several scenarios of one run at a time, each with a platform and a process of its own.

Most scenarios wait more than they compute. Those that measure say `alone: true` and get the machine for themselves.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from fawkes.harness.providers.local.process import child_of_ours
from fawkes.harness.scenario import Scenario

PLATFORM_BYTES: Final = 2 << 30
"""What a platform may take: 1.4 GiB measured idle, 1.9 GiB under 100,000 series (docs/measured.md)."""
_LINE_BYTES: Final = 1 << 16

Tell = Callable[[str, str], None]
"""(scenario, line)."""


def jobs_that_fit() -> int:
    """Three for two cores, as far as the memory goes: a platform keeps a third of a core busy (docs/measured.md)."""
    by_cores = len(os.sched_getaffinity(0)) * 3 // 2
    return max(1, min(by_cores, psutil.virtual_memory().available // PLATFORM_BYTES))


def run_side_by_side(directory: Path, scenarios: Mapping[str, Scenario], jobs: int, tell: Tell) -> bool:
    """Record them all, at most `jobs` at a time; True when Ctrl-C or SIGTERM ended it early.

    A process that dies leaves a record cut short, which is judged as such.
    """
    together = [name for name, scenario in scenarios.items() if not scenario.alone]
    crew = _Crew(directory, tell)
    try:
        crew.work(together, jobs)
        crew.work([name for name in scenarios if name not in together], 1)
    except KeyboardInterrupt:
        crew.end()
        return True
    return False


@dataclass(slots=True)
class _Crew:
    """The processes that are at work."""

    directory: Path
    tell: Tell
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def work(self, names: Sequence[str], jobs: int) -> None:
        waiting = list(names)
        while waiting or self.running:
            while waiting and len(self.running) < jobs:
                self._start(waiting.pop(0))
            self._listen()

    def end(self) -> None:
        """Ask all of them to take their platforms down, and hear them out."""
        for process in self.running.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        while self.running:
            self._listen()

    def _start(self, name: str) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "fawkes.harness.worker", str(self.directory), name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C on the terminal is for us to pass on, once
            # SIGTERM, so that it takes its platform down should this process be killed
            preexec_fn=child_of_ours(signal.SIGTERM),  # noqa: PLW1509 - no other thread runs here
        )
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        self.running[name] = process
        self.selector.register(process.stdout, selectors.EVENT_READ, _Lines(name))

    def _listen(self) -> None:
        """Pass on what any of them says; forget those that have ended."""
        for key, _ in self.selector.select():
            lines: _Lines = key.data
            chunk = os.read(key.fd, _LINE_BYTES)
            for line in lines.complete(chunk):
                self.tell(lines.name, line)
            if not chunk:
                self.selector.unregister(key.fileobj)
                process = self.running.pop(lines.name)
                process.wait()
                assert process.stdout is not None
                process.stdout.close()


@dataclass(slots=True)
class _Lines:
    """What one process has said since its last whole line."""

    name: str
    pending: bytes = b""

    def complete(self, chunk: bytes) -> Iterator[str]:
        """The lines that `chunk` completes; what is left at the end counts as one."""
        *whole, self.pending = (self.pending + chunk).split(b"\n")
        if not chunk and self.pending:
            whole, self.pending = [self.pending], b""
        yield from (line.decode(errors="replace") for line in whole)
