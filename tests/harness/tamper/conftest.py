"""A real upstream that remembers what reached it, and a proxy before it."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from fawkes.harness.tamper.config import TamperConfig
from fawkes.harness.tamper.proxy import TamperServer
from free_ports import free_ports


@pytest.fixture
def free_port():
    (port,) = free_ports(1)
    return port


@pytest.fixture
def upstream():
    """`answer` is what it gives: (status, headers, body). `seen` is what reached it: (method, path, headers, body)."""
    state = SimpleNamespace(answer=(200, {"Content-Type": "text/plain"}, b"hello"), seen=[])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            state.seen.append((self.command, self.path, self.headers, body))
            status, headers, body = state.answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, format, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}"
        yield state
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(upstream):
    """`proxy(**tampering)` starts one; gives `ask(method, path, body, headers) -> (status, headers, body)`."""
    running = []

    def start(**tampering):
        server = TamperServer(TamperConfig.model_validate({"listen_port": 0, "upstream": upstream.url, **tampering}))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return lambda *request: ask(server.server_port, *request)

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(port, method="GET", path="/", body=b"", headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body=body or None, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()
