"""Posts events to the DORA service's webhooks, signed, and records what became of every one."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Queue
from typing import Final
from zlib import crc32

from fawkes.harness.errors import DeadlineExceeded
from fawkes.harness.model import Json
from fawkes.harness.webhook import Webhook, ack_of, webhook
from fawkes.harness.world import Recorder, World
from fawkes.load.histories import CloudEvent

RETRY_WITHIN_S: Final = 20.0
"""How long one event is tried. A restart of the service takes about two seconds on two busy cores; a service that is
away for ten times that is gone, and every event after that is tried once."""

_QUEUED: Final = 64
"""Events that wait for one connection: enough never to starve it, few enough to keep a million in constant memory."""

_UNAVAILABLE: Final = 503
"""The service's word for "not now": it starts, or its database is away. Nothing was stored; try again."""


class Sender:
    """Sends to the first replica of the service, or to the one given. Safe to use from several threads."""

    def __init__(self, world: World, record: Recorder) -> None:
        self._world, self._record = world, record
        self._bases = [world.url(part) for part in world.replicas("dora")]
        self._key = world.secret("dora-webhook")
        self._gone = False

    def send(self, event: CloudEvent, *, replica: int = 0) -> None:
        """Post until there is an answer other than 503, and record an `event`. Never fails because of the service.

        Repeating is safe: an event's identity is its source and id.
        """
        self.deliver("event", webhook(event, self._key), replica=replica, event=event)

    def send_conflict(self, event: CloudEvent, *, replica: int = 0) -> None:
        """As `send`, for an event whose identity was sent with other content before, so that it must be refused.

        It is on record as a `conflict`, not among the events.
        """
        self.deliver("conflict", webhook(event, self._key), replica=replica, event=event)

    def deliver(self, record_kind: str, hook: Webhook, *, replica: int = 0, **about: Json) -> None:
        """As `send`, in whatever words. `about` is more for the record."""
        url = self._bases[replica % len(self._bases)] + hook.path
        status, attempts, posted_s = 0, 0, self._world.now_s()

        def post() -> int:
            nonlocal status, attempts, posted_s
            attempts, status, posted_s = attempts + 1, 0, self._world.now_s()
            status = self._world.http.post(url, content=hook.body, headers=hook.headers).status_code
            return status

        latency_s = None
        try:
            what = f"an answer of {url}"
            within_s = 0.0 if self._gone else RETRY_WITHIN_S
            self._world.eventually(what, post, lambda answer: answer != _UNAVAILABLE, within_s=within_s)
            latency_s = self._world.now_s() - posted_s
        except DeadlineExceeded:
            self._gone = True
        outcome: dict[str, Json] = {"attempts": attempts, "status": status, "latency_s": latency_s}
        self._record(record_kind, **about, kind=hook.kind, ack=ack_of(status), **outcome)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way. A conflict carries the identity of an earlier one and other content."""

    event: CloudEvent
    is_conflict: bool = False


def send_side_by_side(sender: Sender, deliveries: Iterable[Delivery], *, connections: int) -> None:
    """Send over so many connections at once, those of one identity one after the other in their order.

    Lazy: never holds more than a few deliveries per connection. The connections take the service's replicas in turn.
    Raises what a connection raised, when all have ended.
    """
    queues: list[Queue[Delivery | None]] = [Queue(_QUEUED) for _ in range(connections)]

    def work(number: int) -> None:
        try:
            for delivery in iter(queues[number].get, None):
                send = sender.send_conflict if delivery.is_conflict else sender.send
                send(delivery.event, replica=number)
        except BaseException:
            # Nobody would take from the queue any more, and its feeder would wait for ever.
            for _ in iter(queues[number].get, None):
                pass
            raise

    with ThreadPoolExecutor(connections) as pool:
        working = [pool.submit(work, number) for number in range(connections)]
        try:
            for delivery in deliveries:
                identity = f"{delivery.event['source']} {delivery.event['id']}"
                queues[crc32(identity.encode()) % connections].put(delivery)
        finally:
            for queue in queues:
                queue.put(None)
    for one in working:
        one.result()
