"""A relay in front of a part's port, through which its peers reach it: the cable that a partition cuts."""

from __future__ import annotations

import json
import sys

from fawkes.harness.model import Component, Ready


def link_name(part: str) -> str:
    """The relay in front of `part`."""
    return f"{part}-link"


def link(part: str, *, listen_port: int, target_port: int) -> Component:
    """Relays TCP and UDP from `listen_port` to `target_port`, both on 127.0.0.1. `part` may start later."""
    return Component(
        name=link_name(part),
        app="link",
        argv=(sys.executable, "-m", "fawkes.harness.link", "--config", "link.json"),
        ready=Ready(by="tcp", port="cluster"),
        ports={"cluster": listen_port},
        files={"link.json": json.dumps({"listen_port": listen_port, "target_port": target_port})},
    )
