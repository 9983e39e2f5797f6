"""What is recorded of one sample's and one event's way: present, absent, wrong, late, silent."""

import pytest

from fawkes.harness.checks.paths import EventPathExpectation, SamplePathExpectation, check_sample_path
from fawkes.harness.model import History, Record, Stage, Verdict
from fawkes.harness.observe.paths import deployment_event, observe_event_path, observe_sample_path
from fawkes.harness.oracle.beacon import beacon_value

BEACON = 'fawkes_beacon{run_id="r1"}'
VALUE = beacon_value(7)
ONE, EVERY = [{"dedup": dedup, "partial_response": "false"} for dedup in ("true", "false")]


def rows(value, *replicas):
    return [{"metric": {"prometheus_replica": name}, "value": [1.0, str(value)]} for name in replicas]


def page(value):
    return f"# TYPE fawkes_beacon gauge\n{BEACON} {value}\nfawkes_beacon{{run_id='another'}} 1\n".replace("'", '"')


@pytest.fixture
def platform(part):
    """The beacon's value is everywhere."""
    names = ("beacon-0", "prometheus-core-0", "prometheus-core-1", "thanos-query-0")
    parts = {name: part(name) for name in names}
    parts["beacon-0"].shows("/metrics", page(VALUE))
    parts["prometheus-core-0"].answers(BEACON, rows(VALUE, "0"))
    parts["prometheus-core-1"].answers(BEACON, rows(VALUE, "1"))
    # Asked for both replicas first, then for one series.
    parts["thanos-query-0"].answers(BEACON, rows(VALUE, "0", "1"), rows(VALUE, "0"))
    return parts


def observe(world):
    expect = SamplePathExpectation.model_validate({"name": "way", "within": "2s"})
    observe_sample_path(expect, world, world.record)
    return world.recorded("value", expectation="way")


def verdict(world):
    records = [Record(0.0, 0.0, kind, data) for kind, data in world.records]
    return check_sample_path(SamplePathExpectation(name="way"), History(records))


def shown(seen):
    return [(one["stage"], one["source"], one["value"] and [row["value"] for row in one["value"]]) for one in seen[1:]]


def test_every_stage_shows_the_beacon(world, platform):
    seen = observe(world)
    assert (seen[0]["stage"], seen[0]["value"]) == ("harness", VALUE)
    assert shown(seen) == [
        ("exporter", "beacon-0", [VALUE]),
        ("prometheus", "prometheus-core-0", [VALUE]),
        ("prometheus", "prometheus-core-1", [VALUE]),
        ("sidecar", "thanos-query-0", [VALUE, VALUE]),
        ("thanos", "thanos-query-0", [VALUE]),
    ]
    assert world.clock.passed_s == 0
    assert platform["thanos-query-0"].params_of(BEACON) == [EVERY, ONE]
    assert verdict(world).verdict is Verdict.PASS


def test_a_sample_that_comes_late_is_waited_for(world, platform):
    platform["prometheus-core-1"].answers(BEACON, [], [], rows(VALUE, "1"))
    assert shown(observe(world))[2] == ("prometheus", "prometheus-core-1", [VALUE])
    assert world.clock.passed_s == pytest.approx(0.2)


def test_a_wrong_value_is_recorded_when_time_runs_out_and_the_way_goes_on(world, platform):
    platform["prometheus-core-0"].answers(BEACON, rows(VALUE + 1, "0"))
    seen = shown(observe(world))
    assert [stage for stage, _, _ in seen] == ["exporter", "prometheus", "prometheus", "sidecar", "thanos"]
    assert seen[1][2] == [VALUE + 1]
    assert world.clock.passed_s >= 2
    assert (verdict(world).verdict, verdict(world).stage) == (Verdict.FAIL, Stage.PROMETHEUS)


def test_an_absent_sample_is_an_empty_list(world, platform):
    platform["beacon-0"].shows("/metrics", "")
    platform["prometheus-core-0"].answers(BEACON, [])
    assert [values for _, _, values in shown(observe(world))][:2] == [[], []]


def test_a_part_that_is_away_is_null(world, platform, away):
    away("thanos-query-0")
    assert shown(observe(world))[3:] == [("sidecar", "thanos-query-0", None), ("thanos", "thanos-query-0", None)]
    assert verdict(world).verdict is not Verdict.PASS


def test_two_series_of_one_replica_are_not_two_replicas(world, platform):
    platform["thanos-query-0"].answers(BEACON, rows(VALUE, "0", "0"))
    observe(world)
    assert world.clock.passed_s >= 2
    assert (verdict(world).verdict, verdict(world).stage) == (Verdict.FAIL, Stage.SIDECAR)


COUNTER = "fawkes_deployment_total"


def follow_event(world):
    expect = EventPathExpectation.model_validate({"name": "event", "within": "2s"})
    observe_event_path(expect, world, world.record)
    (sent,) = world.recorded("event")
    return sent, world.recorded("value", expectation="event")


@pytest.mark.parametrize(("status", "ack"), [(201, "stored"), (200, "duplicate"), (401, "refused")])
def test_an_event_is_sent_once_and_followed(world, platform, part, status, ack):
    team = deployment_event("r1", 0.0)["data"]["team"]
    labels = f'team="{team}",environment="production"'
    dora = part("dora-0")
    dora.shows("/webhook/deployment", "", status=status)
    dora.shows("/metrics", f'# TYPE {COUNTER} counter\n{COUNTER}{{{labels},service="smoke"}} 1\n')
    for name in ("prometheus-core-0", "prometheus-core-1", "thanos-query-0"):
        platform[name].answers(f"{COUNTER}{{{labels}}}", rows(1, "0"))
    sent, seen = follow_event(world)
    assert (sent["status"], sent["ack"]) == (status, ack)
    assert [path for path, _ in dora.asked].count("/webhook/deployment") == 1
    assert [(one["stage"], bool(one["value"])) for one in seen] == [
        ("store", False),  # the event store is away
        ("exporter", True),
        ("prometheus", True),
        ("prometheus", True),
        ("thanos", True),
    ]


def test_a_service_that_is_away_has_lost_the_event(world, platform, away):
    away("dora-0")
    sent, seen = follow_event(world)
    assert (sent["status"], sent["ack"]) == (0, "lost")
    assert [one["value"] for one in seen] == [None, None, [], [], []]
