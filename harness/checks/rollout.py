"""A Prometheus goes from one version to another, replica by replica: what each misses is its own restart and no more.

What was scraped is known: a target that followed a script. When each replica was away is known from the API server,
which was watched: from the last look at which its old pod was not to go, until the new one was ready. Within that
window, and DISCOVERED_S and two scrapes after it, a replica may have no samples; anywhere else no more than two scrapes
apart (four of Thanos Query, see gaps.py).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from pydantic import Field

from fawkes.harness.checks.continuity import ANSWERED
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
from fawkes.harness.checks.lines import CannotTellError, failed, passed, series_by_part, unknown
from fawkes.harness.duration import DurationS
from fawkes.harness.expectation import Expectation
from fawkes.harness.faults import REPLACED
from fawkes.harness.model import Finding, History, Observation, Stage, Tolerance

DISCOVERED_S: Final = 5.0
"""From ready until its targets are known: lists of the API server, which take a second on a busy machine, and until the
scraper is told of them, which it is every 5 s by default."""
FOUND_S: Final = 15.0
"""Thanos Query looks for new addresses every 5 s (store.sd-dns-interval), and up to NOTICED_S passes until it has asked
there; the other replica may go as soon as this one is ready."""


class RolloutExpectation(Expectation):
    """Every replica runs the new version, has all but its restart's samples; together they have all of them."""

    check: Literal["rollout"] = "rollout"
    metric: str = Field(description="The series of the script that is looked at; one that grows all the time.")
    exposed_part: str = Field(description="The part that follows the script (do: expose).")
    version: str = Field(description="What the image's tag must say in the end.")
    app: str = Field(default="prometheus-core", description="The Prometheus that is upgraded.")
    scrape_interval: DurationS = Field(default=30.0, gt=0, description="The target's, unscaled, as it ships.")


def check_rollout(expect: RolloutExpectation, history: History) -> Finding:
    """FAIL at `part` when a replica does not run the new version, or two were away at once; at `prometheus` when one
    lost what it had, or missed more than its restart; at `thanos` when something is missing, wrong or twice in all, or
    nobody answered for longer than it takes to find a new address. INCONCLUSIVE when something is not on record.
    """
    try:
        case = _Case(expect, history)
        lines = [*_versions(expect, case)]
        if all(line.ok for line in lines):
            lines += [
                *_in_turn(case),
                *_replicas(expect, case, history),
                *_thanos(expect, case, history),
                *_answers(case, history),
            ]
    except CannotTellError as error:
        return unknown(expect, str(error))
    limit = Tolerance(
        round(DEDUPLICATED * case.scrape_s, 3),
        "s",
        f"{DEDUPLICATED} scrapes of {case.scrape_s:g} s for Thanos Query, {ONE_REPLICA} for a replica that is not away",
    )
    if (wrong := failed(expect, lines, limit.value, limit)) is not None:
        return wrong
    away_s = [one["back_s"] - one["left_s"] for one in case.replaced]
    gap_s = max(line.observed for line in lines if line.note == _GAP)
    widest_s = max(line.observed for line in lines if line.stage is Stage.THANOS and line.note == WIDEST)
    dumb_s = max(line.observed for line in lines if line.note == _DUMB)
    reason = (
        f"each replica was away for {' and '.join(f'{one:.1f}' for one in away_s)} s and without samples for up to "
        f"{gap_s:g} s, Thanos Query without a new sample for {widest_s:g} s and without an answer for {dumb_s:g} s"
    )
    return passed(expect, reason, lines, limit.value, limit)


class _Case:
    """What is on record of one expectation."""

    def __init__(self, expect: RolloutExpectation, history: History) -> None:
        exposed = history.of("exposed", part=expect.exposed_part)
        if len(exposed) != 1:
            raise CannotTellError(f"{len(exposed)} records say that {expect.exposed_part} followed a script")
        self.exposed = Exposed.of(exposed[0])
        self.scrape_s = expect.scrape_interval / self.exposed.clock_factor
        self.replaced: list[Mapping[str, Any]] = sorted(
            (one.data for one in history.of(REPLACED, app=expect.app)), key=lambda one: one.get("left_s", 0.0)
        )
        if not self.replaced:
            raise CannotTellError(f"nobody upgraded {expect.app}")


_GAP: Final = "seconds without a sample around its restart, at most"
_DUMB: Final = "seconds during which every question had no answer, at most"


def _versions(expect: RolloutExpectation, case: _Case) -> Iterator[Observation]:
    for one in case.replaced:
        if one["image_before"].endswith(f":{expect.version}"):
            raise CannotTellError(f"{one['part']} ran {expect.version} before already")
        after = one.get("image_after", one["image_before"])
        ok = after.endswith(f":{expect.version}") and "back_s" in one
        yield Observation(Stage.PART, one["part"], expect.version, after.rpartition(":")[2], ok, "version of its image")


def _in_turn(case: _Case) -> Iterator[Observation]:
    first, count = case.replaced[0]["part"], len(case.replaced)
    yield Observation(Stage.PART, first, "more than 1", count, count > 1, "replicas that stand in for each other")
    for earlier, later in itertools.pairwise(case.replaced):
        together_s = round(max(0.0, earlier["back_s"] - later["left_s"]), 3)
        note = f"seconds for which {earlier['part']} was away as well"
        # Each look at the pods comes a moment after the one before.
        yield Observation(Stage.PART, later["part"], LOOKS_S, together_s, together_s <= LOOKS_S, note)


LOOKS_S: Final = 2.0
"""Between two looks at all pods on a busy machine; a pod that goes is taken to be away since the look before."""


def _replicas(expect: RolloutExpectation, case: _Case, history: History) -> Iterator[Observation]:
    found = series_by_part(expect, history, Stage.PROMETHEUS)
    limit_s = round(ONE_REPLICA * case.scrape_s, 3)
    for one in case.replaced:
        part = one["part"]
        if part not in found:
            raise CannotTellError(f"{part} was never asked")
        times = [at_s for at_s, _ in samples_of(found[part])]
        since_s = case.exposed.began_s + ONE_REPLICA * case.scrape_s
        if one["left_s"] - since_s < limit_s:
            raise CannotTellError(f"{part} was replaced before it had scraped enough to lose")
        again_s = one["back_s"] + DISCOVERED_S
        before = [at_s for at_s in times if at_s <= one["left_s"]]
        after = [at_s for at_s in times if at_s >= again_s]
        for kept, from_s, until_s, when in (
            (before, since_s, one["left_s"], "before its restart"),
            (after, again_s, max(after, default=again_s), "after its restart"),
        ):
            gap_s = shown(longest_s(kept, from_s, until_s)) if kept else None
            yield Observation(
                Stage.PROMETHEUS, part, limit_s, gap_s, gap_s is not None and gap_s <= limit_s, f"{WIDEST}, {when}"
            )
        hole_s = shown(longest_s(times, max(before), min(after))) if before and after else None
        stated_s = round(one["back_s"] - one["left_s"] + DISCOVERED_S + 2 * limit_s, 3)
        yield Observation(Stage.PROMETHEUS, part, stated_s, hole_s, hole_s is not None and hole_s <= stated_s, _GAP)


def _thanos(expect: RolloutExpectation, case: _Case, history: History) -> Iterator[Observation]:
    back_s = max(one["back_s"] for one in case.replaced)
    return deduplicated(series_by_part(expect, history, Stage.THANOS), case.exposed, case.scrape_s, back_s)


def _answers(case: _Case, history: History) -> Iterator[Observation]:
    """What was told while replicas went and came."""
    from_s = min(one["left_s"] for one in case.replaced)
    until_s = max(one["back_s"] for one in case.replaced) + FOUND_S
    during = [one.data for one in history.of(ANSWERED) if from_s <= one.data["asked_s"] <= until_s]
    if not during or max(one["asked_s"] for one in during) < until_s - NOTICED_S:
        raise CannotTellError("nobody asked Thanos Query until the last replica had been back for a while")
    told = [from_s, *(one["told_s"] for one in during if one["value"]), max(one["told_s"] for one in during)]
    dumb_s = round(max(later - earlier for earlier, later in itertools.pairwise(told)), 1)
    yield Observation(Stage.THANOS, during[0]["source"], FOUND_S, dumb_s, dumb_s <= FOUND_S, _DUMB)
