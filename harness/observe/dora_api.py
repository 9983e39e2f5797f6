"""Questions to the DORA service's REST API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import httpx

from fawkes.harness.world import World

_ANSWER_WITHIN_S: Final = 5.0
"""An answer on loopback takes milliseconds; a service that needs longer is asked again."""


Found = TypeVar("Found")


def dora_url(world: World, part: str) -> str:
    """Below it, each team has its metrics and bands."""
    return f"{world.url(part)}/api/v1/dora"


def ask(world: World, url: str, params: Mapping[str, str], what: str, find: Callable[[Any], Found]) -> Found:
    """`what`, which `find` takes out of the JSON answer. Raises httpx.HTTPError; DecodingError when it isn't there."""
    answer = world.http.get(url, params=params, timeout=_ANSWER_WITHIN_S).raise_for_status()
    try:
        return find(answer.json())
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise httpx.DecodingError(f"no {what} in the answer") from error
