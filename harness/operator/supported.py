"""Refuses what this rendering doesn't understand: a setting ignored in silence would be tested in vain."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from fawkes.harness.errors import UsageError


def require_known(where: str, given: Mapping[str, Any], known: Collection[str]) -> None:
    """UsageError naming every field of `given` that isn't in `known`."""
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise UsageError(
            f"{where}: {', '.join(unknown)} cannot be rendered for local processes; "
            "remove it from the object, or run on a cluster, where the operator renders it"
        )
