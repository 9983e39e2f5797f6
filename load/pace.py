"""A workload's rate: each thing at its own intended time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from fawkes.harness.world import World

T = TypeVar("T")


def paced(things: Iterable[T], rate_per_s: float | None, world: World) -> Iterator[T]:
    """Each when it is due, however late the ones before were taken; as fast as they are taken without a rate."""
    began_s = world.now_s()
    for number, thing in enumerate(things):
        if rate_per_s is not None:
            world.poll_for(began_s + number / rate_per_s - world.now_s())
        yield thing
