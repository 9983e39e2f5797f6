"""What is posted to the DORA service's webhooks; a CloudEvent, signed as its senders sign it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

SIGNATURE: Final = "X-Hub-Signature-256"
_ACK: Final = {201: "stored", 200: "duplicate", 0: "lost"}


@dataclass(frozen=True, slots=True)
class Webhook:
    """What is posted. `kind` is its endpoint's name: what the event is about (commit, build, ...), or a sender's."""

    kind: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return f"/webhook/{self.kind}"


def webhook(event: Mapping[str, Any], key: str) -> Webhook:
    """`dev.fawkes.deployment_completed` goes to /webhook/deployment, signed with HMAC-SHA256 over the body."""
    body = json.dumps(event, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/cloudevents+json", SIGNATURE: signature(key, body)}
    return Webhook(kind_of(event), headers, body)


def kind_of(event: Mapping[str, Any]) -> str:
    """What a CloudEvent is about: commit, build, deployment or incident."""
    name: str = event["type"].rpartition(".")[2]
    return name.partition("_")[0]


def signature(key: str, body: bytes) -> str:
    """What the header `SIGNATURE` says, by GitHub's convention."""
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def ack_of(status: int) -> str:
    """What an answer means for the event: stored, duplicate, refused; lost if the status is 0, for no answer."""
    return _ACK.get(status, "refused")
