"""The alerts of a run as every report tells them: how many are covered, in which order, and how long each step took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fawkes.harness.model import ALERT_PLACES, AlertCoverage, AlertSighting, Passage, RunResult, Verdict

_BEFORE = {"pending": ("condition",), "firing": ("pending",), "alertmanager": ("firing",), "inactive": ("condition",)}
"""Where an alert comes from on its way to a place."""
_BEFORE_RECEIVER = ("alertmanager", "inactive", "firing")
"""The same for a receiver: the nearest one that is on record."""


@dataclass(frozen=True, slots=True)
class Step:
    """How long an alert took to a place, from the one before."""

    since: str
    live_s: float
    platform_s: float
    """On the platform's own clock, where that was compressed: live seconds times the factor. An upper bound, since the
    machine's own share (a request, a mail) is multiplied too."""


@dataclass(frozen=True, slots=True)
class Way:
    """The steps of one alert in one scenario, by the place they lead to."""

    alert: str
    sighting: AlertSighting
    raised: Mapping[str, Step]
    cleared: Mapping[str, Step]


def alert_counts(result: RunResult) -> str:
    """`12 shipped, 12 unit-tested, 9 fired, 9 resolved, 8 delivered, 3 kept quiet when they had to; not covered: X`."""
    rows = result.alerts
    numbers = {
        "shipped": len(rows),
        "unit-tested": sum(row.alert.tested_firing and row.alert.tested_quiet for row in rows),
        "fired": sum(row.fired for row in rows),
        "resolved": sum(row.resolved for row in rows),
        "delivered": sum(bool(row.delivered) for row in rows),
        "kept quiet when they had to": sum(bool(row.quiet) for row in rows),
    }
    text = ", ".join(f"{number} {what}" for what, number in numbers.items())
    missing = [row.alert.name for row in rows if row.verdict is None]
    names = "all" if len(missing) == len(rows) else ", ".join(missing)
    return f"{text}; not covered: {names}" if missing else f"{text}; every one is covered"


def alert_rows(result: RunResult) -> list[AlertCoverage]:
    """The failed ones first, then those that could not be judged or are not covered, then the others."""
    order = {Verdict.FAIL: 0, Verdict.INCONCLUSIVE: 1, None: 2, Verdict.PASS: 3}
    return sorted(result.alerts, key=lambda row: order[row.verdict])


def unit_tests(row: AlertCoverage) -> str:
    """What the unit tests name: `firing and quiet`, one of them `only`, or `none`."""
    alert = row.alert
    if alert.tested_firing and alert.tested_quiet:
        return "firing and quiet"
    return "firing only" if alert.tested_firing else "quiet only" if alert.tested_quiet else "none"


def ways(rows: Iterable[AlertCoverage]) -> list[Way]:
    """One for every scenario in which an alert fired."""
    return [
        Way(row.alert.name, seen, _steps(seen.raised, seen.clock_factor), _steps(seen.cleared, seen.clock_factor))
        for row in rows
        for seen in row.sightings
        if seen.fired
    ]


def receivers(found: Iterable[Way]) -> list[str]:
    """The receivers at the end of these ways, sorted."""
    return sorted({place for way in found for place in (*way.raised, *way.cleared) if place not in ALERT_PLACES})


def _steps(passages: Iterable[Passage], clock_factor: float) -> dict[str, Step]:
    times_s = {passage.place: passage.at_s for passage in passages}
    steps = {}
    for place, at_s in times_s.items():
        before = next((one for one in _BEFORE.get(place, _BEFORE_RECEIVER) if one in times_s), None)
        if place != "condition" and before is not None:
            live_s = at_s - times_s[before]
            steps[place] = Step(before, live_s, live_s * clock_factor)
    return steps
