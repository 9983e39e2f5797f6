"""What is recorded of an alert on a DORA value: once the events are in, and once it fires or would be pending."""

import pytest

from fawkes.harness.checks.dora_alerts import DoraAlertExpectation
from fawkes.harness.observe.dora_alerts import observe_dora_alert

PART = "prometheus-core-0"
GUARD = 'fawkes:dora:sample_count{team="a",environment="production",window="30d",metric="change_failure_ratio"}[60s]'
ALERTS = 'ALERTS{alertname="A",team="a"}[60s]'


def observe(world, *, fires):
    expect = DoraAlertExpectation.model_validate(
        {
            "name": "n",
            "alert": "A",
            "team": "a",
            "metric": "change_failure_ratio",
            "value": 0.5,
            "limit": "> 0.15",
            "samples": 4,
            "at_least": 4,
            "fires": fires,
            "within": "2s",
        }
    )
    observe_dora_alert(expect, world, world.record)


def samples(*values, **labels):
    return [{"metric": labels, "values": [[100.0 + n, str(value)] for n, value in enumerate(values)]}]


@pytest.fixture
def core(part):
    core = part(PART)
    core.answers(GUARD, samples(3, 4, 4, 4))
    return core


def test_a_quiet_alert_is_recorded_once_the_samples_have_been_right_for_three_evaluations(world, core):
    observe(world, fires=False)
    guard, alerts = world.recorded("value", source=PART, stage="rule")
    assert (guard["value"], guard["since_s"], alerts["value"]) == (4.0, 101.0, 0)
    assert world.clock.passed_s == 0


def test_a_firing_alert_is_waited_for(world, core):
    firing = samples(1, alertstate="firing")
    core.answers(ALERTS, samples(1, alertstate="pending"), samples(1, alertstate="pending") + firing)
    observe(world, fires=True)
    states = [one["labels"]["alertstate"] for one in world.recorded("series", source=PART)]
    assert states == ["pending", "firing"]
    assert 0 < world.clock.passed_s < 2


@pytest.mark.parametrize("counted", [[], samples(4, 4), samples(4, 4, 3)], ids=["none", "too early", "fewer"])
def test_samples_that_never_settle_are_recorded_as_last_seen(world, core, counted):
    core.answers(GUARD, counted)
    for later in range(61, 64):  # the range grows while it waits
        core.answers(GUARD.replace("60s", f"{later}s"), counted)
    observe(world, fires=False)
    (guard, _) = world.recorded("value", source=PART, stage="rule")
    assert guard["value"] == (float(counted[0]["values"][-1][1]) if counted else None)
    assert world.clock.passed_s >= 2


def test_a_silent_part_leaves_null(world, away):
    away(PART)
    observe(world, fires=False)
    assert [one["value"] for one in world.recorded("value", source=PART)] == [None, None]
