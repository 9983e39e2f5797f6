"""What is recorded of a DORA metric on its way: present, absent, wrong, late, silent."""

import json

import pytest

from fawkes.harness.checks.dora import DoraExpectation, EventLedgerExpectation
from fawkes.harness.errors import DeadlineExceeded
from fawkes.harness.observe.dora import observe_dora, observe_event_ledger

GAUGE = 'fawkes_dora_lead_time_seconds{team="alpha",environment="production",window="30d",stat="p50"}'
RULE = 'fawkes:dora:lead_time_seconds:p50{team="alpha",environment="production"}'
HISTOGRAM = 'fawkes:dora:lead_time_seconds:histogram_p50{team="alpha",environment="production"}'
API = "/api/v1/dora/alpha"
WITHIN_S = 2.0


def rows(*values):
    return [{"metric": {"replica": str(n)}, "value": [1.0, str(value)]} for n, value in enumerate(values)]


def rest(value):
    return json.dumps({"metrics": {"lead_time_seconds": {"p50": value}}})


def observe(world, *stages, equals=3600.0):
    fields = {
        "name": "lead",
        "team": "alpha",
        "metric": "lead_time_p50_s",
        "equals": equals,
        "within": f"{WITHIN_S:g}s",
    }
    expect = DoraExpectation.model_validate({**fields, "stages": list(stages)})
    observe_dora(expect, world, world.record)
    return world.recorded("value", expectation="lead")


@pytest.fixture
def platform(part):
    """Every stage behind the store shows the hand value of 3600 s."""
    dora, thanos = part("dora-0"), part("thanos-query-0")
    cores = [part(f"prometheus-core-{n}") for n in range(2)]
    dora.shows(API, rest(3600.0))
    dora.shows("/metrics", f"# TYPE fawkes_dora_lead_time_seconds gauge\n{GAUGE} 3600\n")
    for one in (*cores, thanos):
        one.answers(RULE, rows(3600.0))
        one.answers(HISTOGRAM, rows(3000.0))
    for core in cores:
        core.answers(GAUGE, rows(3600.0))
    return {"dora-0": dora, "thanos-query-0": thanos, "prometheus-core-0": cores[0], "prometheus-core-1": cores[1]}


def test_every_stage_and_replica_is_looked_at_once_in_the_order_of_the_way(world, platform):
    seen = observe(world, "rest", "exporter", "prometheus", "rule", "thanos")
    core, rule = ["prometheus-core-0", "prometheus-core-1"], [("rule", 3600.0), ("rule", 3000.0)]
    assert [(one["stage"], one["value"]) for one in seen] == [
        ("rest", 3600.0),
        ("exporter", 3600.0),
        ("prometheus", 3600.0),
        ("prometheus", 3600.0),
        *rule,
        *rule,
        ("thanos", 3600.0),
        ("thanos", 3000.0),
    ]
    assert [one["source"] for one in seen if one["stage"] == "prometheus"] == core
    assert not any("error" in one for one in seen)
    assert world.clock.passed_s == 0


def test_thanos_is_asked_for_one_series_and_no_gaps(world, platform):
    observe(world, "thanos")
    assert platform["thanos-query-0"].params_of(RULE) == [{"dedup": "true", "partial_response": "false"}]


def test_a_value_that_comes_late_is_waited_for(world, platform):
    platform["prometheus-core-0"].answers(GAUGE, rows(), rows(1.0), rows(3600.0))
    seen = observe(world, "prometheus")
    assert [one["value"] for one in seen] == [3600.0, 3600.0]
    assert world.clock.passed_s == pytest.approx(0.2)


def test_a_wrong_value_is_recorded_when_time_runs_out(world, platform):
    platform["thanos-query-0"].answers(RULE, rows(7200.0))
    platform["thanos-query-0"].answers(HISTOGRAM, rows(7_000_000.0))
    assert [one["value"] for one in observe(world, "thanos")] == [7200.0, 7_000_000.0]
    assert WITHIN_S <= world.clock.passed_s < WITHIN_S + 0.2  # all looks share the time


def test_an_absent_value_is_null_without_an_error(world, platform):
    platform["dora-0"].shows(API, rest(None))
    platform["dora-0"].shows("/metrics", "")
    platform["prometheus-core-0"].answers(GAUGE, rows("NaN"))
    platform["prometheus-core-1"].answers(GAUGE, rows())
    seen = observe(world, "rest", "exporter", "prometheus")
    assert [(one["value"], "error" in one) for one in seen] == [(None, False)] * 4


def test_where_there_must_be_nothing_nothing_is_waited_for(world, platform):
    platform["prometheus-core-0"].answers(GAUGE, rows())
    platform["prometheus-core-1"].answers(GAUGE, rows("NaN"))
    assert [one["value"] for one in observe(world, "prometheus", equals=None)] == [None, None]
    assert world.clock.passed_s == 0


def test_series_that_agree_are_one_value_and_others_are_all_told(world, platform):
    platform["prometheus-core-0"].answers(GAUGE, rows(3600.0, 3600.0))
    platform["prometheus-core-1"].answers(GAUGE, rows(3600.0, 1.0))
    assert [one["value"] for one in observe(world, "prometheus")] == [3600.0, [3600.0, 1.0]]


def test_parts_that_are_away_leave_null_and_why(world, platform, away):
    for name in platform:
        away(name)
    seen = observe(world, "store", "rest", "exporter", "prometheus", "rule", "thanos")
    assert {one["stage"] for one in seen} == {"store", "rest", "exporter", "prometheus", "rule", "thanos"}
    assert all(one["value"] is None and one["error"] for one in seen)
    assert len(seen) == 1 + 1 + 1 + 2 + 4 + 2


@pytest.mark.parametrize("text", ["busy", "{}", '{"metrics": {"lead_time_seconds": null}}'])
def test_another_answer_of_the_api_is_no_answer(world, platform, text):
    platform["dora-0"].shows(API, text)
    (one,) = observe(world, "rest")
    assert one["value"] is None
    assert "metrics.lead_time_seconds.p50" in one["error"]


def test_an_answer_that_is_none_is_not_taken_for_an_older_one(world, platform):
    page = f"# TYPE fawkes_dora_lead_time_seconds gauge\n{GAUGE} 1\n"
    platform["dora-0"].pages["/metrics"] = [(200, page), (503, "")]
    (one,) = observe(world, "exporter")
    assert one["value"] is None
    assert "503" in one["error"]


def test_a_mistake_of_our_own_is_raised(world, platform):
    del world.secrets["postgres-dsn"]
    with pytest.raises(DeadlineExceeded):
        observe(world, "store")


def ledger(world, *stages):
    expect = EventLedgerExpectation.model_validate({"name": "ledger", "within": "1s", "stages": list(stages)})
    observe_event_ledger(expect, world, world.record)
    return world.recorded("value", expectation="ledger")


def test_counted_events_are_summed_over_their_types(world, part):
    counter = "# TYPE fawkes_dora_events_total counter\n"
    lines = [f'fawkes_dora_events_total{{type="{kind}"}} {n}\n' for kind, n in (("a", 3), ("b", 4))]
    part("dora-0").shows("/metrics", counter + "".join(lines))
    part("dora-1").shows("/metrics", "")
    store, first, second = ledger(world, "store", "exporter")
    assert (store["stage"], store["event_source"], store["value"]) == ("store", "//fawkes/harness/r1", None)
    assert (first["source"], first["value"]) == ("dora-0", 7)
    assert (second["source"], second["value"]) == ("dora-1", None)


def test_without_the_stage_the_exporter_is_not_asked(world, part):
    dora = part("dora-0")
    assert [one["stage"] for one in ledger(world, "store")] == ["store"]
    assert dora.asked == []
