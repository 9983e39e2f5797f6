"""What is recorded of the ADR's rules: the last sample of every team, a NaN as text, an absent team as absent."""

import pytest

from fawkes.harness.checks.adr import AdrDefectExpectation
from fawkes.harness.observe.adr import observe_adr_defect

PART = "prometheus-adr-0"
RECORD = "fawkes:dora:change_failure_rate"
QUERY = f"{RECORD}{{}}[60s]"


def observe(world):
    expect = AdrDefectExpectation.model_validate(
        {
            "name": "d",
            "defect": 13,
            "record": RECORD,
            "labels": {"team": "a"},
            "recorded": "NaN",
            "must_be": None,
            "within": "2s",
        }
    )
    observe_adr_defect(expect, world, world.record)
    return [one["value"] for one in world.recorded("value", expectation="d", source=PART, stage="rule")]


def row(team, *values):
    labels = {"__name__": RECORD, "team": team}
    return {"metric": labels, "values": [[100.0 + n, value] for n, value in enumerate(values)]}


@pytest.fixture
def prometheus(world, part):
    return part(PART)


def test_the_last_sample_of_every_team_is_recorded(world, prometheus):
    prometheus.answers(QUERY, [], [row("a", "0.5", "NaN"), row("b", "1", "2")])
    assert observe(world) == [2]
    recorded = {one["labels"]["team"]: one["sample"] for one in world.recorded("recorded", source=PART)}
    assert recorded == {"a": [101.0, "NaN"], "b": [101.0, 2.0]}
    assert 0 < world.clock.passed_s < 2


def test_a_rule_that_never_records_leaves_no_sample(world, prometheus):
    assert observe(world) == [0]
    assert world.recorded("recorded") == []


def test_a_silent_part_leaves_null(world, away):
    away(PART)
    assert observe(world) == [None]
    assert world.recorded("recorded") == []
