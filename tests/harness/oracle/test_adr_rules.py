"""The ADR's rules in our own code: golden values by hand. The scenario adr_defects compares them with Prometheus."""

import math

import pytest

from fawkes.harness.oracle.adr_rules import RawSeries, adr_value

DAY = 86400.0
AT_S = 8 * DAY


def stepped(name, labels, before, after, at_s=AT_S - 600.0):
    """Scraped every 30 s for 8 days."""
    samples = [(30.0 * n, before if 30.0 * n < at_s else after) for n in range(int(AT_S / 30) + 1)]
    return RawSeries(name, labels, samples)


def buckets(name, labels, **counts):
    bounds = {key.removeprefix("le_").replace("inf", "+Inf"): count for key, count in counts.items()}
    return [stepped(name, {**labels, "le": bound}, 0.0, float(count)) for bound, count in bounds.items()]


def test_the_deployment_frequency_is_a_rate_per_second_summed_over_every_series():
    series = [
        stepped("fawkes_deployment_total", {"team": "a", "environment": "e", "pod": pod}, 3.0, 8.0) for pod in "xy"
    ]
    value = adr_value("fawkes:dora:deployment_frequency:per_day", series, {"team": "a", "environment": "e"}, AT_S)
    assert value == pytest.approx(10 / DAY, rel=1e-3)
    assert adr_value("fawkes:dora:deployment_frequency:per_day", series, {"team": "b"}, AT_S) is None


# The ADR's own sample, had it a last bucket: rank 37.5 of 75 is 7.5 of the 20 in (3600, 7200], rank 71.25 is beyond.
def test_the_adrs_lead_time_sample():
    series = buckets("fawkes_lead_time_seconds_bucket", {"team": "a"}, le_3600=30, le_7200=50, le_inf=75)
    assert adr_value("fawkes:dora:lead_time_seconds:p50", series, {"team": "a"}, AT_S) == pytest.approx(4950)
    assert adr_value("fawkes:dora:lead_time_seconds:p95", series, {"team": "a"}, AT_S) == 7200


def test_the_adrs_incident_sample():
    series = buckets("fawkes_incident_resolution_seconds_bucket", {"team": "a"}, le_1800=12, le_3600=18, le_inf=20)
    assert adr_value("fawkes:dora:mttr_seconds:median", series, {"team": "a"}, AT_S) == pytest.approx(1500)


def test_no_observation_in_the_range_is_no_number_and_no_series_is_nothing():
    series = buckets("fawkes_lead_time_seconds_bucket", {"team": "a"}, le_3600=0, le_inf=0)
    assert math.isnan(adr_value("fawkes:dora:lead_time_seconds:p50", series, {"team": "a"}, AT_S))
    assert adr_value("fawkes:dora:lead_time_seconds:p50", [], {"team": "a"}, AT_S) is None


@pytest.mark.parametrize(
    ("failed", "made", "expected"),
    [((0.0, 1.0), (0.0, 4.0), 0.25), ((2.0, 2.0), (5.0, 5.0), math.nan), ((0.0, 1.0), (5.0, 5.0), math.inf)],
)
def test_the_change_failure_rate_divides_as_prometheus_does(failed, made, expected):
    series = [
        stepped("fawkes_deployment_failed_total", {"team": "a"}, *failed),
        stepped("fawkes_deployment_total", {"team": "a"}, *made),
    ]
    value = adr_value("fawkes:dora:change_failure_rate", series, {"team": "a"}, AT_S)
    assert value == pytest.approx(expected, nan_ok=True)
    assert adr_value("fawkes:dora:change_failure_rate", series[1:], {"team": "a"}, AT_S) is None
