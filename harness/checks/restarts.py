"""How often a pod's containers were restarted: what kube-state-metrics shows is what the API server says.

A sample stamped t holds what kube-state-metrics knew at some moment of the scrape interval after t, and it knows a
little later what the API server knows. So the sample must be a count that held at some time in [t - lag, t + scrape].
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from pydantic import Field

from fawkes.harness.duration import DurationS
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Json, Observation, Stage, Tolerance, Verdict

POD_STATUS: Final = "pod_status"
"""Kind of record: `{pod, since_s, told_s, containers}`, something new that the API server says of a pod."""
LAG_S: Final = 2.0
"""kube-state-metrics watches: it hears of a change within milliseconds, on a busy machine of two cores in a second."""


class RestartsExpectation(Expectation):
    """Every replica stores as many restarts of a pod as the API server tells, and there were so many."""

    check: Literal["restarts"] = "restarts"
    pod: str = Field(description="The pod, of one container, that the workload applies.")
    at_least: int = Field(ge=0, description="How many restarts it must have had, or the scenario shows nothing.")
    app: str = Field(default="prometheus-core", description="The Prometheus that scrapes kube-state-metrics.")
    scrape_interval: DurationS = Field(default=30.0, gt=0, description="Unscaled, as it ships.")


class Held(NamedTuple):
    """A count, and the longest time for which it may have held."""

    restarts: int
    from_s: float
    until_s: float


def check_restarts(expect: RestartsExpectation, history: History) -> Finding:
    """FAIL at `prometheus` when a replica has no sample, or one that is no count of that time, or missed a count.

    INCONCLUSIVE when the API server told of fewer restarts than the scenario needs, or something is not on record.
    """
    held = _held(expect, history)
    asked = history.of("value", expectation=expect.name)
    applied = history.of("applied")
    told = max((one.restarts for one in held), default=0)
    if not held or not applied:
        return _finding(expect, Verdict.INCONCLUSIVE, f"nobody asked the API server about {expect.pod}", ())
    if told < expect.at_least:
        reason = f"{expect.pod} was restarted {told} times, the scenario needs {expect.at_least}"
        return _finding(expect, Verdict.INCONCLUSIVE, reason, ())
    silent = [str(one.data["source"]) for one in asked if one.data["value"] is None]
    if not asked or silent:
        reason = f"{silent[0] if silent else expect.app} gave no answer"
        return _finding(expect, Verdict.INCONCLUSIVE, reason, ())
    scrape_s = expect.scrape_interval / applied[0].data["clock_factor"]
    lines = [
        line
        for one in asked
        for line in _compared(str(one.data["source"]), _samples(expect, history, one.data["source"]), held, scrape_s)
    ]
    wrong = next((line for line in lines if not line.ok), None)
    if wrong is not None:
        reason = f"{wrong.source}: {wrong.note}: {wrong.observed} instead of {wrong.expected}"
        return _finding(expect, Verdict.FAIL, reason, lines, scrape_s)
    reason = f"{expect.pod} was restarted {told} times, and every replica stored each count in its time"
    return _finding(expect, Verdict.PASS, reason, lines, scrape_s)


def _held(expect: RestartsExpectation, history: History) -> list[Held]:
    held: list[Held] = []
    for told in (record.data for record in history.of(POD_STATUS, pod=expect.pod)):
        count = sum(one["restarts"] for one in told["containers"].values())
        if not told["containers"] or (held and held[-1].restarts == count):
            continue
        if held:
            held[-1] = held[-1]._replace(until_s=told["told_s"])
        held.append(Held(count, told["since_s"], math.inf))
    return held


def _compared(
    part: str, samples: Sequence[Sequence[float]], held: Sequence[Held], scrape_s: float
) -> Iterator[Observation]:
    yield Observation(Stage.PROMETHEUS, part, True, bool(samples), ok=bool(samples), note="samples of the pod")
    last = held[-1]
    wrong: list[Json] = [
        [round(at_s - held[0].from_s, 1), value]
        for at_s, value in samples
        if value not in _possible(at_s - LAG_S, at_s + scrape_s, held)
        and not (at_s > last.from_s and value > last.restarts)
    ]
    note = "samples that were no count of their time: [seconds since the pod came, count]"
    yield Observation(Stage.PROMETHEUS, part, [], wrong[:5], ok=not wrong, note=note)
    # A count that did not last for two scrapes and the lag may never have been seen.
    lasting = [one.restarts for one in held if one.until_s - one.from_s > LAG_S + 2 * scrape_s and one is not last]
    missed = sorted(set(lasting) - {value for _, value in samples})
    yield Observation(Stage.PROMETHEUS, part, [], missed, ok=not missed, note="counts without a sample")


def _possible(from_s: float, until_s: float, held: Sequence[Held]) -> set[float]:
    return {float(one.restarts) for one in held if one.from_s <= until_s and from_s <= one.until_s}


def _samples(expect: RestartsExpectation, history: History, part: str) -> list[list[float]]:
    series = history.of("series", expectation=expect.name, source=part)
    return sorted(itertools.chain.from_iterable(one.data["samples"] for one in series))


def _finding(
    expect: RestartsExpectation, verdict: Verdict, reason: str, lines: Sequence[Observation], scrape_s: float = 0.0
) -> Finding:
    known = Tolerance(
        round(LAG_S + scrape_s, 3),
        "s",
        f"a watch is {LAG_S:g} s behind at most on a busy machine; one scrape {scrape_s:g} s",
    )
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=verdict,
        expected=f"at least {expect.at_least} restarts, as the API server tells",
        observed={f"{line.source}: {line.note}": line.observed for line in lines},
        reason=reason,
        stage={Verdict.PASS: None, Verdict.FAIL: Stage.PROMETHEUS}.get(verdict, Stage.HARNESS),
        tolerance=known if lines else None,
        evidence=tuple(lines),
    )
