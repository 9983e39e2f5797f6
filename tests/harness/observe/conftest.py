"""A small platform over real HTTP: parts with canned answers, and a world whose clock runs only while it waits."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from fawkes.harness.eventually import eventually, poll_for
from still_clock import StillClock

STARTED_S = 1_772_323_200.0


class Part:
    """One part. `pages` maps a path, or a PromQL query, to what is answered: one answer after the other, the last one
    again and again. An answer is a status and a text. Queries nobody has thought of have an empty result."""

    def __init__(self):
        self.pages, self.asked = {}, []

    def shows(self, path, *texts, status=200):
        self.pages[path] = [(status, text) for text in texts]

    def answers(self, query, *results):
        """`results` are lists of rows, as below `data.result`."""
        self.shows(query, *(json.dumps({"status": "success", "data": {"result": rows}}) for rows in results))

    def respond(self, path, params):
        self.asked.append((path, params))
        key = params["query"] if path == "/api/v1/query" else path
        left = self.pages.get(key, [(200, '{"status": "success", "data": {"result": []}}')])
        return left.pop(0) if len(left) > 1 else left[0]

    def params_of(self, query):
        """What else came with each asking of `query`."""
        return [{k: v for k, v in p.items() if k != "query"} for _, p in self.asked if p.get("query") == query]


class SmallWorld:
    """What observers ask of a World. Parts are named app-N."""

    run_id, seed, clock_factor, started_at_s = "r1", 7, 1.0, STARTED_S

    def __init__(self, http):
        self.http, self.urls, self.clock, self.records = http, {}, StillClock(), []
        self.secrets = {"dora-webhook": "key"}

    def replicas(self, app):
        return [part for part in self.urls if part.rpartition("-")[0] == app]

    def url(self, part, port="http"):
        return self.urls[part]

    def secret(self, name):
        return self.secrets[name]

    def now_s(self):
        return STARTED_S + self.clock.passed_s

    def eventually(self, what, probe, expect, *, within_s):
        return eventually(what, probe, expect, within_s=within_s, clock=self.clock)

    def poll_for(self, seconds, tick=None):
        poll_for(seconds, tick, clock=self.clock)

    def record(self, kind, /, **data):
        json.dumps(data)  # a record is JSON
        self.records.append((kind, data))

    def recorded(self, kind, **where):
        return [data for k, data in self.records if k == kind and where.items() <= data.items()]


def _handler(part):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self):
            self._answer(urlsplit(self.path).query)

        def do_POST(self):
            self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def _answer(self, params):
            status, text = part.respond(urlsplit(self.path).path, dict(parse_qsl(params)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format, *args):
            pass

    return Handler


@pytest.fixture
def nobody():
    """The URL of a port at which nobody listens: it is bound, so that nobody else gets it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def world(nobody):
    """A SmallWorld without parts, whose event store is away."""
    with httpx.Client(trust_env=False) as http:
        world = SmallWorld(http)
        world.secrets["postgres-dsn"] = nobody.replace("http://", "postgresql://nobody@") + "/none"
        yield world


@pytest.fixture
def part(world):
    """part("thanos-query-0") starts one and gives its Part."""
    servers = []

    def start(name):
        it = Part()
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(it))
        server.daemon_threads = True  # a kept connection ends with the test
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))  # looks that often for the end
        thread.start()
        servers.append((server, thread))
        world.urls[name] = f"http://127.0.0.1:{server.server_port}"
        return it

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.socket.close()


@pytest.fixture
def away(world, nobody):
    """away("thanos-query-0"): a part that is there by name only."""

    def name(part):
        world.urls[part] = nobody

    return name
