"""Every band's edge from both sides, in every edition; the table is repeated here as it was published."""

from dataclasses import replace

import pytest

from fawkes.harness.oracle.dora import Truth
from fawkes.harness.oracle.dora_bands import EDITIONS, classify

HOUR, DAY, WEEK, MONTH = 3600.0, 86400.0, 604800.0, 2592000.0
NOTHING = Truth([]).values("nobody", "production", from_s=0, to_s=DAY)
ENOUGH = replace(
    NOTHING,
    deployments=1,
    deployment_frequency_per_day=2.0,
    lead_time_p50_s=1.0,
    change_failure_ratio=0.0,
    failed_deployment_recovery_p50_s=1.0,
    time_to_restore_p50_s=1.0,
)

FREQUENCY, LEAD, FAILURE = "deployment_frequency_per_day", "lead_time_seconds", "change_failure_ratio"
RECOVERY, RESTORE = "failed_deployment_recovery_seconds", "time_to_restore_seconds"
FIELD = {
    FREQUENCY: "deployment_frequency_per_day",
    LEAD: "lead_time_p50_s",
    FAILURE: "change_failure_ratio",
    RECOVERY: "failed_deployment_recovery_p50_s",
    RESTORE: "time_to_restore_p50_s",
}
LAST_US = 1e-6
"""Durations are whole microseconds, so this is the next one."""

# edition, metric, a value on one side and its band, a value on the other side and its band
EDGES = [
    *(
        (edition, metric, edge - LAST_US, better, edge, worse)
        for edition, metric, edges in [
            ("2021", LEAD, (HOUR, WEEK, 6 * MONTH)),
            ("2023", LEAD, (DAY, WEEK, MONTH)),
            ("2024", LEAD, (DAY, WEEK, MONTH)),
            ("2021", RESTORE, (HOUR, DAY, WEEK)),
            ("2023", RECOVERY, (HOUR, DAY, WEEK)),
            ("2024", RECOVERY, (HOUR, DAY, WEEK)),
        ]
        for edge, better, worse in zip(edges, ("elite", "high", "medium"), ("high", "medium", "low"), strict=True)
    ),
    *((edition, FREQUENCY, 31 / 30, "elite", 1.0, "high") for edition in EDITIONS),
    ("2021", FREQUENCY, 1 / 30, "high", 1 / 31, "medium"),
    ("2021", FREQUENCY, 1 / 180, "medium", 1 / 181, "low"),
    *((edition, FREQUENCY, 1 / 7, "high", 4 / 30, "medium") for edition in ("2023", "2024")),
    *((edition, FREQUENCY, 1 / 30, "medium", 1 / 31, "low") for edition in ("2023", "2024")),
    ("2021", FAILURE, 15 / 100, "elite", 16 / 100, "high"),
    ("2021", FAILURE, 20 / 100, "high", 21 / 100, "medium"),
    ("2021", FAILURE, 30 / 100, "medium", 31 / 100, "low"),
    ("2023", FAILURE, 5 / 100, "elite", 6 / 100, "high"),
    ("2023", FAILURE, 10 / 100, "high", 11 / 100, "medium"),
    ("2023", FAILURE, 15 / 100, "medium", 16 / 100, "low"),
    ("2024", FAILURE, 5 / 100, "elite", 6 / 100, "high"),
    ("2024", FAILURE, 20 / 100, "high", 21 / 100, "low"),
]


@pytest.mark.parametrize(("edition", "metric", "near", "better", "far", "worse"), EDGES)
def test_an_edge_parts_two_bands(edition, metric, near, better, far, worse):
    def banded(value):
        return classify(replace(ENOUGH, **{FIELD[metric]: value}), edition)[metric]

    assert (banded(near), banded(far)) == (better, worse)


@pytest.mark.parametrize("edition", EDITIONS)
def test_each_edition_recovers_by_its_own_metric(edition):
    names = {FREQUENCY, LEAD, FAILURE, RESTORE if edition == "2021" else RECOVERY, "overall"}
    assert set(classify(ENOUGH, edition)) == names


@pytest.mark.parametrize("edition", EDITIONS)
def test_without_data_no_band_is_given(edition):
    assert set(classify(NOTHING, edition).values()) == {"insufficient_data"}


def test_the_worst_band_with_data_is_the_overall_one():
    got = classify(replace(ENOUGH, lead_time_p50_s=None, failed_deployment_recovery_p50_s=DAY), "2023")
    assert (got[LEAD], got[RECOVERY], got["overall"]) == ("insufficient_data", "medium", "medium")


def test_an_incident_alone_gives_its_band_and_no_overall_one():
    got = classify(replace(NOTHING, time_to_restore_p50_s=1.0), "2021")
    assert (got[RESTORE], got[FREQUENCY], got["overall"]) == ("elite", "insufficient_data", "insufficient_data")
