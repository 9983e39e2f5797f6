"""A scrape target with many series whose values are known: `python -m fawkes.load.target --port N --config FILE`.

The configuration is a SeriesPlan as JSON. Every /metrics is one whole generation, and says which. Lines are kept as
bytes and only those that churned are written anew, so that serving costs a copy of the body and little else.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from pathlib import Path

import numpy as np

from fawkes.harness.serve import Page, page_server, serve_until_signal
from fawkes.load.series import SHARDS, SeriesPlan, series_values


class Exposition:
    """The text of /metrics for one generation after another. Safe to ask from several threads."""

    def __init__(self, plan: SeriesPlan) -> None:
        self._plan = plan
        self._lock = threading.Lock()
        self._lines: list[bytes] = [b""] * plan.series
        self._labels = np.full(plan.series, -1, dtype=np.int64)
        self._generation = 0
        self._body = b""

    def body(self, generation: int) -> bytes:
        """The exposition of `generation`, in Prometheus text format 0.0.4."""
        with self._lock:
            if generation != self._generation:
                self._render(generation)
            return self._body

    def _render(self, generation: int) -> None:
        plan = self._plan
        labels = plan.labels(generation)
        changed = np.flatnonzero(labels != self._labels)
        values = series_values(plan.seed, changed, labels[changed])
        head = f'fawkes_load_value{{run_id="{plan.run_id}",series="'
        for index, label, value in zip(changed.tolist(), labels[changed].tolist(), values.tolist(), strict=True):
            line = f'{head}{index:06d}",shard="{index % SHARDS:02d}",generation="{label}"}} {value}\n'
            self._lines[index] = line.encode()
        self._labels, self._generation = labels, generation
        self._body = b"".join([self._head(generation), *self._lines])

    def _head(self, generation: int) -> bytes:
        run = f'{{run_id="{self._plan.run_id}"}}'
        return (
            "# HELP fawkes_load_generation The generation this scrape belongs to.\n"
            "# TYPE fawkes_load_generation gauge\n"
            f"fawkes_load_generation{run} {generation}\n"
            "# HELP fawkes_load_series_served Series of fawkes_load_value in this scrape.\n"
            "# TYPE fawkes_load_series_served gauge\n"
            f"fawkes_load_series_served{run} {self._plan.series}\n"
            "# HELP fawkes_load_value An integer that follows from seed, series and generation.\n"
            "# TYPE fawkes_load_value gauge\n"
        ).encode()


def make_server(plan: SeriesPlan, port: int, *, now: Callable[[], float] = time.time) -> ThreadingHTTPServer:
    """A server on 127.0.0.1:`port` (0 picks a free one), rendered and bound, not yet serving. OSError if taken."""
    exposition = Exposition(plan)
    exposition.body(plan.generation_at(now()))

    def answer(path: str, body: bytes | None) -> Page:
        match path:
            case "/metrics":
                return Page(exposition.body(plan.generation_at(now())))
            case "/-/ready":
                return Page(b"ready\n")
        return Page(b"ask for /metrics or /-/ready\n", 404)

    return page_server(port, answer)


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. 0 after a clean stop, 3 when the configuration cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m fawkes.load.target", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--config", type=Path, required=True, help="a SeriesPlan as JSON")
    args = parser.parse_args(argv)
    return serve_until_signal(args.config, SeriesPlan, lambda plan: make_server(plan, args.port))


if __name__ == "__main__":
    sys.exit(main())
