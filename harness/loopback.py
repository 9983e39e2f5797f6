"""Addresses the harness may send load to or tamper with: this machine's own, and nothing else."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def require_loopback(url: str) -> str:
    """`url` without a trailing slash, if it is plain http to a loopback address with a port; ValueError otherwise.

    `localhost` is refused too: what it resolves to is the machine's decision, not ours.
    """
    parts = urlsplit(url)
    try:
        local = ipaddress.ip_address(parts.hostname or "").is_loopback
        port = parts.port
    except ValueError:
        local, port = False, None
    if parts.scheme != "http" or not local or port is None or parts.username is not None:
        raise ValueError(f"{url!r} is not on this machine; give a plain loopback address like http://127.0.0.1:9090")
    return url.rstrip("/")


LoopbackUrl = Annotated[str, AfterValidator(require_loopback)]
"""A pydantic field that holds the base URL of a part on this machine."""
