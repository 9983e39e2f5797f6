"""A CloudEvent as a request to the DORA service's webhooks, signed as its senders sign it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_ACK: Final = {201: "stored", 200: "duplicate", 0: "lost"}


@dataclass(frozen=True, slots=True)
class Webhook:
    """What is posted. `kind` is what the event is about, and its endpoint's name: commit, build, ..."""

    kind: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return f"/webhook/{self.kind}"


def webhook(event: Mapping[str, Any], key: str) -> Webhook:
    """`dev.fawkes.deployment_completed` goes to /webhook/deployment, signed with HMAC-SHA256 over the body."""
    kind = event["type"].rpartition(".")[2].partition("_")[0]
    body = json.dumps(event, separators=(",", ":")).encode()
    signature = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/cloudevents+json", "X-Hub-Signature-256": f"sha256={signature}"}
    return Webhook(kind, headers, body)


def ack_of(status: int) -> str:
    """What an answer means for the event: stored, duplicate, refused; lost if the status is 0, for no answer."""
    return _ACK.get(status, "refused")
