"""How each tool proves who it is. Written from the tools' documentation; the service's own code is not used."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from itertools import product
from typing import Final

from fawkes.harness.senders import LIVE, secret_name
from fawkes.harness.webhook import SIGNATURE, signature

Headers = Mapping[str, str]
Proof = Callable[[str, bytes, float], Headers]
"""(secret, raw body, Unix seconds) -> the headers that prove it."""


def by_signature(secret: str, body: bytes, now_s: float) -> Headers:
    """GitHub's convention."""
    return {SIGNATURE: signature(secret, body)}


def by_token(secret: str, body: bytes, now_s: float) -> Headers:
    """GitLab's secret token: the secret itself."""
    return {"X-Gitlab-Token": secret}


def by_standard_signature(secret: str, body: bytes, now_s: float) -> Headers:
    """GitLab's signing token, by the Standard Webhooks specification: HMAC-SHA256 of id, time and body, in base64."""
    message_id, timestamp = "msg-" + hashlib.sha256(body).hexdigest()[:16], str(int(now_s))
    signed = f"{message_id}.{timestamp}.".encode() + body
    mac = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{mac}"}


def by_bearer(secret: str, body: bytes, now_s: float) -> Headers:
    """The header that the template of Argo CD's notification sets."""
    return {"Authorization": f"Bearer {secret}"}


_WAYS: Final[Mapping[str, tuple[Proof, ...]]] = {
    "github": (by_signature,),
    "gitlab": (by_token, by_standard_signature),
    "argocd": (by_bearer,),
    "jenkins": (by_signature,),
}
"""Sender -> every way in which it may prove itself."""


def live_proof(endpoint: str, body: bytes, now_s: float, secret: Callable[[str], str], *, turn: int = 0) -> Headers:
    """The headers of a good delivery. Turns take all live secrets and ways of a sender. `secret`: name -> the run's."""
    if endpoint not in _WAYS:
        return by_signature(secret("dora-webhook"), body, now_s)
    age, way = list(product(LIVE, _WAYS[endpoint]))[turn % (len(LIVE) * len(_WAYS[endpoint]))]
    return way(secret(secret_name(endpoint, age)), body, now_s)
