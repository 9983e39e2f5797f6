"""The counter's samples are recorded as they were stored, of every replica."""

from fawkes.harness.checks.dora_counted import DoraCountedExpectation
from fawkes.harness.observe.dora_counted import observe_dora_counted


def observe(world):
    expect = DoraCountedExpectation(name="counted", killed=("dora-0",), within="1s")
    observe_dora_counted(expect, world, world.record)


def test_every_sample_since_the_start_is_on_record(world, part):
    rows = [{"metric": {"type": "commit"}, "values": [[1.5, "1"], [2.5, "3"]]}]
    query = "fawkes_dora_events_total[60s]"
    part("prometheus-core-0").answers(query, rows)
    part("prometheus-core-1").answers(query, [], rows)
    observe(world)
    seen = world.recorded("series", expectation="counted")
    assert [(one["source"], one["samples"]) for one in seen] == [
        ("prometheus-core-0", [[1.5, 1.0], [2.5, 3.0]]),
        ("prometheus-core-1", [[1.5, 1.0], [2.5, 3.0]]),
    ]


def test_a_silent_replica_leaves_null(world, away):
    away("prometheus-core-0")
    observe(world)
    assert [one["value"] for one in world.recorded("value", expectation="counted")] == [None]
