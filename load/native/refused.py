"""Deliveries that the service must refuse. Each is right but for one thing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from fawkes.harness.senders import SENDERS, TEAMS, application, repository, secret_name
from fawkes.harness.webhook import SIGNATURE, Webhook
from fawkes.load.native.proof import Headers, by_bearer, by_signature, by_standard_signature, by_token, live_proof
from fawkes.load.native.words import Message

LONG_AGO_S: Final = 3600.0
"""How old a repeated GitLab delivery is. Standard Webhooks' own libraries take five minutes at most."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One delivery, and what is wrong with it: the proof of who speaks, or a name that no configuration knows."""

    case: str
    wrong: Literal["proof", "name"]
    hook: Webhook


def refused_deliveries(owner: str, now_s: float, secret: Callable[[str], str]) -> Iterator[Refused]:
    """Of every sender, and of plain JSON. `secret`: name -> the run's."""
    for message in _messages(owner, next(iter(TEAMS)), now_s):
        for case, proof in _false_proofs(message.kind, message.body, now_s, secret):
            yield Refused(case, "proof", message.proved(proof))
    for message in _messages(owner, "of-nobody", now_s):
        proof = live_proof(message.kind, message.body, now_s, secret)
        yield Refused("a name that is not configured", "name", message.proved(proof))


def _messages(owner: str, service: str, now_s: float) -> Iterator[Message]:
    """Something new that each sender has to say of a service."""
    name, time = repository(owner, service), datetime.fromtimestamp(now_s, UTC).isoformat(timespec="seconds")

    def sha(endpoint: str) -> str:
        return hashlib.sha1(f"{owner}/{service}/{endpoint}".encode(), usedforsecurity=False).hexdigest()

    def pushed(endpoint: str) -> list[dict[str, Any]]:
        return [{"id": sha(endpoint), "timestamp": time, "author": {"name": "Mallory"}}]

    push = {"repository": {"full_name": name}, "commits": pushed("github")}
    hook = {"object_kind": "push", "project": {"path_with_namespace": name}, "commits": pushed("gitlab")}
    sync = {"application": application(owner, service, "production"), "phase": "Running", "started_at": time}
    build = {"repository": name, "job": "main", "number": 1, "phase": "started", "timestamp": time}
    plain = {"type": "commit", "timestamp": time, "repository": name, "sha": sha("commit"), "source": f"//{owner}"}
    yield Message("github", {"X-GitHub-Event": "push"}, push)
    yield Message("gitlab", {"X-Gitlab-Event": "Push Hook"}, hook)
    yield Message("argocd", {}, {**sync, "revision": sha("argocd")})
    yield Message("jenkins", {}, {**build, "commit": sha("jenkins")})
    yield Message("commit", {}, plain)


def _false_proofs(
    endpoint: str, body: bytes, now_s: float, secret: Callable[[str], str]
) -> Iterator[tuple[str, Headers]]:
    """What is wrong, and the headers."""
    sender = endpoint if endpoint in SENDERS else None
    live = secret("dora-webhook") if sender is None else secret(secret_name(sender, "live"))
    another = secret(secret_name("gitlab" if sender == "github" else "github", "live"))
    prove = {"gitlab": by_token, "argocd": by_bearer}.get(endpoint, by_signature)
    yield "no proof", {}
    yield "another sender's secret", prove(another, body, now_s)
    if sender is not None:
        yield "a secret that was taken out", prove(secret(secret_name(sender, "former")), body, now_s)
    if endpoint == "gitlab":
        signed = by_standard_signature(live, body, now_s)
        yield "a signature that is only its prefix", {**signed, "webhook-signature": "v1,"}
        yield "a false signature beside a live token", {**signed, "webhook-id": "other", **by_token(live, body, now_s)}
        yield "a delivery of an hour ago", by_standard_signature(live, body, now_s - LONG_AGO_S)
    elif endpoint == "argocd":
        yield "only the scheme of a token", {"Authorization": "Bearer"}
    else:
        yield "a signature that is only its prefix", {SIGNATURE: "sha256="}
        yield "a signature of another body", by_signature(live, body + b" ", now_s)
