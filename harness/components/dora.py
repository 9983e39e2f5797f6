"""The platform's DORA service, run from its own package."""

from __future__ import annotations

import sys

import yaml

from fawkes.harness.model import Component, Ready


def dora(*, port: int, dsn: str, webhook_secret: str, after: tuple[str, ...]) -> Component:
    """Part `dora-0` with port `http`: webhooks, REST API, /metrics. Ready when its store is replayed."""
    return Component(
        name="dora-0",
        app="dora",
        argv=(sys.executable, "-m", "fawkes.fixtures.services.dora", "--port", str(port), "--config", "dora.yaml"),
        ready=Ready(by="http", path="/readyz"),
        ports={"http": port},
        files={"dora.yaml": yaml.safe_dump({"dsn": dsn, "webhook_secrets": [webhook_secret]})},
        after=after,
    )
