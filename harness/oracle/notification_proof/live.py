"""Alertmanagers that are posted the cases, and the webhooks that hear what they tell of them."""

from __future__ import annotations

import contextlib
import json
import random
import re
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import httpx

from fawkes.harness.eventually import RealClock, eventually, poll_for
from fawkes.harness.model import Json
from fawkes.harness.oracle.alert_muting import Silence
from fawkes.harness.oracle.alert_routing import Labels, labels_of
from fawkes.harness.oracle.notification_proof.cases import (
    GOSSIP_S,
    HORIZON_S,
    MAINTENANCE_S,
    PEER_TIMEOUT_S,
    SLACK_S,
    Case,
    Heard,
    Streams,
    config_of,
)
from fawkes.harness.oracle.notifications import Cluster, Post
from fawkes.harness.providers.local.ports import Ports
from fawkes.harness.providers.local.process import signal_group, spawn

_READY_WITHIN_S: Final = 30.0
"""It needs 0.2 s, and in a cluster five times ten gossip intervals more; cores may be shared."""

Received = tuple[float, str, Json]
"""Unix seconds, path, body."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of some cases."""

    heard: Sequence[Streams]
    """Of each case."""
    posted_late_s: float
    """By how much the worst post missed its time."""

    @property
    def is_void(self) -> bool:
        """Whether the machine was too busy for what is heard to mean anything."""
        return self.posted_late_s >= SLACK_S


def play(binary: Path, plays: Sequence[tuple[Sequence[Case], Cluster]]) -> list[Played]:
    """Post everything at its time to Alertmanagers named as the clusters' peers, and hear until HORIZON_S; all plays
    at once. To be called from the main thread, which alone starts processes.

    Raises DeadlineExceeded when they don't come up, httpx.HTTPError when one refuses a post.
    """
    with contextlib.ExitStack() as stack:
        stages = [stack.enter_context(_stage(binary, cases, cluster)) for cases, cluster in plays]
        pool = stack.enter_context(ThreadPoolExecutor(len(stages)))
        return list(pool.map(_Stage.play, stages))


@dataclass(frozen=True, slots=True)
class _Stage:
    """Alertmanagers that are up, and what their webhooks hear."""

    cases: Sequence[Case]
    urls: Sequence[str]
    received: Sequence[Received]
    log: Path

    def play(self) -> Played:
        began_s = _next_maintenance(self.log.read_text())
        late_s = _post_all(self.cases, self.urls, began_s)
        return Played([_streams(self.received, str(index), began_s) for index in range(len(self.cases))], late_s)


@contextlib.contextmanager
def _stage(binary: Path, cases: Sequence[Case], cluster: Cluster) -> Iterator[_Stage]:
    names = [peer.name for peer in cluster.peers]
    with _webhooks() as (url, received), tempfile.TemporaryDirectory(prefix="fawkes-oracle-") as scratch:
        config = config_of(cases)
        for hook in [hook for one in config["receivers"] for hook in one.get("webhook_configs", ())]:
            hook["url"] = url + hook["url"]
        with _alertmanagers(binary, Path(scratch), names, config) as urls:
            yield _Stage(cases, urls, received, Path(scratch) / f"{names[0]}.log")


@contextlib.contextmanager
def _webhooks() -> Iterator[tuple[str, list[Received]]]:
    """The URL of a server that takes every message, and the growing list of them."""
    received: list[Received] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((time.time(), self.path, json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True  # a kept connection ends with the process
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))  # looks that often for the end
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def _alertmanagers(
    binary: Path, directory: Path, names: Sequence[str], config: Mapping[str, Json]
) -> Iterator[Sequence[str]]:
    """Their URLs, once they send. The log of each is NAME.log. Several names make a cluster, in the order of names."""
    (directory / "alertmanager.yml").write_text(json.dumps(config))
    ports = Ports(random.Random())
    urls = [f"http://127.0.0.1:{ports.port(name)}" for name in names]
    gossip = {name: ports.port(name, "cluster") for name in names}
    with contextlib.ExitStack() as stack:
        stack.callback(ports.close)
        for name in names:
            argv = [
                *(str(binary), "--config.file=alertmanager.yml", f"--storage.path=data-{name}"),
                f"--web.listen-address=127.0.0.1:{ports.port(name)}",
                f"--dispatch.maintenance-interval={MAINTENANCE_S:g}s",
                *(_cluster_flags(name, gossip) if len(names) > 1 else ["--cluster.listen-address="]),
            ]
            process = spawn(argv, log=directory / f"{name}.log", run_id="oracle-proof", env={}, cwd=directory)
            stack.callback(process.wait)
            stack.callback(signal_group, process.pid, 9)
        for url in urls:
            ask, sends = _asking(url), {"ready", "disabled"}.__contains__
            eventually("Alertmanager to send", ask, sends, within_s=_READY_WITHIN_S, clock=RealClock())
        yield urls


def _asking(url: str) -> Callable[[], Json]:
    return lambda: httpx.get(f"{url}/api/v2/status", trust_env=False).json()["cluster"]["status"]


def _cluster_flags(name: str, ports: Mapping[str, int]) -> Iterator[str]:
    """Fast gossip, because an Alertmanager sends nothing until ten of its intervals have passed five times."""
    yield f"--cluster.listen-address=127.0.0.1:{ports[name]}"
    yield f"--cluster.advertise-address=127.0.0.1:{ports[name]}"
    yield f"--cluster.peer-name={name}"
    yield f"--cluster.peer-timeout={round(PEER_TIMEOUT_S * 1000)}ms"
    yield f"--cluster.gossip-interval={round(GOSSIP_S * 1000)}ms"
    yield from (f"--cluster.peer=127.0.0.1:{port}" for port in ports.values())


def _next_maintenance(log: str) -> float:
    """When the groups are maintained next: the dispatcher starts just before this line is logged."""
    (loaded,) = (line for line in log.splitlines() if "Completed loading of configuration file" in line)
    stamp = re.search(r"time=(\S+)", loaded)
    assert stamp is not None
    started_s = datetime.fromisoformat(stamp[1]).timestamp()
    return started_s + MAINTENANCE_S * (1 + (time.time() - started_s) // MAINTENANCE_S)


def _post_all(cases: Sequence[Case], urls: Sequence[str], began_s: float) -> float:
    """Every alert to all at its time, every silence to one at the beginning; how late the last to leave was."""
    silences = [silence for case in cases for silence in case.silences]
    steps: list[tuple[float, Sequence[str], Json]] = [
        (0.0, [f"{urls[0]}/api/v2/silences"], _silence(one, began_s)) for one in silences
    ]
    posts = sorted((post for case in cases for post in case.posts), key=lambda post: post.at_s)
    steps += [(post.at_s, [f"{url}/api/v2/alerts" for url in urls], [_alert(post, began_s)]) for post in posts]
    clock, late_s = RealClock(), 0.0
    with httpx.Client(trust_env=False) as http:
        for at_s, targets, body in steps:
            poll_for(began_s + at_s - time.time(), every_s=1, clock=clock)
            for target in targets:
                http.post(target, json=body).raise_for_status()
            late_s = max(late_s, time.time() - began_s - at_s)
    poll_for(began_s + HORIZON_S - time.time(), every_s=1, clock=clock)
    return late_s


def _alert(post: Post, began_s: float) -> Json:
    times_s = {"startsAt": post.starts_s, "endsAt": post.ends_s}
    return {"labels": post.labels, **{k: _stamp(began_s + s) for k, s in times_s.items() if s is not None}}


def _silence(silence: Silence, began_s: float) -> Json:
    return {
        "matchers": [
            {"name": one.name, "value": one.value, "isRegex": "~" in one.op, "isEqual": True}
            for one in silence.matchers
        ],
        "startsAt": _stamp(began_s + silence.starts_s),
        "endsAt": _stamp(began_s + silence.ends_s),
        "createdBy": "oracle",
        "comment": "drawn",
    }


def _stamp(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="microseconds")


def _streams(received: Sequence[Received], case: str, began_s: float) -> Streams:
    """What was heard of one case, in the form of its prediction."""
    found: dict[tuple[str, Labels], list[Heard]] = defaultdict(list)
    for at_s, path, message in received:
        if message["alerts"][0]["labels"]["case"] == case and at_s < began_s + HORIZON_S:
            firing, resolved = (
                frozenset(labels_of(one["labels"]) for one in message["alerts"] if one["status"] == status)
                for status in ("firing", "resolved")
            )
            found[path, labels_of(message["groupLabels"])].append((at_s - began_s, firing, resolved))
    return dict(found)
