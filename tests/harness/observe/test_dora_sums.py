"""Sums over two exporters are awaited until they fit the first one's page, and recorded either way."""

import pytest

from fawkes.harness.checks.dora_sums import ONCE, PER_REPLICA, DoraSumsExpectation
from fawkes.harness.observe.dora_sums import observe_dora_sums

PAGE = """# TYPE fawkes_deployment_total counter
fawkes_deployment_total{team="alpha",service="a",environment="production"} 3
fawkes_deployment_total{team="alpha",service="b",environment="production"} 4
"""


def rows(value, **labels):
    labels = labels or {"team": "alpha", "environment": "production"}
    return [{"metric": labels, "value": [1.0, str(value)]}]


@pytest.fixture
def platform(part):
    for number in range(2):
        part(f"dora-{number}").shows("/metrics", PAGE)
    core, thanos = part("prometheus-core-0"), part("thanos-query-0")
    for one in (core, thanos):
        one.answers(ONCE, rows(7))
        one.answers(PER_REPLICA, rows(14))
    return core, thanos


def observe(world):
    observe_dora_sums(DoraSumsExpectation(name="sums", within="2s"), world, world.record)
    return world.recorded("sums", expectation="sums")


def test_both_sums_are_recorded_of_every_part_with_the_number_of_exporters(world, platform):
    seen = observe(world)
    assert [(one["stage"], one["query"] == ONCE, one["exporters"]) for one in seen] == [
        ("prometheus", True, 2),
        ("prometheus", False, 2),
        ("thanos", True, 2),
        ("thanos", False, 2),
    ]
    assert [one["sums"]["alpha"]["production"] for one in seen] == [7, 14, 7, 14]
    assert world.clock.passed_s == 0
    assert platform[1].params_of(ONCE) == [{"dedup": "true", "partial_response": "false"}]


def test_a_sum_that_comes_late_is_waited_for(world, platform):
    platform[0].answers(PER_REPLICA, [], rows(7), rows(14))
    assert observe(world)[1]["sums"] == {"alpha": {"production": 14}}
    assert world.clock.passed_s == pytest.approx(0.2)


def test_a_wrong_sum_is_recorded_when_time_runs_out(world, platform):
    platform[0].answers(ONCE, rows(14))
    assert observe(world)[0]["sums"] == {"alpha": {"production": 14}}


def test_a_part_that_is_away_leaves_null(world, platform, away):
    away("thanos-query-0")
    assert [one["sums"] is None for one in observe(world)] == [False, False, True, True]
