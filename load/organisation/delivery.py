"""How events arrive: late, overtaking one another, twice, or contradicting what was said before."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from fawkes.harness.duration import DurationS
from fawkes.load.histories import CloudEvent
from fawkes.load.organisation.parameters import DAY_S
from fawkes.load.sender import Delivery

_MOVED = timedelta(hours=1)
"""By how much a conflict's time differs from the original's: enough to change a duration, should it be believed."""


class DeliverySpec(BaseModel):
    """What befalls events between their occurrence and their arrival. All durations are in event time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shuffled: DurationS = Field(default=0.0, ge=0, description="Each event arrives up to so much later, at random.")
    duplicate_percent: float = Field(default=0.0, ge=0, le=100, description="Events that arrive a second time.")
    conflict_percent: float = Field(
        default=0.0, ge=0, le=100, description="Events whose identity arrives again with other content."
    )
    late_percent: float = Field(default=0.0, ge=0, le=100, description="Events that arrive late.")
    late: DurationS = Field(default=7 * DAY_S, gt=0, description="How late those are.")


def deliveries(events: Iterable[CloudEvent], spec: DeliverySpec, rng: random.Random) -> Iterator[Delivery]:
    """The events, which come in time order, in the order of their arrival. Lazy; holds what is on its way.

    What arrives again does so after the original.
    """
    under_way: list[tuple[float, int, Delivery]] = []
    order = itertools.count()

    def depart(arrives_s: float, delivery: Delivery) -> None:
        heapq.heappush(under_way, (arrives_s, next(order), delivery))

    def happens(percent: float) -> bool:
        return rng.random() * 100 < percent

    for event in events:
        occurred_s = datetime.fromisoformat(event["time"]).timestamp()
        while under_way and under_way[0][0] < occurred_s:
            yield heapq.heappop(under_way)[2]
        arrives_s = occurred_s + rng.uniform(0, spec.shuffled) + (spec.late if happens(spec.late_percent) else 0.0)
        depart(arrives_s, Delivery(event))
        if happens(spec.duplicate_percent):
            depart(arrives_s + rng.uniform(0, spec.late), Delivery(event))
        if happens(spec.conflict_percent):
            depart(arrives_s + rng.uniform(0, spec.late), Delivery(_contradiction(event), is_conflict=True))
    while under_way:
        yield heapq.heappop(under_way)[2]


def _contradiction(event: CloudEvent) -> CloudEvent:
    return {**event, "time": (datetime.fromisoformat(event["time"]) + _MOVED).isoformat(timespec="milliseconds")}
