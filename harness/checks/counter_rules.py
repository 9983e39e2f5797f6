"""What the rules count by `increase` over the service's counters, against the interval that the events allow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import Field

from fawkes.harness.checks.dora import acknowledged, refusal
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Json, Observation, Record, Stage, Tolerance, Verdict
from fawkes.harness.oracle.counter_bounds import (
    NOTHING,
    STAMP_MOVES_S,
    Bounds,
    Exposed,
    Scraping,
    Window,
    increase_bounds,
    ratio_bounds,
    sum_bounds,
)
from fawkes.harness.oracle.dora_facts import Event, by_team, facts_of

DEPLOYMENTS: Final = "fawkes:dora:deployments:increase_7d"
FAILED: Final = "fawkes:dora:deployments_failed:increase_7d"
RATIO: Final = "fawkes:dora:change_failure_rate:increase_7d"
RULES: Final = (DEPLOYMENTS, FAILED, RATIO)

_TOLERANCE: Final = Tolerance(
    0.0, "deployments", "an interval: when events were sent, and how far apart scrapes were (oracle/counter_bounds.py)"
)


class CounterRulesExpectation(Expectation):
    """The deployments, failures and their ratio that the counter rules record are what the events allow."""

    check: Literal["counter_rules"] = "counter_rules"
    team: str
    environment: Literal["production"] = Field(default="production", description="The rules count no other one.")


@dataclass(frozen=True, slots=True)
class _Counted:
    """One service's counters: when its series were first to be seen, and when each count came."""

    seen_from_s: float
    deployed_s: Sequence[float]
    failed_s: Sequence[float]


def check_counter_rules(expect: CounterRulesExpectation, history: History) -> Finding:
    """PASS when what every replica's rules recorded last lies in its interval.

    FAIL at `event` when one was not acknowledged, at `rule` when a value lies outside or is missing. INCONCLUSIVE when
    nothing was counted, a rule or the scraping was never seen, a count went back, or scrapes were so far apart that one
    deployment more or less would have been accepted as well.
    """
    events, values = history.of("event"), history.of("value", expectation=expect.name)
    if not events or not values:
        missing = "event was sent" if not events else "rule was looked at"
        return _finding(expect, Verdict.INCONCLUSIVE, f"no {missing}, so nothing is known", Stage.HARNESS)
    evidence = [acknowledged(events)]
    if not evidence[0].ok:
        return _finding(expect, Verdict.FAIL, refusal(events), Stage.EVENT, evidence)
    scraping = {record.data["source"]: record.data for record in history.of("scraping", expectation=expect.name)}
    try:
        counted = _counted(expect, events)
        # A page shows every event that was acknowledged before it was asked for (fixtures/services/dora/replica.py).
        late_s = max(record.data["latency_s"] for record in events)
        evidence += [_observation(record, _allowed(record, counted, late_s, scraping)) for record in values]
    except ValueError as error:
        return _finding(expect, Verdict.INCONCLUSIVE, str(error), Stage.HARNESS, evidence)
    if wrong := [one for one in evidence if not one.ok]:
        reason = f"{wrong[0].source} is {wrong[0].observed}, outside of what the events allow, {wrong[0].expected}"
        return _finding(expect, Verdict.FAIL, reason, Stage.RULE, evidence)
    reason = f"{len(values)} recorded values lie in the intervals that the events allow"
    return _finding(expect, Verdict.PASS, reason, None, evidence)


def _counted(expect: CounterRulesExpectation, events: Sequence[Record]) -> dict[str, _Counted]:
    """By service. A counter moved with the event after which the oracle counts one more.

    Raises ValueError when nothing was deployed, or when an event took something back, which a counter can't.
    """
    sent: list[Event] = []
    seen_from_s: dict[str, float] = {}
    deployed_s: dict[str, list[float]] = defaultdict(list)
    failed_s: dict[str, list[float]] = defaultdict(list)
    for record in events:
        event, posted_s = record.data["event"], record.at_s - record.data["latency_s"]
        if event["data"]["team"] != expect.team:
            continue
        sent.append(event)
        if event["data"].get("environment") == expect.environment:
            seen_from_s.setdefault(event["data"]["service"], posted_s)
        facts = facts_of(by_team(sent)[expect.team], expect.environment)
        for times_s, deployments in (
            (deployed_s, facts.deployments),
            (failed_s, [one for one in facts.deployments if one.key in facts.failing]),
        ):
            for service in seen_from_s:
                more = sum(one.service == service for one in deployments) - len(times_s[service])
                if more < 0:
                    raise ValueError(f"event {event['id']} takes a deployment back; a counter can't follow")
                times_s[service] += [posted_s] * more
    if not any(deployed_s.values()):
        raise ValueError(f"{expect.team} deployed nothing to {expect.environment}, so there is nothing to count")
    return {service: _Counted(at_s, deployed_s[service], failed_s[service]) for service, at_s in seen_from_s.items()}


def _allowed(
    record: Record, counted: Mapping[str, _Counted], late_s: float, scraping: Mapping[str, Mapping[str, Json]]
) -> Bounds:
    """Of one rule when it was evaluated. Raises ValueError when nothing is known, or a PASS would say nothing."""
    data, part = record.data, record.data["source"]
    if data["evaluated_s"] is None or part not in scraping:
        raise ValueError(f"{part} was not seen to scrape the service, or to evaluate the rule after the last event")
    window = Window(data["evaluated_s"], data["range_s"])
    closely = Scraping(scraping[part]["gap_max_s"], late_s, scraping[part]["took_max_s"] + STAMP_MOVES_S)

    def total(times_s: Callable[[_Counted], Sequence[float]]) -> Bounds:
        """Replicas of the service show the same, services are summed."""
        return sum_bounds(
            increase_bounds(times_s(one), window, closely, [Exposed(from_s=one.seen_from_s + late_s)])
            for one in counted.values()
        )

    deployments, failed = total(lambda one: one.deployed_s), total(lambda one: one.failed_s)
    true = sum(len(one.deployed_s) for one in counted.values())
    if deployments == NOTHING or deployments.admits(true - 1) or deployments.admits(true + 1):
        told = _told(deployments)
        raise ValueError(f"scrapes were too far apart to tell {true} deployments from one more or less: {told}")
    return {DEPLOYMENTS: deployments, FAILED: failed, RATIO: ratio_bounds(failed, deployments)}[data["rule"]]


def _observation(record: Record, allowed: Bounds) -> Observation:
    source, value = f"{record.data['source']}: {record.data['query']}", record.data["value"]
    return Observation(Stage.RULE, source, _told(allowed), value, allowed.admits(value))


def _told(allowed: Bounds) -> str:
    return f"{allowed.low:.9g} to {allowed.high:.9g}" + (" or nothing" if allowed.may_be_absent else "")


def _finding(
    expect: CounterRulesExpectation,
    verdict: Verdict,
    reason: str,
    stage: Stage | None,
    evidence: Sequence[Observation] = (),
) -> Finding:
    wrong = [one for one in evidence if not one.ok]
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=verdict,
        expected="what the events allow",
        observed=wrong[0].observed if wrong else None,
        reason=reason,
        stage=stage,
        tolerance=_TOLERANCE,
        evidence=tuple(evidence),
    )
