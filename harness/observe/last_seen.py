"""Waiting without giving up: observers record what a stage showed in the end, be it what was hoped for or not."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from fawkes.harness.errors import DeadlineExceeded
from fawkes.harness.world import World


def any_answer(_: object) -> bool:
    """Whatever it is, it is enough that the part answers."""
    return True


def last_seen(
    world: World, what: str, probe: Callable[[], Any], enough: Callable[[Any], bool] = any_answer, *, until_s: float
) -> Any:
    """The first value of `probe` that is `enough`, or the last one it gave before `until_s` (wall clock, Unix seconds).

    Probes at least once. None when the probe only ever raised.
    """
    last: Any = None

    def look() -> Any:
        nonlocal last
        last = probe()
        return last

    with contextlib.suppress(DeadlineExceeded):
        world.eventually(what, look, enough, within_s=max(0.0, until_s - world.now_s()))
    return last
