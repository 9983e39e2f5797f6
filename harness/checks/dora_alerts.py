"""Alerts on DORA values: predicted from the events that were sent, and the limits that the scenario claims.

Whether the alert must fire follows from three things: the oracle's value against the limit, and the oracle's number of
samples against the minimum. Below the minimum it must keep quiet, however bad the value is.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from fawkes.harness.checks.dora_values import Window
from fawkes.harness.duration import parse_duration_s
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Observation, Record, Stage, Tolerance, Verdict
from fawkes.harness.oracle.dora import Truth
from fawkes.harness.promql.selector import selector

Metric = Literal[
    "change_failure_ratio",
    "lead_time_seconds",
    "failed_deployment_recovery_seconds",
    "deployment_frequency_per_day",
]

_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
_EXACT: Final = Tolerance(
    0.0, "alerts", "the service's values are the oracle's to the last bit, so the limit decides alike"
)
_STATES: Final = "states of the alert"


@dataclass(frozen=True, slots=True)
class _Fields:
    """Where the oracle has a metric's value and the number of its samples."""

    value: str
    samples: str


_FIELDS: Final[Mapping[Metric, _Fields]] = {
    "change_failure_ratio": _Fields("change_failure_ratio", "deployments"),
    "lead_time_seconds": _Fields("lead_time_p50_s", "lead_times"),
    "failed_deployment_recovery_seconds": _Fields("failed_deployment_recovery_p50_s", "recoveries"),
    "deployment_frequency_per_day": _Fields("deployment_frequency_per_day", "deployments"),
}


class DoraAlertExpectation(Expectation):
    """An alert on a team's DORA value fires, or keeps quiet: as the events sent and the claimed limits say."""

    check: Literal["dora_alert"] = "dora_alert"
    alert: str = Field(description="Name of the alert.")
    team: str
    metric: Metric = Field(description="What it watches: the value, or the median of lead time and recovery.")
    window: Window = "30d"
    value: float = Field(description="The team's value, worked out by hand.")
    limit: Annotated[str, StringConstraints(pattern=r"^(>|>=|==) [0-9.]+$")] = Field(
        description='Beyond which value it fires, e.g. "> 0.15".'
    )
    samples: int = Field(ge=0, description="How many samples the team has, worked out by hand.")
    samples_window: Window = Field(default="30d", description="Over which window they are counted.")
    at_least: int = Field(ge=1, description="With how many samples it may fire.")
    fires: bool = Field(description="Whether it must fire; else it must not even be pending once all events are in.")
    app: str = Field(default="prometheus-core", description="The Prometheus that evaluates the rule.")

    def must_fire(self, value: float | None, samples: int) -> bool:
        """Whether a team with this value (None: it has none), from so many samples, must be told of."""
        comparison, limit = self.limit.split(" ")
        return value is not None and _COMPARISONS[comparison](value, float(limit)) and samples >= self.at_least


def alerts_query(expect: DoraAlertExpectation) -> str:
    """The alert of the team, pending or firing."""
    return selector("ALERTS", {"alertname": expect.alert, "team": expect.team})


def samples_query(expect: DoraAlertExpectation) -> str:
    """The recorded series that the alert's minimum is compared with."""
    labels = {
        "team": expect.team,
        "environment": "production",
        "window": expect.samples_window,
        "metric": expect.metric,
    }
    return selector("fawkes:dora:sample_count", labels)


def check_dora_alert(expect: DoraAlertExpectation, history: History) -> Finding:
    """FAIL at `rule` when a replica lacks the samples, the alert that must fire, or has one that must not.

    INCONCLUSIVE without events or an answer, or when the scenario's numbers are not the oracle's.
    """
    events = [record for record in history.of("event") if 200 <= record.data["status"] < 300]
    counts = history.of("value", expectation=expect.name, query=samples_query(expect))
    if not events or not counts:
        missing = "no event was stored" if not events else f"no {expect.app} was ever asked"
        return _finding(expect, Verdict.INCONCLUSIVE, missing, Stage.HARNESS)
    evidence = list(_truth(expect, events, counts[-1].at_s))
    if wrong := [seen for seen in evidence if not seen.ok]:
        reason = f"{wrong[0].note}: the scenario says {wrong[0].expected}, the events sent give {wrong[0].observed}"
        return _finding(expect, Verdict.INCONCLUSIVE, reason, Stage.HARNESS, evidence)
    wanted = ["firing"] if expect.fires else []
    for count in counts:
        part, seen = str(count.data["source"]), count.data["value"]
        asked = history.of("value", expectation=expect.name, query=alerts_query(expect), source=part)
        if seen is None or not asked or asked[-1].data["value"] is None:
            return _finding(expect, Verdict.INCONCLUSIVE, f"{part} gave no answer", Stage.HARNESS, evidence)
        states = _states(expect, history, count)
        evidence += [
            Observation(Stage.RULE, part, expect.samples, seen, seen == expect.samples, "samples recorded"),
            Observation(Stage.RULE, part, wanted, sorted(states), _right(expect, states), _STATES),
        ]
    if wrong := [seen for seen in evidence if not seen.ok]:
        reason = f"{wrong[0].source}: {wrong[0].note} {wrong[0].observed}, expected {wrong[0].expected}"
        return _finding(expect, Verdict.FAIL, reason, Stage.RULE, evidence)
    did = "fired" if expect.fires else "kept quiet"
    reason = (
        f"{expect.alert} {did}: {expect.value:g} of {expect.samples} samples, {expect.limit} from {expect.at_least} on"
    )
    return _finding(expect, Verdict.PASS, reason, None, evidence)


def _truth(expect: DoraAlertExpectation, events: Sequence[Record], at_s: float) -> Sequence[Observation]:
    """The scenario's numbers and its verdict against the oracle's, from the events alone."""
    truth = Truth([record.data["event"] for record in events])

    def over(window: str) -> Any:
        return truth.values(expect.team, "production", from_s=at_s - parse_duration_s(window), to_s=at_s)

    fields = _FIELDS[expect.metric]
    value: float | None = getattr(over(expect.window), fields.value)
    samples: int = getattr(over(expect.samples_window), fields.samples)
    due = expect.must_fire(value, samples)
    return (
        Observation(Stage.EVENT, "oracle", expect.value, value, value == expect.value, "value"),
        Observation(Stage.EVENT, "oracle", expect.samples, samples, samples == expect.samples, "samples"),
        Observation(Stage.EVENT, "oracle", expect.fires, due, due == expect.fires, "fires"),
    )


def _states(expect: DoraAlertExpectation, history: History, count: Record) -> set[str]:
    """In which states the alert was seen: firing at any time, pending once all its events were in.

    Before that, a late event may leave a team without what makes it good; `for` is there to bridge it.
    """
    series = history.of("series", expectation=expect.name, query=alerts_query(expect), source=count.data["source"])
    return {
        state
        for record in series
        for state in [record.data["labels"]["alertstate"]]
        if any(state == "firing" or at_s > count.data["since_s"] for at_s, _ in record.data["samples"])
    }


def _right(expect: DoraAlertExpectation, states: set[str]) -> bool:
    return "firing" in states if expect.fires else not states


def _finding(
    expect: DoraAlertExpectation,
    verdict: Verdict,
    reason: str,
    stage: Stage | None,
    evidence: Sequence[Observation] = (),
) -> Finding:
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=verdict,
        expected={"value": expect.value, "samples": expect.samples, "fires": expect.fires},
        observed={seen.source: seen.observed for seen in evidence if seen.note == _STATES} or None,
        reason=reason,
        stage=stage,
        tolerance=_EXACT,
        evidence=tuple(evidence),
    )
