"""Two clusters behind one Thanos Query: it shows both, each under its own name, also when one was cut off for a while.

What was scraped is known: a target in each cluster that followed a script. Stored samples are looked at, as in gaps.py.
What was answered meanwhile:

    before the cut              both clusters
    NOTICED_S after it, until   all but the one that is cut off: dashboards ask for what there is (partial_response)
    healed, and then some       both again; TCP sends what was lost again after up to as long as the cut has lasted
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fawkes.harness.checks.continuity import ANSWERED
from fawkes.harness.checks.exposed import Exposed
from fawkes.harness.checks.gaps import DEDUPLICATED, NOTICED_S, WIDEST, longest_s, samples_of, shown
from fawkes.harness.checks.lines import CannotTellError, failed, passed, series_by_part, the_only, unknown
from fawkes.harness.duration import DurationS
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Json, Observation, Record, Stage, Tolerance


class Member(BaseModel):
    """One cluster."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cluster: str = Field(description="What it calls itself: the external label `cluster` of its Prometheus.")
    app: str = Field(description="Its Prometheus.")
    exposed_part: str = Field(description="The part there that follows a script (do: expose).")


class FederationExpectation(Expectation):
    """Thanos Query shows every scrape of every cluster, told apart, and while one is cut off the others'."""

    check: Literal["federation"] = "federation"
    metric: str = Field(description="The series of the scripts that is looked at; one that grows all the time.")
    members: tuple[Member, ...] = Field(min_length=2)
    cut_app: str = Field(description="The Prometheus whose cluster is cut off (do: partition).")
    scrape_interval: DurationS = Field(default=30.0, gt=0, description="The targets', unscaled, as it ships.")


def check_federation(expect: FederationExpectation, history: History) -> Finding:
    """FAIL at `prometheus` when a replica did not scrape all the time; at `thanos` when a cluster is not shown under
    its name, or not as it was, or answers show other clusters than they must. INCONCLUSIVE when something is not on
    record.
    """
    clusters: Json = sorted(one.cluster for one in expect.members)
    try:
        case = _Case(expect, history)
        lines = [*_replicas(expect, case, history), *_thanos(expect, case, history), *_answers(expect, case, history)]
    except CannotTellError as error:
        return unknown(expect, str(error), clusters)
    limit = Tolerance(
        round(DEDUPLICATED * case.scrape_s, 3),
        "s",
        f"{DEDUPLICATED} scrapes of {case.scrape_s:g} s between neighbouring samples",
    )
    if (wrong := failed(expect, lines, clusters, limit)) is not None:
        return wrong
    reason = (
        f"cut off for {case.healed_s - case.cut_s:.1f} s, {case.cut.cluster} was missing in answers until "
        f"{case.back_s(history):.1f} s later, and no sample of it is missing now"
    )
    return passed(expect, reason, lines, clusters, limit)


class _Case:
    """What is on record of one expectation."""

    def __init__(self, expect: FederationExpectation, history: History) -> None:
        self._expect = expect
        self.exposed = {
            one.cluster: Exposed.of(
                the_only(history.of("exposed", part=one.exposed_part), "something followed a script")
            )
            for one in expect.members
        }
        self.cut = self._member()
        cut = the_only(history.of("fault", action="partition", part=expect.cut_app), "something was cut off")
        healed = the_only(history.of("fault", action="heal", part=expect.cut_app), "something was joined again")
        self.cut_s: float = cut.data["ended_s"]
        self.healing_s: float = healed.data["began_s"]
        self.healed_s: float = healed.data["ended_s"]
        self.before_s: float = cut.data["began_s"]
        self.scrape_s = expect.scrape_interval / self.exposed[self.cut.cluster].clock_factor

    def back_s(self, history: History) -> float:
        """Seconds from the healing to the first answer with all clusters again; endless is as long as was asked."""
        later = [one.data for one in history.of(ANSWERED) if one.data["asked_s"] >= self.healed_s]
        names = {one.cluster for one in self._expect.members}
        back = [one["told_s"] for one in later if set(_clusters(one)) == names]
        return min(back, default=max((one["told_s"] for one in later), default=self.healed_s)) - self.healed_s

    def _member(self) -> Member:
        for one in self._expect.members:
            if one.app == self._expect.cut_app:
                return one
        raise CannotTellError(f"{self._expect.cut_app} is no member; there are {len(self._expect.members)} others")


def _replicas(expect: FederationExpectation, case: _Case, history: History) -> Iterator[Observation]:
    found = series_by_part(expect, history, Stage.PROMETHEUS)
    for member in expect.members:
        own = {part: series for part, series in found.items() if part.rpartition("-")[0] == member.app}
        if not own:
            raise CannotTellError(f"{member.app} was never asked")
        for part, series in own.items():
            yield _whole(Stage.PROMETHEUS, part, series, case, member, WIDEST)


def _thanos(expect: FederationExpectation, case: _Case, history: History) -> Iterator[Observation]:
    for part, series in series_by_part(expect, history, Stage.THANOS).items():
        names = sorted(str(one.data["labels"].get("cluster")) for one in series)
        wanted = sorted(one.cluster for one in expect.members)
        yield Observation(Stage.THANOS, part, wanted, names, names == wanted, "clusters that have the metric")
        for member in expect.members:
            own = [one for one in series if one.data["labels"].get("cluster") == member.cluster]
            pods = sorted(str(one.data["labels"].get("pod")) for one in own)
            note = f"pods that show it in {member.cluster}"
            yield Observation(Stage.THANOS, part, [member.exposed_part], pods, pods == [member.exposed_part], note)
            wrong = [
                text
                for one in own
                if (
                    text := case.exposed[member.cluster].wrong_sample(
                        one.data["labels"], one.data["samples"], case.scrape_s
                    )
                )
            ]
            note = f"samples of {member.cluster} that the script did not show"
            yield Observation(Stage.THANOS, part, [], wrong, not wrong, note)
            yield _whole(Stage.THANOS, part, own, case, member, f"{WIDEST}, of {member.cluster}")


def _whole(stage: Stage, part: str, series: Sequence[Record], case: _Case, member: Member, note: str) -> Observation:
    """From the script's beginning until after the cut."""
    times = [at_s for at_s, _ in samples_of(series)]
    limit_s = round(DEDUPLICATED * case.scrape_s, 3)
    since_s = case.exposed[member.cluster].began_s + limit_s
    gap_s = shown(longest_s(times, since_s, max(case.healed_s, max(times, default=0.0))))
    return Observation(stage, part, limit_s, gap_s, gap_s is not None and gap_s <= limit_s, note)


def _answers(expect: FederationExpectation, case: _Case, history: History) -> Iterator[Observation]:
    everybody = {one.cluster for one in expect.members}
    began_s = max(one.began_s for one in case.exposed.values()) + DEDUPLICATED * case.scrape_s
    again_s = case.healed_s + (case.healed_s - case.cut_s) + NOTICED_S
    asked = [one.data for one in history.of(ANSWERED)]
    for when, from_s, until_s, wanted in (
        ("before the cut", began_s, case.before_s, everybody),
        ("while one is cut off", case.cut_s + NOTICED_S, case.healing_s, everybody - {case.cut.cluster}),
        ("once it is back", again_s, float("inf"), everybody),
    ):
        during = [one for one in asked if from_s <= one["asked_s"] and one["told_s"] <= until_s]
        if not during:
            raise CannotTellError(f"nobody asked Thanos Query {when}")
        others = [_clusters(one) for one in during if set(_clusters(one)) != wanted]
        note = f"answers {when} that did not show {' and '.join(sorted(wanted))}"
        yield Observation(Stage.THANOS, during[0]["source"], [], others[:3], not others, note)


def _clusters(answer: Mapping[str, Any]) -> list[str]:
    return sorted(str(labels.get("cluster")) for labels, _ in answer["value"] or ())
