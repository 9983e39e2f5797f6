"""Real parts that a test starts itself, and a World over them; their clock is compressed, the test's is not."""

import os
import subprocess
import time

import httpx
import pytest

from fawkes.harness import eventually as waiting
from fawkes.harness.toolchain.cache import cache_directory
from fawkes.harness.toolchain.find import Miss, find


def built(*names):
    """Name -> binary of the toolchain. Skips the test when one is neither on PATH nor built."""
    found = {name: find(name, environ=os.environ, cache_dir=cache_directory(os.environ)) for name in names}
    for name, binary in found.items():
        if isinstance(binary, Miss):
            pytest.skip(f"no {name}: {'; '.join(binary.reasons)}")
    return {name: binary.path for name, binary in found.items()}


class LiveWorld:
    """What drivers and observers use of a World. The files of a part are in `directory` / its name."""

    run_id, seed = "r", 1

    def __init__(self, stack, directory, ports, binaries, *, clock_factor):
        self._stack, self.directory, self.ports, self.binaries = stack, directory, ports, binaries
        self.clock_factor, self.clock = clock_factor, waiting.RealClock()
        self.http = stack.enter_context(httpx.Client(trust_env=False))
        self.started_at_s = time.time()

    def start(self, part, argv, files):
        """The process; ended with the stack."""
        home = self.directory / part
        home.mkdir(exist_ok=True)
        for name, text in files.items():
            (home / name).write_text(text)
        with open(home / "log.txt", "ab") as log:
            process = subprocess.Popen(argv, cwd=home, stdout=log, stderr=subprocess.STDOUT)
        self._stack.callback(lambda: (process.terminate(), process.wait(10)))
        return process

    def await_ready(self, part):
        ready = lambda: self.http.get(f"{self.url(part)}/-/ready").status_code  # noqa: E731
        self.eventually(f"{part} ready", ready, lambda status: status == 200, within_s=30)

    def replicas(self, app):
        return [part for part in self.ports if part.rpartition("-")[0] == app]

    def port(self, part, port="http"):
        return self.ports[part]

    def url(self, part, port="http"):
        return f"http://127.0.0.1:{self.ports[part]}"

    def binary(self, name):
        return self.binaries[name]

    def log_tail(self, part, lines):
        return (self.directory / part / "log.txt").read_text()

    def now_s(self):
        return time.time()

    def eventually(self, what, probe, expect, *, within_s):
        return waiting.eventually(what, probe, expect, within_s=within_s, clock=self.clock)

    def poll_for(self, seconds, tick=None):
        waiting.poll_for(seconds, tick, clock=self.clock)
