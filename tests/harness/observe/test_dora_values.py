"""What is recorded of all DORA values of a stage: as tables, awaited until they show what the API said."""

import json

import pytest

from fawkes.harness.checks.dora_values import DoraValuesExpectation
from fawkes.harness.observe import dora_values
from fawkes.harness.observe.dora_values import observe_dora_values

GAUGES = '{__name__=~"fawkes_dora_.+",window!=""}'
RECORDS = '{__name__=~"fawkes:dora:.+",window!=""} or {__name__=~"fawkes:dora:.+:histogram_.+"}'
LABELS = {"team": "alpha", "environment": "production", "window": "30d"}
SAID = {"lead_time_seconds.p50": 60.0, "sample_count.lead_time_seconds": 3, "performance_level.overall": 3}
EVER = {"lead_time_seconds.p50": 60.0}


@pytest.fixture(autouse=True)
def store(monkeypatch):
    """The event store knows of one team in production."""
    monkeypatch.setattr(dora_values.event_store, "select", lambda world, query, source: [("alpha", "production")])


def answer(p50=60.0):
    metrics = {"lead_time_seconds": {"p50": p50, "mean": None, "sample_count": 3}}
    return json.dumps({"metrics": metrics, "classification": {"edition": "2023", "overall": "elite"}})


def vector(prefix, p50=60.0, **labels):
    def row(name, value, **own):
        return {"metric": {"__name__": prefix + name, **LABELS, **labels, **own}, "value": [1.0, str(value)]}

    return [
        row("lead_time_seconds", p50, stat="p50"),
        row("sample_count", 3, metric="lead_time_seconds"),
        row("performance_level", 3, metric="overall", edition="2023"),
    ]


def histogram(value=54.0):
    labels = {"__name__": "fawkes:dora:lead_time_seconds:histogram_p50", "team": "alpha", "environment": "production"}
    return {"metric": labels, "value": [1.0, str(value)]}


def page(p50=60.0):
    place = 'team="alpha",environment="production",window="30d"'
    return (
        f'fawkes_dora_lead_time_seconds{{{place},stat="p50"}} {p50}\n'
        f'fawkes_dora_sample_count{{{place},metric="lead_time_seconds"}} 3\n'
        f'fawkes_dora_performance_level{{{place},metric="overall",edition="2023"}} 3\n'
        'fawkes_dora_last_event_timestamp_seconds{team="alpha"} 1\n'
    )


@pytest.fixture
def platform(part):
    dora, core, thanos = part("dora-0"), part("prometheus-core-0"), part("thanos-query-0")
    dora.shows("/api/v1/dora/alpha", answer())
    dora.shows("/metrics", page())
    core.answers(GAUGES, vector("fawkes_dora_"))
    for one in (core, thanos):
        one.answers(RECORDS, [*vector("fawkes:dora:"), histogram()])
    return {"dora-0": dora, "prometheus-core-0": core, "thanos-query-0": thanos}


def observe(world, **changes):
    fields = {"name": "values", "windows": ("30d",), "within": "2s", **changes}
    observe_dora_values(DoraValuesExpectation.model_validate(fields), world, world.record)
    return world.recorded("table", expectation="values")


def values(record, window="30d"):
    return record["table"]["alpha"]["production"][window]


def test_every_stage_is_one_table_of_the_same_quantities(world, platform):
    seen = observe(world)
    assert [(one["stage"], one["source"]) for one in seen] == [
        ("rest", "dora-0"),
        ("exporter", "dora-0"),
        ("prometheus", "prometheus-core-0"),
        ("rule", "prometheus-core-0"),
        ("thanos", "thanos-query-0"),
    ]
    assert [values(one) for one in seen] == [SAID] * 5
    assert values(seen[0], "all time") == EVER
    assert values(seen[3], "all time") == {"lead_time_seconds.p50": 54.0}
    assert world.clock.passed_s == 0


def test_the_api_is_asked_for_each_window_and_for_all_time(world, platform):
    observe(world, stages=["rest"])
    asked = [params for path, params in platform["dora-0"].asked if path == "/api/v1/dora/alpha"]
    assert {frozenset(params) for params in asked} == {
        frozenset({"window", "environment"}),
        frozenset({"from", "to", "environment"}),
    }


def test_thanos_is_asked_for_one_series_and_no_gaps(world, platform):
    observe(world, stages=["thanos"])
    assert platform["thanos-query-0"].params_of(RECORDS) == [{"dedup": "true", "partial_response": "false"}]


def test_a_value_that_comes_late_is_waited_for(world, platform):
    platform["prometheus-core-0"].answers(GAUGES, [], vector("fawkes_dora_", 1.0), vector("fawkes_dora_"))
    assert [values(one) for one in observe(world, stages=["rest", "prometheus"])] == [SAID, SAID]
    assert world.clock.passed_s == pytest.approx(0.2)


def test_a_wrong_value_is_recorded_when_time_runs_out(world, platform):
    platform["dora-0"].shows("/metrics", page(61.0))
    assert values(observe(world, stages=["rest", "exporter"])[1])["lead_time_seconds.p50"] == 61.0
    assert world.clock.passed_s >= 2.0


def test_what_has_no_value_is_not_in_the_table(world, platform):
    platform["prometheus-core-0"].answers(GAUGES, vector("fawkes_dora_", "NaN"))
    (one,) = observe(world, stages=["prometheus"])
    assert "lead_time_seconds.p50" not in values(one)


def test_replicas_of_the_exporter_that_differ_are_both_told(world, platform):
    both = [*vector("fawkes_dora_", pod="dora-0"), *vector("fawkes_dora_", 61.0, pod="dora-1")]
    platform["prometheus-core-0"].answers(GAUGES, both)
    (one,) = observe(world, stages=["prometheus"])
    assert values(one) == {**SAID, "lead_time_seconds.p50": [60.0, 61.0]}


def test_other_teams_and_windows_are_left_out(world, platform):
    others = [*vector("fawkes_dora_", team="beta"), *vector("fawkes_dora_", window="7d"), *vector("fawkes_dora_")]
    platform["prometheus-core-0"].answers(GAUGES, others)
    (one,) = observe(world, stages=["prometheus"], teams=["alpha"])
    assert one["table"] == {"alpha": {"production": {"30d": SAID}}}


@pytest.mark.parametrize("text", ["busy", "{}", '{"metrics": {"lead_time_seconds": 1}, "classification": {}}'])
def test_another_answer_of_the_api_is_no_answer(world, platform, text):
    platform["dora-0"].shows("/api/v1/dora/alpha", text)
    (one,) = observe(world, stages=["rest"])
    assert (one["table"], one["error"]) == (None, "no answer in time")


def test_a_part_that_is_away_leaves_no_table_and_the_others_are_looked_at(world, platform, away):
    away("prometheus-core-0")
    seen = observe(world, stages=["rest", "prometheus", "thanos"])
    assert [one["table"] is None for one in seen] == [False, True, False]
