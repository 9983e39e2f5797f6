"""A scrape target that follows a script: `python -m fawkes.load.scripted_target --port N --config FILE`.

The configuration is a Script as JSON. `POST /-/begin` with `{"clock_factor": F}` starts its time, once, and answers
`{"began_s": UNIX}`. `GET /-/served` lists when /metrics was answered: [[Unix seconds, elapsed seconds, series], ...].
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Final

from pydantic import BaseModel, Field, ValidationError

from fawkes.harness.promql.selector import selector
from fawkes.harness.script import Script
from fawkes.harness.serve import Page, page_server, serve_until_signal

SERVED_MAX: Final = 20_000
"""Scrapes remembered. Two replicas that scrape twice a second need an hour and a half for as many."""

_JSON: Final = "application/json"


class Begin(BaseModel):
    """The body of POST /-/begin."""

    clock_factor: float = Field(gt=0)


class ScriptedTarget:
    """The pages of one target. Safe to ask from several threads."""

    def __init__(self, script: Script, *, now: Callable[[], float] = time.time) -> None:
        self._script, self._now = script, now
        self._lock = threading.Lock()
        self._began: tuple[float, float] | None = None
        self._served: deque[tuple[float, float, int]] = deque(maxlen=SERVED_MAX)

    def answer(self, path: str, body: bytes | None) -> Page | None:
        """None while the script says that nobody answers."""
        match path, body:
            case "/metrics", None:
                return self._metrics()
            case "/-/ready", None:
                return Page(b"ready\n")
            case "/-/served", None:
                with self._lock:
                    return Page(json.dumps(list(self._served)).encode(), content_type=_JSON)
            case "/-/begin", bytes():
                return self._begin(body)
        return Page(b"ask for /metrics, /-/ready, /-/served, or post to /-/begin\n", 404)

    def _metrics(self) -> Page | None:
        with self._lock:
            at_s = self._now()
            elapsed_s = (at_s - self._began[0]) * self._began[1] if self._began else 0.0
            if not self._script.answers(elapsed_s):
                return None
            showing = list(self._script.showing(elapsed_s))
            self._served.append((at_s, elapsed_s, len(showing)))
        lines = []
        for name, group in itertools.groupby(sorted(showing, key=lambda one: one[0].name), key=lambda one: one[0].name):
            samples = list(group)
            lines.append(f"# TYPE {name} {samples[0][0].type}\n")
            lines += [f"{selector(name, series.labels)} {value!r}\n" for series, value in samples]
        return Page("".join(lines).encode())

    def _begin(self, body: bytes) -> Page:
        try:
            wanted = Begin.model_validate_json(body)
        except ValidationError as error:
            return Page(f"{error}\n".encode(), 400)
        with self._lock:
            if self._began is not None:
                return Page(b"the script's time has begun already\n", 409)
            self._began = (self._now(), wanted.clock_factor)
            return Page(json.dumps({"began_s": self._began[0]}).encode(), content_type=_JSON)


def make_server(script: Script, port: int, *, now: Callable[[], float] = time.time) -> ThreadingHTTPServer:
    """A server on 127.0.0.1:`port` (0 picks a free one), bound, not yet serving. OSError if taken."""
    return page_server(port, ScriptedTarget(script, now=now).answer)


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. 0 after a clean stop, 3 when the configuration cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m fawkes.load.scripted_target", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--config", type=Path, required=True, help="a Script as JSON")
    args = parser.parse_args(argv)
    return serve_until_signal(args.config, Script, lambda script: make_server(script, args.port))


if __name__ == "__main__":
    sys.exit(main())
