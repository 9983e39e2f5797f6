"""The proxy itself: an HTTP server before one upstream, a thread per connection."""

from __future__ import annotations

import http.client
import itertools
import re
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit

from fawkes.harness.tamper.bodies import corrupt_answer, replaced, zero_samples
from fawkes.harness.tamper.config import TamperConfig

_HOP_BY_HOP = frozenset(
    (
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"),
        *("transfer-encoding", "upgrade"),
    )
)
"""Headers that belong to one connection (RFC 9110, section 7.6.1)."""

UPSTREAM_TIMEOUT_S = 120.0
"""The longest that Prometheus and Thanos let a query run; the caller's own time-out is shorter."""

Headers = list[tuple[str, str]]


class Answer(NamedTuple):
    """A whole response. Its length is not among the headers."""

    status: int
    headers: Headers
    body: bytes


STORED = Answer(201, [("Content-Type", "application/json")], b'{"status":"stored"}')


class TamperServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1 as soon as it is made. OSError if the port is taken."""

    request_queue_size = 128  # connections that come at once, from a load generator, are not turned away

    def __init__(self, config: TamperConfig) -> None:
        self._config = config
        self._upstream = urlsplit(config.upstream)
        self._posts = itertools.count(1)
        self._zeroed = re.compile(config.zero_metrics_matching) if config.zero_metrics_matching else None
        self._never = threading.Event()
        super().__init__(("127.0.0.1", config.listen_port), _Handler)

    def answer(self, method: str, target: str, headers: Headers, body: bytes) -> Answer:
        """What the client gets: the upstream's answer, tampered with; 502 when the upstream gives none."""
        if self._config.delay_s:
            self._never.wait(self._config.delay_s)
        if method == "POST" and next(self._posts) == self._config.drop_nth_post:
            return STORED
        try:
            answer = self._ask(method, target, headers, body)
        except (OSError, http.client.HTTPException) as err:
            reason = f"{self._config.upstream} does not answer: {type(err).__name__}; is it running?\n"
            return Answer(502, [("Content-Type", "text/plain")], reason.encode())
        status = self._config.replace_status.get(answer.status, answer.status)
        return answer._replace(status=status, body=self._edit(answer))

    def _ask(self, method: str, target: str, headers: Headers, body: bytes) -> Answer:
        """One request on a connection of its own: on loopback that costs nothing, and it is never a stale one."""
        host, port = self._upstream.hostname or "", self._upstream.port
        connection = http.client.HTTPConnection(host, port, timeout=UPSTREAM_TIMEOUT_S)
        # An edited answer must be readable; any other goes through compressed as it is.
        ours = {"host", "content-length"} | ({"accept-encoding"} if self._config.edits_answers else set())
        try:
            connection.putrequest(method, self._upstream.path + target, skip_accept_encoding=True)
            for name, value in _without(headers, ours):
                connection.putheader(name, value)
            if body or method in ("POST", "PUT", "PATCH"):
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(response.status, _without(response.getheaders(), {"content-length"}), response.read())
        finally:
            connection.close()

    def _edit(self, answer: Answer) -> bytes:
        kind = next((value for name, value in answer.headers if name.lower() == "content-type"), "")
        if self._zeroed is not None and kind.startswith(("text/plain", "application/openmetrics-text")):
            return zero_samples(answer.body.decode(), self._zeroed).encode()
        if self._config.corrupt_numbers and kind.startswith("application/json"):
            return corrupt_answer(answer.body)
        if self._config.replace_in_json and kind.startswith("application/json"):
            return replaced(answer.body, self._config.replace_in_json)
        return answer.body


class _Handler(BaseHTTPRequestHandler):
    server: TamperServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together; apart, delayed acknowledgement adds 40 ms

    def pass_on(self) -> None:
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            answer = Answer(
                411, [("Content-Type", "text/plain")], b"send a Content-Length; this proxy reads no chunks\n"
            )
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = self.server.answer(self.command, self.path, self.headers.items(), body)
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = pass_on

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: what passes is on record on both sides."""


def _without(headers: Iterable[tuple[str, str]], names: set[str]) -> Headers:
    return [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP | names]
