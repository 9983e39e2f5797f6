"""The platform's DORA service, run from its own package."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType

import yaml

from fawkes.harness.model import Component, Json, Ready


def dora(
    name: str,
    *,
    port: int,
    dsn: str,
    webhook_secret: str,
    after: tuple[str, ...],
    senders: Mapping[str, Json] = MappingProxyType({}),
) -> Component:
    """Part `name`, for example `dora-0`, with port `http`: webhooks, REST, /metrics. Ready when replayed.

    `senders`: its settings for native senders, `sender_secrets`, `repositories` and `applications`.
    """
    settings = {"dsn": dsn, "webhook_secrets": [webhook_secret], **senders}
    return Component(
        name=name,
        app="dora",
        argv=(sys.executable, "-m", "fawkes.fixtures.services.dora", f"--port={port}", "--config=dora.yaml"),
        ready=Ready(by="http", path="/readyz"),
        ports={"http": port},
        files={"dora.yaml": yaml.safe_dump(settings)},
        after=after,
    )
