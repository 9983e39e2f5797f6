"""Whether a cluster looks as if somebody would miss it. Pure: what was seen goes in, reasons come out."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

_WORDS: Final = ("prod", "prd", "production", "live")
_NOT: Final = ("non", "no", "not", "pre")
"""Before one of these words: `nonprod`, `pre-prod` is not it."""
_NODES: Final = 10
"""A cluster for trying things out has fewer."""
_NAMESPACES: Final = 30
"""Beside those of Kubernetes itself. One that a team tries things in has a handful; each of many teams has some."""
_AGE_DAYS: Final = 30.0
"""What is made for a test is gone by then."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a first look shows."""

    context: str
    cluster: str
    """As the kubeconfig calls it."""
    user: str
    server: str
    nodes: int
    namespaces: int
    """Without Kubernetes' own and those that a harness has made."""
    age_days: float | None
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of nodes and namespaces, all together."""


def signs(sight: Sight) -> list[str]:
    """Reasons to take it for production, one sentence each; none for a small young cluster on this machine."""
    names = {"context": sight.context, "cluster": sight.cluster, "user": sight.user, "server": sight.server}
    found = [f"its {what} is called {name}" for what, name in names.items() if _speaks_of_production(name)]
    found += [
        f"something in it has the label {key}={value}"
        for key, value in sorted(sight.labels.items())
        if _speaks_of_production(value)
    ]
    if not _is_here(sight.server):
        found.append(f"{sight.server} is not on this machine")
    if sight.nodes > _NODES:
        found.append(f"it has {sight.nodes} nodes")
    if sight.namespaces > _NAMESPACES:
        found.append(f"it has {sight.namespaces} namespaces")
    if sight.age_days is not None and sight.age_days > _AGE_DAYS:
        found.append(f"it is {sight.age_days:.0f} days old")
    return found


def _speaks_of_production(name: str) -> bool:
    words = [word for word in re.split(r"[^a-z]+", name.lower()) if word]
    return any(word in _WORDS and (index == 0 or words[index - 1] not in _NOT) for index, word in enumerate(words))


def _is_here(server: str) -> bool:
    host = urlsplit(server).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
