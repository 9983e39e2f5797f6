"""Plays a recorded history into the DORA service's webhooks, signed, and records what became of every event."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from fawkes.harness.errors import DeadlineExceeded
from fawkes.harness.model import Component, Json
from fawkes.harness.world import Recorder, Site, World
from fawkes.load.histories import CloudEvent, history_path, load_history, midnight_s

RETRY_BUDGET_S: Final = 20.0
"""For all retries of one replay together. A restart of the service takes about two seconds on two busy cores; a
service that is away for ten times that is gone, and every event after that is tried once."""

_ACK: Final = {201: "stored", 200: "duplicate"}


class ReplaySpec(BaseModel):
    """`do: replay`"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    do: Literal["replay"]
    history: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")] = Field(
        description="Name of a file in fixtures/histories, without .yaml."
    )
    order: Literal["as_recorded", "shuffled"] = Field(
        default="as_recorded", description="shuffled: in an order that the run's seed decides."
    )
    rate_per_s: float | None = Field(default=None, gt=0, description="Events per second; as fast as it goes if absent.")


class Replay:
    """Driver of `do: replay`."""

    spec: type[BaseModel] = ReplaySpec

    def components(self, spec: ReplaySpec, site: Site) -> Sequence[Component]:
        """None: the history goes to the platform's own DORA service."""
        return ()

    def run(self, spec: ReplaySpec, world: World, record: Recorder) -> None:
        """Post every event once, retrying while the service can't be reached, and record one `event` each.

        Raises UsageError or ScenarioError when the history can't be read; never because of the service.
        """
        history = load_history(history_path(spec.history))
        events = history.events(midnight_s(world.now_s()), world.run_id)
        if spec.order == "shuffled":
            random.Random(world.seed).shuffle(events)
        sender = _Sender(world, record)
        began_s = world.now_s()
        for number, event in enumerate(events):
            if spec.rate_per_s is not None:
                world.poll_for(max(0.0, began_s + number / spec.rate_per_s - world.now_s()))
            sender.send(event)


class _Sender:
    def __init__(self, world: World, record: Recorder) -> None:
        self._world, self._record = world, record
        self._base = world.url(world.replicas("dora")[0])
        self._key = world.secret("dora-webhook").encode()
        self._retry_left_s = RETRY_BUDGET_S

    def send(self, event: CloudEvent) -> None:
        """Post until there is an answer, any answer. Repeating is safe: an event's identity is its source and id."""
        kind = _endpoint(event)
        began_s = posted_s = self._world.now_s()
        attempts = 0

        def post() -> int:
            nonlocal attempts, posted_s
            attempts += 1
            posted_s = self._world.now_s()
            return self._post(kind, event)

        outcome: dict[str, Json] = {"status": 0, "ack": "lost", "latency_s": None}
        with suppress(DeadlineExceeded):
            what = f"an answer to {event['type']} {event['id']}"
            status = self._world.eventually(what, post, lambda _: True, within_s=self._retry_left_s)
            latency_s = self._world.now_s() - posted_s
            outcome = {"status": status, "ack": _ACK.get(status, "refused"), "latency_s": latency_s}
        if attempts > 1:
            self._retry_left_s = max(0.0, self._retry_left_s - (self._world.now_s() - began_s))
        self._record("event", event=event, kind=kind, attempts=attempts, **outcome)

    def _post(self, kind: str, event: CloudEvent) -> int:
        body = json.dumps(event, separators=(",", ":")).encode()
        answer = self._world.http.post(
            f"{self._base}/webhook/{kind}",
            content=body,
            headers={
                "Content-Type": "application/cloudevents+json",
                "X-Hub-Signature-256": "sha256=" + hmac.new(self._key, body, hashlib.sha256).hexdigest(),
            },
        )
        return answer.status_code


def _endpoint(event: CloudEvent) -> str:
    """`dev.fawkes.deployment_completed` goes to /webhook/deployment."""
    name: str = event["type"].rpartition(".")[2]
    return name.partition("_")[0]
