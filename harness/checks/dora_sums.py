"""Several replicas of the exporter show the same counters; how they are added up decides what a dashboard shows.

Every replica shows the totals of the one store, so adding up all series counts each deployment once per replica, as the
ADR's rules do; `max by` takes the replicas together first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from fawkes.harness.checks.dora import acknowledged, refusal
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Observation, Record, Stage, Tolerance, Verdict
from fawkes.harness.oracle.dora import Truth

Sums = Mapping[str, Mapping[str, float]]
"""team -> environment -> number of successful deployments"""

ONCE: Final = "sum by (team, environment) (max by (team, service, environment) (fawkes_deployment_total))"
PER_REPLICA: Final = "sum by (team, environment) (fawkes_deployment_total)"
"""The ADR's own way of adding up."""

_TOLERANCE: Final = Tolerance(0.0, "deployments", "sums of whole numbers far below 2**53 are exact")


class DoraSumsExpectation(Expectation):
    """Over several exporters `max by` counts each deployment once, and the ADR's plain sum once per exporter."""

    check: Literal["dora_sums"] = "dora_sums"


def check_dora_sums(expect: DoraSumsExpectation, history: History) -> Finding:
    """PASS when every part gives the oracle's totals with `max by`, and that many times the exporters with a sum.

    FAIL at `event` when one was not acknowledged, else at the first stage with another number. INCONCLUSIVE without
    events, with one exporter, or when nothing was looked at.
    """
    events, seen = history.of("event"), history.of("sums", expectation=expect.name)
    if not events or not seen:
        missing = "event was sent" if not events else "part was looked at"
        return _finding(expect, Verdict.INCONCLUSIVE, f"no {missing}, so nothing is known", Stage.HARNESS)
    evidence = [acknowledged(events)]
    if not evidence[0].ok:
        return _finding(expect, Verdict.FAIL, refusal(events), Stage.EVENT, evidence)
    truth = _truth(Truth(record.data["event"] for record in events))
    if not any(truth.values()):
        return _finding(expect, Verdict.INCONCLUSIVE, "nothing was deployed, so there is no sum", Stage.HARNESS)
    if alone := [record for record in seen if record.data["exporters"] < 2]:
        reason = f"only {alone[0].data['exporters']} exporter ran; a sum over one shows nothing"
        return _finding(expect, Verdict.INCONCLUSIVE, reason, Stage.HARNESS)
    evidence += [line for record in seen for line in _compared(record, truth)]
    if wrong := [line for line in evidence if not line.ok]:
        reason = f"{wrong[0].source} is {wrong[0].observed} instead of {wrong[0].expected}"
        return _finding(expect, Verdict.FAIL, reason, wrong[0].stage, evidence)
    reason = f"{sum(truth.values()):g} deployments, each counted once by `max by` and once per exporter by a plain sum"
    return _finding(expect, Verdict.PASS, reason, None, evidence)


def _truth(truth: Truth) -> dict[tuple[str, str], float]:
    """Team and environment -> deployments ever, of every place that an event was sent of."""
    places = [(team, environment) for team in truth.teams for environment in truth.environments(team)]
    return {place: len(truth.facts(*place).deployments) for place in places}


def _compared(record: Record, truth: Mapping[tuple[str, str], float]) -> Iterator[Observation]:
    """The total over all places, and each place that is wrong."""
    factor = record.data["exporters"] if record.data["query"] == PER_REPLICA else 1
    sums = {(team, env): n for team, envs in (record.data["sums"] or {}).items() for env, n in envs.items()}
    source = f"{record.data['source']}: {record.data['query']}"
    wrong = [place for place in sorted({*truth, *sums}) if sums.get(place) != factor * truth.get(place, 0)]
    stage, expected = Stage(record.data["stage"]), factor * sum(truth.values())
    yield Observation(stage, source, expected, sum(sums.values()), not wrong, f"{len(sums)} teams and environments")
    for team, environment in wrong[:5]:
        place = f"{source} of {team} in {environment}"
        yield Observation(
            stage, place, factor * truth.get((team, environment), 0), sums.get((team, environment)), False
        )


def _finding(
    expect: DoraSumsExpectation,
    verdict: Verdict,
    reason: str,
    stage: Stage | None,
    evidence: Sequence[Observation] = (),
) -> Finding:
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=verdict,
        expected=[line.expected for line in evidence] or None,
        observed=[line.observed for line in evidence] or None,
        reason=reason,
        stage=stage,
        tolerance=_TOLERANCE,
        evidence=tuple(evidence),
    )
