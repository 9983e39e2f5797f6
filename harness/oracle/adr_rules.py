"""What the ADR's five recording rules, as it wrote them, record on given series: the wrong value, predicted.

The expressions stand in fixtures/adr_literal/rules.yaml; each is composed here anew from `oracle.promql`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from fawkes.harness.oracle.promql import Sample, buckets_of, histogram_quantile, rate, vector_sum

AdrRecord = Literal[
    "fawkes:dora:deployment_frequency:per_day",
    "fawkes:dora:lead_time_seconds:p50",
    "fawkes:dora:lead_time_seconds:p95",
    "fawkes:dora:change_failure_rate",
    "fawkes:dora:mttr_seconds:median",
]

HOUR_S: Final = 3600.0
DAY_S: Final = 24 * HOUR_S


@dataclass(frozen=True, slots=True)
class RawSeries:
    """A series as it was scraped: (Unix seconds, value) in time order."""

    name: str
    labels: Mapping[str, str]
    samples: Sequence[Sample]


def adr_value(record: AdrRecord, series: Sequence[RawSeries], by: Mapping[str, str], at_s: float) -> float | None:
    """The sample that the rule `record` writes at `at_s` for the group of labels `by`, e.g. {team: a}.

    NaN where Prometheus records a NaN, None where it records nothing. A group is named by the labels that the rule
    keeps: team and environment for the deployment frequency, team alone for the others.
    """
    return _RULES[record]([one for one in series if by.items() <= one.labels.items()], at_s)


def _per_day(series: Sequence[RawSeries], at_s: float) -> float | None:
    """sum(rate(fawkes_deployment_total[24h]))"""
    return _sum_rate(series, "fawkes_deployment_total", DAY_S, at_s)


def _change_failure_rate(series: Sequence[RawSeries], at_s: float) -> float | None:
    """sum(rate(fawkes_deployment_failed_total[7d])) / sum(rate(fawkes_deployment_total[7d]))"""
    failed, made = (
        _sum_rate(series, name, 7 * DAY_S, at_s)
        for name in ("fawkes_deployment_failed_total", "fawkes_deployment_total")
    )
    if failed is None or made is None:
        return None
    if made == 0:  # as in Go: 0/0 is NaN, the rest infinite; rates are never negative
        return math.nan if failed == 0 else math.inf
    return failed / made


def _quantile(q: float, name: str, range_s: float) -> Callable[[Sequence[RawSeries], float], float | None]:
    """histogram_quantile(q, sum by (le) (rate(name[range])))"""

    def value(series: Sequence[RawSeries], at_s: float) -> float | None:
        bounds = sorted({one.labels["le"] for one in series if one.name == name})
        totals = {
            le: _sum_rate([one for one in series if one.labels.get("le") == le], name, range_s, at_s) for le in bounds
        }
        buckets = buckets_of((le, total) for le, total in totals.items() if total is not None)
        return histogram_quantile(q, buckets) if buckets else None

    return value


def _sum_rate(series: Sequence[RawSeries], name: str, range_s: float, at_s: float) -> float | None:
    """sum(rate(name[range])); None where no series has two samples in the range."""
    return vector_sum(rate(one.samples, at_s=at_s, range_s=range_s) for one in series if one.name == name)


_RULES: Final[Mapping[AdrRecord, Callable[[Sequence[RawSeries], float], float | None]]] = {
    "fawkes:dora:deployment_frequency:per_day": _per_day,
    "fawkes:dora:lead_time_seconds:p50": _quantile(0.50, "fawkes_lead_time_seconds_bucket", HOUR_S),
    "fawkes:dora:lead_time_seconds:p95": _quantile(0.95, "fawkes_lead_time_seconds_bucket", HOUR_S),
    "fawkes:dora:change_failure_rate": _change_failure_rate,
    "fawkes:dora:mttr_seconds:median": _quantile(0.50, "fawkes_incident_resolution_seconds_bucket", 7 * DAY_S),
}
