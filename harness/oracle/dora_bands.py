"""DORA's performance bands: elite, high, medium, low, by edition of the State of DevOps report. Pure.

The numbers are data with the year in which they were published; docs/dora.md has the table and its sources. A team's
band in a metric is the best one whose limit the value meets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import le, lt
from typing import Final, Literal, get_args

from fawkes.harness.oracle.dora import DoraValues

Edition = Literal["2021", "2023", "2024"]
EDITIONS: Final[tuple[Edition, ...]] = get_args(Edition)
DEFAULT_EDITION: Final[Edition] = "2023"

Band = Literal["elite", "high", "medium", "low", "insufficient_data"]
BANDS: Final[tuple[Band, ...]] = ("elite", "high", "medium", "low")
"""Best first."""
NO_BAND: Final[Band] = "insufficient_data"

_HOUR_S, _DAY_S, _WEEK_S, _MONTH_S = 3600, 86_400, 604_800, 2_592_000


BandOf = Callable[[float], Band]


def _limited(elite: float, high: float, medium: float | None, *, meets: Callable[[float, float], bool]) -> BandOf:
    """The best band whose limit a value meets; low where it meets none. `medium` is None where it is never given."""

    def band(value: float) -> Band:
        for name, limit in zip(BANDS, (elite, high, medium), strict=False):
            if limit is not None and meets(value, limit):
                return name
        return "low"

    return band


def _often(*, high_per_day: float, medium_per_day: float) -> BandOf:
    """On demand, which is more than once a day, is elite; the other bands are reached at their limit."""

    def band(per_day: float) -> Band:
        if per_day > 1:
            return "elite"
        return "high" if per_day >= high_per_day else "medium" if per_day >= medium_per_day else "low"

    return band


_RECOVERY: Final = _limited(_HOUR_S, _DAY_S, _WEEK_S, meets=lt)
_WEEKLY: Final = _often(high_per_day=1 / 7, medium_per_day=1 / 30)
_LEAD_TIME: Final = _limited(_DAY_S, _WEEK_S, _MONTH_S, meets=lt)

_TABLE: Final[Mapping[Edition, Mapping[str, BandOf]]] = {
    "2021": {
        "deployment_frequency_per_day": _often(high_per_day=1 / 30, medium_per_day=1 / 180),
        "lead_time_seconds": _limited(_HOUR_S, _WEEK_S, 6 * _MONTH_S, meets=lt),
        "change_failure_ratio": _limited(0.15, 0.20, 0.30, meets=le),
        "time_to_restore_seconds": _RECOVERY,
    },
    "2023": {
        "deployment_frequency_per_day": _WEEKLY,
        "lead_time_seconds": _LEAD_TIME,
        "change_failure_ratio": _limited(0.05, 0.10, 0.15, meets=le),
        "failed_deployment_recovery_seconds": _RECOVERY,
    },
    "2024": {
        "deployment_frequency_per_day": _WEEKLY,
        "lead_time_seconds": _LEAD_TIME,
        # Published are 5, 20 and 10 %: the medium cluster is better than the high one, so this metric alone can't
        # tell the two apart.
        "change_failure_ratio": _limited(0.05, 0.20, None, meets=le),
        "failed_deployment_recovery_seconds": _RECOVERY,
    },
}
"""Edition -> metric, as the API calls it -> its band for a value."""


def classify(values: DoraValues, edition: Edition = DEFAULT_EDITION) -> dict[str, Band]:
    """Metric -> band, and `overall`: the worst of those with data, and none without a deployment.

    Durations are classed by their median.
    """
    samples = {
        "deployment_frequency_per_day": values.deployment_frequency_per_day if values.deployments else None,
        "lead_time_seconds": values.lead_time_p50_s,
        "change_failure_ratio": values.change_failure_ratio,
        "time_to_restore_seconds": values.time_to_restore_p50_s,
        "failed_deployment_recovery_seconds": values.failed_deployment_recovery_p50_s,
    }
    bands: dict[str, Band] = {
        metric: NO_BAND if (sample := samples[metric]) is None else band_of(sample)
        for metric, band_of in _TABLE[edition].items()
    }
    known = [band for band in bands.values() if band != NO_BAND]
    return bands | {"overall": max(known, key=BANDS.index) if values.deployments else NO_BAND}
