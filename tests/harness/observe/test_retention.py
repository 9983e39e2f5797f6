"""What is recorded of forged history: whole, partly there, late, silent."""

import pytest

from fawkes.harness.checks.retention import RetentionExpectation
from fawkes.harness.observe.retention import observe_retention

QUERY = 'fawkes_forged{run_id="r1",app="prometheus-core"}[400d]'
CORES, THANOS = ("prometheus-core-0", "prometheus-core-1"), "thanos-query-0"


def row(series, values, of=3):
    """A forged series that has `values` of the `of` samples that were made."""
    return {"metric": {"series": series, "samples": str(of)}, "values": [[60.0 * n, str(v)] for n, v in values]}


WHOLE = [row("0", [(1, 5), (2, 6), (3, 7)]), row("1", [(1, 8), (2, 9), (3, 10)])]
YOUNG = [row("0", [(3, 7)]), row("1", [(3, 10)])]


@pytest.fixture
def platform(part):
    parts = {name: part(name) for name in (*CORES, THANOS)}
    for core in CORES:
        parts[core].answers(QUERY, YOUNG)
    parts[THANOS].answers(QUERY, WHOLE)
    return parts


def observe(world, **fields):
    expect = RetentionExpectation.model_validate(
        {"name": "kept", "app": "prometheus-core", "keeps": "30d", "within": "2s", **fields}
    )
    observe_retention(expect, world, world.record)
    return [(one["stage"], one["source"], one["value"]) for one in world.recorded("value", expectation="kept")]


def test_every_replica_and_thanos_is_read(world, platform):
    assert observe(world) == [("prometheus", core, 2) for core in CORES] + [("thanos", THANOS, 2)]
    assert world.clock.passed_s == 0
    first, second = world.recorded("series", source=THANOS)
    assert first["samples"] == [[60.0, 5.0], [120.0, 6.0], [180.0, 7.0]]
    assert (first["labels"], second["labels"]["series"]) == ({"series": "0", "samples": "3"}, "1")
    assert [one["samples"] for one in world.recorded("series", source=CORES[0])] == [[[180.0, 7.0]], [[180.0, 10.0]]]


def test_thanos_is_asked_for_samples_as_they_were_scraped(world, platform):
    observe(world)
    wanted = {"dedup": "true", "partial_response": "false", "max_source_resolution": "0s"}
    assert platform[THANOS].params_of(QUERY) == [wanted]
    assert platform[CORES[0]].params_of(QUERY) == [{}]


def test_without_thanos_only_the_replicas_are_read(world, platform):
    assert [stage for stage, _, _ in observe(world, thanos=False)] == ["prometheus"] * 2
    assert platform[THANOS].asked == []


@pytest.mark.parametrize("partly", [[], WHOLE[:1], [WHOLE[0], row("1", [(1, 8), (2, 9)])]])
def test_what_thanos_lacks_is_waited_for(world, platform, partly):
    platform[THANOS].answers(QUERY, partly, partly, WHOLE)
    assert observe(world)[-1] == ("thanos", THANOS, 2)
    assert world.clock.passed_s == pytest.approx(0.2)


def test_what_thanos_still_lacks_in_the_end_is_recorded_as_it_is(world, platform):
    platform[THANOS].answers(QUERY, [row("0", [(1, 5)])])
    assert observe(world)[-1] == ("thanos", THANOS, 1)
    assert world.clock.passed_s >= 2
    assert [one["samples"] for one in world.recorded("series", source=THANOS)] == [[[60.0, 5.0]]]


def test_no_history_is_not_no_answer(world, platform, away):
    platform[CORES[0]].answers(QUERY, [])
    away(CORES[1])
    assert [value for _, _, value in observe(world)] == [0, None, 2]


def test_thanos_away_is_null(world, platform, away):
    away(THANOS)
    assert observe(world)[-1] == ("thanos", THANOS, None)
    assert world.recorded("series", source=THANOS) == []
