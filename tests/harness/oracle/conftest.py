"""Alertmanagers to play to, alone or in a cluster, and what they told of it."""

import contextlib
import json
import os
import socket
import subprocess
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.toolchain.cache import cache_directory
from fawkes.harness.toolchain.find import Miss, find


@contextlib.contextmanager
def webhooks():
    """The URL of a server that takes every message, and the growing list of them: (when, path, JSON)."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((time.time(), self.path, json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True  # a kept connection ends with the test
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))  # looks that often for the end
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def running(directory, names, config, flags):
    """Alertmanagers of these names: their URLs, and what they told of it. The log of each is NAME.txt.

    Webhooks in `config` have a path for their URL. Several names make a cluster, in the order of the names.
    """
    binary = find("alertmanager", environ=os.environ, cache_dir=cache_directory(os.environ))
    if isinstance(binary, Miss):
        pytest.skip(f"no alertmanager: {'; '.join(binary.reasons)}")
    with contextlib.ExitStack() as stack:
        url, received = stack.enter_context(webhooks())
        for hook in [hook for receiver in config["receivers"] for hook in receiver.get("webhook_configs", ())]:
            hook["url"] = url + hook["url"]
        (directory / "alertmanager.yml").write_text(json.dumps(config))
        http, gossip = (dict(zip(names, free_ports(len(names)), strict=True)) for _ in range(2))
        for name in names:
            argv = [
                str(binary.path),
                "--config.file=alertmanager.yml",
                f"--storage.path=data-{name}",
                f"--web.listen-address=127.0.0.1:{http[name]}",
                *flags,
                *(cluster_flags(name, gossip) if len(names) > 1 else ["--cluster.listen-address="]),
            ]
            log = stack.enter_context(open(directory / f"{name}.txt", "wb"))
            process = subprocess.Popen(argv, cwd=directory, stdout=log, stderr=subprocess.STDOUT)
            stack.callback(process.wait, 10)
            stack.callback(process.terminate)
        urls = [f"http://127.0.0.1:{port}" for port in http.values()]
        for one in urls:
            ask, sends = partial(status, one), {"ready", "disabled"}.__contains__
            eventually("it sends", ask, sends, within_s=20, clock=RealClock())
        yield urls, received


def status(url):
    """Of the cluster: settling or ready; disabled for one that is alone."""
    return httpx.get(f"{url}/api/v2/status").json()["cluster"]["status"]


def cluster_flags(name, ports):
    """Fast gossip, because an Alertmanager sends nothing until ten of its intervals have passed five times."""
    yield f"--cluster.listen-address=127.0.0.1:{ports[name]}"
    yield f"--cluster.advertise-address=127.0.0.1:{ports[name]}"
    yield f"--cluster.peer-name={name}"
    yield "--cluster.gossip-interval=50ms"
    yield from (f"--cluster.peer=127.0.0.1:{port}" for port in ports.values())


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for free in sockets:
            free.bind(("127.0.0.1", 0))
        return [free.getsockname()[1] for free in sockets]


@pytest.fixture(scope="module")
def alertmanagers():
    """with alertmanagers(directory, names, config, flags) as (urls, received)"""
    return running
