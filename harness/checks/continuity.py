"""A replica of a Prometheus dies and comes back: it has kept what it had, and Thanos Query never showed a gap.

What was scraped is known: a target that followed a script. Samples are looked at as they are stored, because a query by
steps would bridge five minutes. In scrape intervals, between two neighbouring samples there may lie

    of one replica              2      a scrape that was late, and the next in time
    of Thanos Query             4      its deduplication goes over to the other replica when one has been silent for
                                       twice the distance before (pkg/dedup/iter.go), which may have been 2
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from pydantic import Field

from fawkes.harness.checks.exposed import Exposed
from fawkes.harness.checks.gaps import (
    DEDUPLICATED,
    NOTICED_S,
    ONE_REPLICA,
    WIDEST,
    deduplicated,
    longest_s,
    samples_of,
    shown,
)
from fawkes.harness.checks.lines import CannotTellError, failed, passed, series_by_part, the_only, unknown
from fawkes.harness.duration import DurationS
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Json, Observation, Stage, Tolerance

ANSWERED: Final = "answered"
"""Kind of record: `{source, query, asked_s, told_s, value, error}`, one answer to a question that is asked again."""


class ContinuityExpectation(Expectation):
    """Through a replica's death Thanos Query shows every scrape, rightly, and the replica keeps what it had."""

    check: Literal["continuity"] = "continuity"
    metric: str = Field(description="The series of the script that is looked at; one that grows all the time.")
    exposed_part: str = Field(description="The part that follows the script (do: expose).")
    fault_part: str = Field(description="The replica that the scenario kills.")
    app: str = Field(default="prometheus-core", description="The Prometheus whose replica it is.")
    scrape_interval: DurationS = Field(default=30.0, gt=0, description="The target's, unscaled, as it ships.")


class _Case:
    """What is on record of one expectation."""

    def __init__(self, expect: ContinuityExpectation, history: History) -> None:
        self.exposed = Exposed.of(
            the_only(history.of("exposed", part=expect.exposed_part), "something followed a script")
        )
        stop = the_only(history.of("fault", action="stop", part=expect.fault_part), "something was killed")
        start = the_only(history.of("fault", action="start", part=expect.fault_part), "something came back")
        self.began_s: float = stop.data["began_s"]
        self.away_s: float = stop.data["ended_s"]
        self.back_s: float = start.data["ended_s"]
        self.scrape_s = expect.scrape_interval / self.exposed.clock_factor


def check_continuity(expect: ContinuityExpectation, history: History) -> Finding:
    """FAIL at `prometheus` when the killed replica lost what it had, or nobody scraped meanwhile; at `thanos` when it
    shows a gap, a wrong value, a series twice, or answers nothing although it must have noticed.

    INCONCLUSIVE when the replica wasn't away, and when script, fault or an answer is not on record.
    """
    try:
        case = _Case(expect, history)
        lines = [
            *_replicas(expect, case, history),
            *deduplicated(series_by_part(expect, history, Stage.THANOS), case.exposed, case.scrape_s, case.back_s),
            *_answers(case, history),
        ]
    except CannotTellError as error:
        return unknown(expect, str(error))
    limit = Tolerance(
        round(DEDUPLICATED * case.scrape_s, 3),
        "s",
        f"{DEDUPLICATED} scrapes of {case.scrape_s:g} s: Thanos Query changes replicas after twice the last distance",
    )
    if (wrong := failed(expect, lines, limit.value, limit)) is not None:
        return wrong
    widest_s = next(line.observed for line in lines if line.stage is Stage.THANOS and line.note == WIDEST)
    dumb_s = next(line.observed for line in lines if line.note == _DUMB)
    reason = (
        f"{expect.fault_part} was away for {case.back_s - case.began_s:.1f} s, Thanos Query without a new sample for "
        f"{widest_s:g} s and without an answer for up to {dumb_s:g} s"
    )
    return passed(expect, reason, lines, limit.value, limit)


# --- the replicas ---------------------------------------------------------------------------------------------

_DUMB: Final = "seconds after the kill, of the last question without an answer"


def _replicas(expect: ContinuityExpectation, case: _Case, history: History) -> Iterator[Observation]:
    found = series_by_part(expect, history, Stage.PROMETHEUS)
    killed = found.pop(expect.fault_part, None)
    if killed is None:
        raise CannotTellError(f"{expect.fault_part} was never asked")
    own = samples_of(killed)
    if (hole_s := longest_s([at_s for at_s, _ in own], case.away_s, case.back_s)) <= ONE_REPLICA * case.scrape_s:
        raise CannotTellError(f"{expect.fault_part} scraped while it was away; its widest gap is {hole_s:.1f} s")
    before = [at_s for at_s, _ in own if at_s < case.began_s]
    since_s = case.exposed.began_s + ONE_REPLICA * case.scrape_s
    limit_s = round(ONE_REPLICA * case.scrape_s, 3)
    for part, times, from_s, until_s, note in (
        (expect.fault_part, before, since_s, case.began_s, f"{WIDEST}, before it was killed"),
        *(
            (part, [at_s for at_s, _ in samples_of(series)], case.began_s, case.back_s, f"{WIDEST}, meanwhile")
            for part, series in found.items()
        ),
    ):
        widest_s = shown(longest_s(times, from_s, until_s))
        ok = widest_s is not None and widest_s <= limit_s
        yield Observation(Stage.PROMETHEUS, part, limit_s, widest_s, ok, note)


# --- Thanos Query ---------------------------------------------------------------------------------------------


def _answers(case: _Case, history: History) -> Iterator[Observation]:
    """What was told while the replica was away."""
    during = [one.data for one in history.of(ANSWERED) if case.began_s <= one.data["asked_s"] <= case.back_s]
    if not any(one["asked_s"] > case.began_s + NOTICED_S for one in during):
        raise CannotTellError(f"nobody asked Thanos Query later than {NOTICED_S:g} s after the replica's death")
    part, told = during[0]["source"], [one for one in during if one["value"]]
    last_s = max((one["asked_s"] - case.began_s for one in during if not one["value"]), default=0.0)
    ok = last_s <= NOTICED_S
    yield Observation(Stage.THANOS, part, NOTICED_S, round(last_s, 1), ok, _DUMB)
    stale = [text for one in told if (text := _stale(case, one)) is not None]
    yield Observation(
        Stage.THANOS, part, [], stale[:3], not stale, "answers that were older than they may be, or wrong"
    )


def _stale(case: _Case, answer: Mapping[str, Json]) -> str | None:
    """What is wrong with the value of one answer: the script did not show it lately. None for nothing."""
    if len(answer["value"]) != 1:
        return f"{len(answer['value'])} series at once"
    ((labels, value),) = answer["value"]
    oldest_s = answer["asked_s"] - DEDUPLICATED * case.scrape_s
    low, high = (
        max(0.0, (at_s - case.exposed.began_s) * case.exposed.clock_factor) for at_s in (oldest_s, answer["told_s"])
    )
    shown = [
        bounds
        for one in case.exposed.script.series
        if one.name == labels.get("__name__")
        for bounds in one.shown(low, high)
    ]
    if any(least <= value <= most for least, most in shown):
        return None
    return f"{value:g}, {answer['asked_s'] - case.began_s:.1f} s after the kill"
