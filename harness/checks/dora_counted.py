"""While the service and its database are killed under load: no scrape ever shows less than was acknowledged.

An acknowledged event is committed, and a page shows what is committed; so of every sample that Prometheus took, the
total of `fawkes_dora_events_total` must lie between the events acknowledged before the scrape and those sent at all.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Literal

from pydantic import Field

from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Json, Observation, Record, Stage, Tolerance, Verdict
from fawkes.harness.oracle.counter_bounds import STAMP_MOVES_S

EVENTS_TOTAL: Final = "fawkes_dora_events_total"

_TOLERANCE: Final = Tolerance(
    0.0, "events", "an acknowledged event is committed, and a page is a function of what is committed"
)


class DoraCountedExpectation(Expectation):
    """At each scrape the counter holds every event that was acknowledged before it, whatever was killed meanwhile."""

    check: Literal["dora_counted"] = "dora_counted"
    killed: tuple[str, ...] = Field(min_length=1, description="Parts that must have been killed under load: dora-0.")


def check_dora_counted(expect: DoraCountedExpectation, history: History) -> Finding:
    """PASS when no sample is below what was acknowledged before, above what was sent, or below the sample before.

    FAIL at `prometheus` with the first such sample. INCONCLUSIVE when a part was not killed while events were sent, or
    when no scrape fell into the time in which they were.
    """
    events, series = history.of("event"), history.of("series", expectation=expect.name)
    evidence: list[Observation] = []
    if (void := _void(expect, history, events)) is not None:
        return _finding(expect, Verdict.INCONCLUSIVE, void, Stage.HARNESS)
    acknowledged_s = _acknowledged_s(events)
    for part, samples in _totals(series).items():
        troubles = list(_troubles(samples, acknowledged_s, len(_identities(events))))
        under_load = sum(0 < total < len(acknowledged_s) for _, total in samples)
        evidence.append(
            Observation(Stage.PROMETHEUS, part, len(samples), len(samples) - len(troubles), not troubles, "scrapes")
        )
        if troubles:
            return _finding(expect, Verdict.FAIL, f"{part}: {troubles[0]}", Stage.PROMETHEUS, evidence)
        if not under_load:
            reason = f"{part} took no sample while events were being sent"
            return _finding(expect, Verdict.INCONCLUSIVE, reason, Stage.PROMETHEUS, evidence)
    if not evidence:
        return _finding(expect, Verdict.INCONCLUSIVE, "the counter was never looked at", Stage.PROMETHEUS)
    reason = f"no scrape showed less than was acknowledged, of {len(acknowledged_s)} events in the end"
    return _finding(expect, Verdict.PASS, reason, None, evidence)


def _void(expect: DoraCountedExpectation, history: History, events: Sequence[Record]) -> str | None:
    """Why nothing can be said, if so."""
    if not events:
        return "no event was sent, so nothing is known"
    for part in expect.killed:
        kills = history.of("fault", part=part, action="stop")
        if not any(events[0].at_s < kill.data["began_s"] < events[-1].at_s for kill in kills):
            return f"{part} was not killed while events were sent"
    return None


def _identities(events: Sequence[Record]) -> set[tuple[str, str]]:
    return {(record.data["event"]["source"], record.data["event"]["id"]) for record in events}


def _acknowledged_s(events: Sequence[Record]) -> list[float]:
    """When each distinct event was known to be acknowledged, ascending."""
    first: dict[tuple[str, str], float] = {}
    for record in events:
        if 200 <= record.data["status"] < 300:
            event = record.data["event"]
            first.setdefault((event["source"], event["id"]), record.at_s)
    return sorted(first.values())


def _totals(series: Sequence[Record]) -> dict[str, list[tuple[float, float]]]:
    """Prometheus and exporter -> (Unix seconds, sum over the event types of one scrape)."""
    totals: defaultdict[str, defaultdict[float, float]] = defaultdict(lambda: defaultdict(float))
    for record in series:
        scraped = f"{record.data['source']}: {record.data['labels'].get('pod', 'dora')}"
        for at_s, value in record.data["samples"]:
            totals[scraped][at_s] += value
    return {scraped: sorted(sums.items()) for scraped, sums in totals.items()}


def _troubles(samples: Sequence[tuple[float, float]], acknowledged_s: Sequence[float], sent: int) -> list[str]:
    troubles = []
    for at_s, total in samples:
        known = bisect_right(acknowledged_s, at_s - STAMP_MOVES_S)
        if total < known:
            troubles.append(f"a scrape at {at_s:.3f} shows {total:g} events, {known} were acknowledged before")
        if total > sent:
            troubles.append(f"a scrape at {at_s:.3f} shows {total:g} events, only {sent} were ever sent")
    for (_, before), (at_s, after) in pairwise(samples):
        if after < before:
            troubles.append(f"the counter falls from {before:g} to {after:g} at {at_s:.3f}")
    return troubles


def _finding(
    expect: DoraCountedExpectation,
    verdict: Verdict,
    reason: str,
    stage: Stage | None,
    evidence: Sequence[Observation] = (),
) -> Finding:
    observed: Json = [line.observed for line in evidence] or None
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=verdict,
        expected=[line.expected for line in evidence] or None,
        observed=observed,
        reason=reason,
        stage=stage,
        tolerance=_TOLERANCE,
        evidence=tuple(evidence),
    )
