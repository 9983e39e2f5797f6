"""Calendar days of a time zone: where they begin, and how many deployments each one saw. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from fawkes.harness.oracle.dora_facts import SECOND_US, Deployment, DeploymentKey

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One local day: successful deployments that completed on it, and how many of them failed."""

    date: date
    deployments: int
    failed: int


def start_of_day_s(day: date, tz: str) -> int:
    """Unix seconds of the first instant of `day` in `tz`, also where the clocks change at midnight.

    In a fold midnight comes twice, and the first one counts. In a gap it never comes, and the day begins where the
    gap ends. Raises ZoneInfoNotFoundError for an unknown zone.
    """
    zone = ZoneInfo(tz)
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    first, second = (int(midnight.replace(fold=fold).timestamp()) for fold in (0, 1))
    if first <= second:
        return first
    # A gap. Python reads a time that does not exist with the offset before (fold 0) or after it (fold 1), which puts
    # it behind or before the gap; in between local time only grows.
    instants = range(second, first + 1)
    return instants[bisect_left(instants, day, key=lambda at_s: datetime.fromtimestamp(at_s, zone).date())]


def day_of_s(at_s: int, tz: str) -> date:
    """The day to which an instant belongs: a day lasts until the next one begins, also if the clocks then go back."""
    day = datetime.fromtimestamp(at_s, ZoneInfo(tz)).date()
    return day + _DAY if at_s >= start_of_day_s(day + _DAY, tz) else day


def calendar(
    deployments: Iterable[Deployment], failing: Set[DeploymentKey], window_us: range, tz: str
) -> list[CalendarDay]:
    """Every local day that the window touches, ascending, those without a deployment included."""
    inside = [d for d in deployments if d.completed_us in window_us]
    completed = Counter(day_of_s(d.completed_us // SECOND_US, tz) for d in inside)
    failed = Counter(day_of_s(d.completed_us // SECOND_US, tz) for d in inside if d.key in failing)
    day, last = (day_of_s(at_us // SECOND_US, tz) for at_us in (window_us[0], window_us[-1]))
    days = []
    while day <= last:
        # A zone that moves over the date line skips a whole day, which then begins where the next one does.
        if start_of_day_s(day, tz) < start_of_day_s(day + _DAY, tz):
            days.append(CalendarDay(day, completed[day], failed[day]))
        day += _DAY
    return days
