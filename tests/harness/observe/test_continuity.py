"""What is recorded of a series after a replica was away: what each part shows once it is fresh, or in the end."""

import pytest

from fawkes.harness.checks.continuity import ContinuityExpectation
from fawkes.harness.observe.continuity import observe_continuity

STARTED_S = 1_772_323_200.0
CORES, THANOS, QUERY = ("prometheus-core-0", "prometheus-core-1"), "thanos-query-0", "seconds{}[60s]"
EXPECT = ContinuityExpectation.model_validate(
    {"name": "whole", "metric": "seconds", "exposed_part": "j", "fault_part": CORES[0], "within": "4s"}
)


def rows(*times_s):
    return [{"metric": {"__name__": "seconds"}, "values": [[at_s, "1"] for at_s in times_s]}]


FRESH, OLD = rows(STARTED_S - 200, STARTED_S - 50), rows(STARTED_S - 200)


@pytest.fixture
def platform(part):
    parts = {name: part(name) for name in (*CORES, THANOS)}
    for one in parts.values():
        one.answers(QUERY, FRESH)
    return parts


def observe(world):
    observe_continuity(EXPECT, world, world.record)
    return [(one["stage"], one["source"], one["value"]) for one in world.recorded("value", expectation="whole")]


def test_every_replica_and_thanos_is_read_whole(world, platform):
    assert observe(world) == [("prometheus", core, 1) for core in CORES] + [("thanos", THANOS, 1)]
    assert world.clock.passed_s == 0
    assert [len(one["samples"]) for one in world.recorded("series")] == [2, 2, 2]
    assert platform[THANOS].params_of(QUERY) == [{"dedup": "true", "partial_response": "false"}]


def test_a_replica_that_has_just_come_back_is_waited_for(world, platform):
    platform[CORES[0]].answers(QUERY, OLD, OLD, FRESH)
    observe(world)
    assert len(platform[CORES[0]].asked) == 3
    assert len(world.recorded("series", source=CORES[0])[0]["samples"]) == 2


def test_what_never_becomes_fresh_is_recorded_as_it_is(world, platform):
    platform[THANOS].answers(QUERY, OLD)
    platform[CORES[1]].answers(QUERY, [])
    assert observe(world)[1:] == [("prometheus", CORES[1], 0), ("thanos", THANOS, 1)]
    assert len(world.recorded("series", source=THANOS)[0]["samples"]) == 1


def test_a_part_that_is_silent_leaves_its_silence(world, platform, nobody):
    world.urls[THANOS] = nobody
    assert observe(world)[-1] == ("thanos", THANOS, None)
