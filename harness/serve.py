"""How the harness' own small servers run: a JSON file says what to serve, a signal ends it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from fawkes.fixtures.services.listening import listen_host

Config = TypeVar("Config", bound=BaseModel)

EXPOSITION: Final = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' text format."""
_BODY_BYTES_MAX: Final = 65_536
"""These servers are sent short commands at most."""


class Page(NamedTuple):
    """One answer."""

    body: bytes
    status: int = 200
    content_type: str = EXPOSITION


def page_server(port: int, answer: Callable[[str, bytes | None], Page | None]) -> ThreadingHTTPServer:
    """A server on `port` (0 picks a free one) of 127.0.0.1 or of its pod, bound, not yet serving. OSError if taken.

    `answer(path, body)` gives the page; `body` is None for a GET. Without a page the connection is closed unanswered.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # Prometheus keeps its connection
        disable_nagle_algorithm = True  # or the body waits 40 ms for the head's delayed acknowledgement

        def do_GET(self) -> None:  # the names http.server looks for
            self._answer(None)

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            self.close_connection = length > _BODY_BYTES_MAX  # what is left of it is no request
            self._answer(self.rfile.read(min(length, _BODY_BYTES_MAX)))

        def _answer(self, body: bytes | None) -> None:
            page = answer(self.path, body)
            if page is None:
                self.close_connection = True
                return
            self.send_response(page.status)
            self.send_header("Content-Type", page.content_type)
            self.send_header("Content-Length", str(len(page.body)))
            self.end_headers()
            self.wfile.write(page.body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: a line per scrape says nothing that Prometheus does not."""

    return ThreadingHTTPServer((listen_host(), port), Handler)


def read_config(path: Path, model: type[Config]) -> Config | None:
    """The configuration at `path`; None when it cannot be used, which is told on stderr."""
    try:
        return model.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as err:
        print(f"{path}: not a usable {model.__name__}: {err}; correct the file", file=sys.stderr)  # noqa: T201
        return None


def serve_until_signal(path: Path, model: type[Config], make: Callable[[Config], ThreadingHTTPServer]) -> int:
    """Serve what `make` makes of the configuration at `path`, until SIGTERM or SIGINT. For the main thread.

    Exit code: 0 after a clean stop, 3 when the configuration cannot be used, which is told on stderr. Raises what
    `make` raises, for example OSError for a taken port.
    """
    if (config := read_config(path, model)) is None:
        return 3
    # Blocked before any thread starts, so that only sigwait below ever sees them.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with make(config) as server:
        threading.Thread(target=server.serve_forever, name="serve", daemon=True).start()
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
        server.shutdown()
    return 0
