"""Runs of broken platforms. They wait more than they compute, so they go on beside the other tests."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fawkes.harness.mutants import MUTANTS

HARNESS = str(Path(sys.executable).with_name("harness"))
TIMED = "query_delayed"
"""Breaks timing: it runs when all others and every other test are over, or its measurement would be void."""
WITHIN_S = 300
"""The slowest mutant makes every observer of its scenario wait in vain: about 90 s, three times over for a busy host."""
STOP_WITHIN_S = 30
"""For a harness that was told to end: parts that ignore its signal are killed after 10 s."""


def command(mutant: str, runs: Path, *, on: str = "local") -> list[str]:
    """Runs the mutant's scenario; the run directory is `runs`/latest."""
    words = ["--on", on, "--mutant", mutant, "--seed", "11", "--runs", str(runs)]
    return [HARNESS, "run", MUTANTS[mutant].scenario, *words]


def at_a_time() -> int:
    """Five on two cores: one keeps 0.3 of a core busy, and the tests beside them another."""
    return max(1, len(os.sched_getaffinity(0)) * 5 // 2)


class MutantRuns:
    """The runs of these mutants as local processes, in this order; the timed one when it is asked for."""

    def __init__(self, names: Sequence[str], directory: Path) -> None:
        self._directory = directory
        self._pool = ThreadPoolExecutor(at_a_time())
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._closing = threading.Event()
        self._built = threading.Event()
        if names:
            self._pool.submit(self._build)
        self._runs = {name: self._pool.submit(self._run, name) for name in names if name != TIMED}

    def wait(self, name: str) -> Path:
        """The run directory of that mutant once its run is over. TimeoutExpired when that takes too long."""
        if name == TIMED:
            for other in self._runs.values():
                other.exception()  # waits for its end
            return self._run(name)
        return self._runs[name].result()

    def close(self) -> None:
        """What still runs takes its platform down; nothing new starts."""
        self._closing.set()
        for process in list(self._processes):
            process.send_signal(signal.SIGTERM)
        self._pool.shutdown(cancel_futures=True)

    def _build(self) -> None:
        """The binaries, which takes minutes where there are none yet. A run without them says itself what is wrong."""
        try:
            self._call([HARNESS, "toolchain", "build"], within_s=None)
        finally:
            self._built.set()

    def _run(self, name: str) -> Path:
        self._built.wait()
        runs = self._directory / name
        self._call(command(name, runs), WITHIN_S)
        return runs / "latest"

    def _call(self, argv: list[str], within_s: float | None) -> None:
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._processes.add(process)
        try:
            if self._closing.is_set():
                process.send_signal(signal.SIGTERM)
            process.wait(within_s)
        except BaseException:
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_WITHIN_S)
            raise
        finally:
            self._processes.discard(process)
