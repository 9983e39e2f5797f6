"""`python -m fawkes.harness.providers.existing.forwarder SETTINGS`: carries connections of this machine into pods.

It gets listening sockets, each with the pods and the port that it stands for, from the harness (port_forwards.py) and
ends with it. The first connection to one starts a `kubectl port-forward`; the next after its pod has gone starts
another. A connection that can't be carried is reset, as by a host whose port nobody has.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fawkes.harness.errors import HarnessError, ProviderError
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.operator.objects import name_of
from fawkes.harness.providers.local.process import child_of_ours

MESSAGE_BYTES: Final = 1 << 16
_CHUNK_BYTES: Final = 1 << 16
_OPEN_WITHIN_S: Final = 15.0
"""kubectl says where it listens after 0.3 s; behind a slow credential plugin it takes seconds."""
_LOOK_EVERY_S: Final = 1.0
"""One list of pods in each namespace that has a tunnel. What waits for a pod that was replaced waits longer."""
_LAST_WORDS_S: Final = 10.0
"""For what is still to come when one side has ended. That it has is not always told to the pod, whose servers then
would keep the connection for minutes."""
_LISTENS: Final = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ->")
_RESET: Final = struct.pack("ii", 1, 0)  # linger for 0 s: close(2) sends RST


@dataclass(frozen=True, slots=True)
class Route:
    """What a listening socket stands for."""

    name: str
    """`prometheus-core-0/http`, for the log."""
    namespace: str
    selector: str
    """Of labels, which only the pods of one part have."""
    target: str | int
    """Name or number of the container's port."""


@dataclass(slots=True)
class Tunnel:
    """One `kubectl port-forward`, whenever there is need of one."""

    route: Route
    pods: Pods
    kubectl: Sequence[str]
    uid: str = ""
    """Of the pod that it leads to."""
    _process: asyncio.subprocess.Process | None = None
    _port: int = 0
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def open(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def port(self) -> int:
        """Of 127.0.0.1, behind which the pod is. ProviderError where it can't be reached now."""
        async with self._opening:
            if not self.open:
                pod = await asyncio.to_thread(self.pods.current, self.route)
                await self._start(pod)
            return self._port

    def close(self) -> None:
        """Connections that go through it end. The next one opens it again."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        self._process = None

    async def _start(self, pod: Mapping[str, Any]) -> None:
        place = ["--namespace", self.route.namespace, "--address", "127.0.0.1"]
        process = await asyncio.create_subprocess_exec(
            *(*self.kubectl, "port-forward", *place, f"pod/{name_of(pod)}", f":{self.route.target}"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            preexec_fn=child_of_ours(signal.SIGKILL),
        )
        self._process, self.uid = process, pod["metadata"]["uid"]
        assert process.stdout is not None
        line = b""
        with contextlib.suppress(TimeoutError):
            line = await asyncio.wait_for(process.stdout.readline(), _OPEN_WITHIN_S)
        found = _LISTENS.match(line.decode())
        if found is None:
            self.close()
            raise ProviderError(f"kubectl did not open a way to {self.route.name}; its words are above")
        self._port = int(found[1])
        _say(f"{self.route.name}: by way of pod {name_of(pod)} ({self.uid})")


class Pods:
    """Which pods there are now."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def current(self, route: Route) -> Mapping[str, Any]:
        """The pod that a route leads to. ProviderError while there is none."""
        found = self._api.list("v1", "Pod", route.namespace, labels=route.selector)
        running = [one for one in found if _runs(one)]
        if not running:
            raise ProviderError(f"no pod of {route.namespace} with {route.selector} runs")
        return running[0]

    def uids(self, namespaces: Iterable[str]) -> set[str]:
        """Of all that run in these namespaces."""
        found = (one for namespace in namespaces for one in self._api.list("v1", "Pod", namespace))
        return {one["metadata"]["uid"] for one in found if _runs(one)}


async def drop_those_of_gone_pods(tunnels: Sequence[Tunnel], pods: Pods) -> None:
    """For ever. kubectl itself learns that its pod is gone when the next connection fails."""
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        watched = [(tunnel, tunnel.uid) for tunnel in tunnels if tunnel.open]
        try:
            running = await asyncio.to_thread(pods.uids, {tunnel.route.namespace for tunnel, _ in watched})
        except HarnessError as error:
            _say(f"cannot look for pods: {error}")
            continue
        for tunnel, uid in watched:
            if tunnel.open and tunnel.uid == uid and uid not in running:
                _say(f"{tunnel.route.name}: its pod is gone")
                tunnel.close()


async def carry(tunnel: Tunnel, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, until both sides have ended it, or one has and the other is silent about it."""
    try:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", await tunnel.port())
    except (HarnessError, OSError) as error:
        _say(f"{tunnel.route.name}: {error}")
        _reset(writer)
        return
    ways = [asyncio.create_task(_pump(reader, far_writer)), asyncio.create_task(_pump(far_reader, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        ended, _ = await asyncio.wait(ways, timeout=_LAST_WORDS_S)
        if any(way.exception() for way in ended):
            _reset(writer)
    except asyncio.CancelledError:  # when all ends; asyncio would log it as our failure
        _reset(writer)
    finally:
        for way in ways:
            way.cancel()
        for side in (writer, far_writer):
            side.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while chunk := await source.read(_CHUNK_BYTES):
        sink.write(chunk)
        await sink.drain()
    sink.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


def _runs(pod: Mapping[str, Any]) -> bool:
    return pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]


async def _serve(control: socket.socket, pods: Pods, kubectl: Sequence[str]) -> None:
    """Until the harness closes its end of `control`."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    tunnels: list[Tunnel] = []
    serving: list[asyncio.Task[asyncio.Server]] = []
    carried: set[asyncio.Task[None]] = set()
    """The loop itself doesn't keep its tasks alive."""

    def listen() -> None:
        message, sockets, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 1)
        if not message:
            ended.set()
            return
        tunnel = Tunnel(Route(**json.loads(message)), pods, kubectl)
        tunnels.append(tunnel)

        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = loop.create_task(carry(tunnel, reader, writer))
            carried.add(task)
            task.add_done_callback(carried.discard)

        serving.append(loop.create_task(asyncio.start_server(accepted, sock=socket.socket(fileno=sockets[0]))))

    loop.add_reader(control, listen)
    watching = loop.create_task(drop_those_of_gone_pods(tunnels, pods))
    await ended.wait()
    watching.cancel()
    for tunnel in tunnels:
        tunnel.close()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - the log of this process


def main(words: str) -> None:
    """`words`: JSON with `control` (a file descriptor), `kubeconfig`, `context` and `kubectl` (a command)."""
    settings = json.loads(words)
    control = socket.socket(fileno=settings["control"])
    api = Api(Path(settings["kubeconfig"]), settings["context"])
    asyncio.run(_serve(control, Pods(api), settings["kubectl"]))


if __name__ == "__main__":
    main(sys.argv[1])
