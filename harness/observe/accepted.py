"""When Alertmanager got each alert, out of its log: its API tells neither, once the alert is over, nor its first time.

The line is written for every alert of every request (dispatch/dispatch.go, `Received alert`, Alertmanager v0.31.1), so
also when Prometheus sends it again. It holds the alert's name, a short hash of its labels, and whether it is over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fawkes.harness.world import Recorder, World

APP: Final = "alertmanager-main"
_LINES_MAX: Final = 100_000
"""Of the log. A hundred alerts that are sent again every second make so many in a quarter of an hour."""
_RECEIVED: Final = re.compile(
    r'time=(?P<time>\S+) .*msg="Received alert" .*alert="?(?P<alert>.*)\[(?P<labels>[0-9a-f]{7})\]\[(?P<state>\w+)\]"?$'
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """An alert that fires came in, which did not fire before. `at_s`: Unix seconds, to the millisecond."""

    alert: str
    at_s: float


def record_accepted(world: World, record: Recorder) -> None:
    """One `accepted` record for each alert that each Alertmanager got, and each time that it fired anew."""
    for part in world.replicas(APP):
        for one in accepted(world.log_tail(part, _LINES_MAX)):
            record("accepted", source=part, alert=one.alert, at_s=one.at_s)


def accepted(log: str) -> Iterator[Accepted]:
    """What Alertmanager's log says, in its order."""
    firing: set[tuple[str, str]] = set()
    for found in filter(None, map(_RECEIVED.match, log.splitlines())):
        alert = found["alert"], found["labels"]
        if found["state"] != "active":
            firing.discard(alert)
        elif alert not in firing:
            firing.add(alert)
            yield Accepted(found["alert"], datetime.fromisoformat(found["time"]).timestamp())
