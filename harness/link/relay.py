"""The relay: bytes and datagrams pass unchanged, each client in its own connection."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import suppress
from typing import Final, cast

from pydantic import BaseModel, ConfigDict, Field

_HOST: Final = "127.0.0.1"
_READ_BYTES: Final = 1 << 16
_UDP_CLIENTS_MAX: Final = 16
"""Senders whose answers still find back. A cluster here has three members at most; each sends from one socket."""

Address = tuple[str, int]


class LinkConfig(BaseModel):
    """The relay's JSON file; both ports are on 127.0.0.1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen_port: int = Field(ge=0, le=65535)
    target_port: int = Field(ge=1, le=65535)


async def relay(config: LinkConfig) -> None:
    """Serve until cancelled. OSError when the port is taken."""
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(lambda r, w: _pass_on(r, w, config.target_port), _HOST, config.listen_port)
    port = server.sockets[0].getsockname()[1]
    front, _ = await loop.create_datagram_endpoint(
        lambda: _Front((_HOST, config.target_port)), local_addr=(_HOST, port)
    )
    try:
        await server.serve_forever()
    finally:
        front.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target_port: int) -> None:
    try:
        target_reader, target_writer = await asyncio.open_connection(_HOST, target_port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_pump(reader, target_writer), _pump(target_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_READ_BYTES):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.close()
        await writer.wait_closed()


class _Front(asyncio.DatagramProtocol):
    """Takes datagrams from clients; each client has a socket of its own towards the target, which answers come to."""

    def __init__(self, target: Address) -> None:
        self._target = target
        self._backs: OrderedDict[Address, asyncio.Task[asyncio.DatagramTransport]] = OrderedDict()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # which it is no subclass of before Python 3.12

    def datagram_received(self, data: bytes, client: Address) -> None:
        back = self._backs.get(client)
        if back is None:
            back = self._backs[client] = asyncio.ensure_future(self._connect(client))
            if len(self._backs) > _UDP_CLIENTS_MAX:
                _, oldest = self._backs.popitem(last=False)
                oldest.add_done_callback(lambda task: task.result().close())
        back.add_done_callback(lambda task: task.result().sendto(data))

    async def _connect(self, client: Address) -> asyncio.DatagramTransport:
        loop = asyncio.get_running_loop()
        back, _ = await loop.create_datagram_endpoint(lambda: _Back(self._transport, client), remote_addr=self._target)
        return back


class _Back(asyncio.DatagramProtocol):
    def __init__(self, front: asyncio.DatagramTransport, client: Address) -> None:
        self._front, self._client = front, client

    def datagram_received(self, data: bytes, _: Address) -> None:
        self._front.sendto(data, self._client)

    def error_received(self, error: Exception) -> None:
        """The target isn't there (ICMP): a lost datagram, which every sender of datagrams expects."""
