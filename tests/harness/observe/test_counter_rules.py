"""What is recorded of the counter rules: the last evaluation, its absence, silence, and how closely was scraped."""

import re
from pathlib import Path

import pytest

import fawkes.fixtures
from fawkes.harness.checks.counter_rules import DEPLOYMENTS, FAILED, RATIO, RULES, CounterRulesExpectation
from fawkes.harness.duration import parse_duration_s
from fawkes.harness.observe.counter_rules import RANGE_S, observe_counter_rules
from fawkes.harness.operator.objects import load_objects

PART = "prometheus-core-0"
LABELS = '{team="a",environment="production"}'
REACH = "[60s]"
SETTLED_S = 1_772_323_200.5
FACTOR = 480.0
"""So that eight scrapes are half a second, and the question stays the same word for word."""


def row(*samples):
    return {"metric": {}, "values": [[at_s, str(value)] for at_s, value in samples]}


@pytest.fixture
def platform(world, part):
    world.clock_factor = FACTOR
    core = part(PART)
    core.answers(DEPLOYMENTS + LABELS + REACH, [row((SETTLED_S - 60, 3), (SETTLED_S, 4))])
    core.answers(FAILED + LABELS + REACH, [row((SETTLED_S, "NaN"))])
    core.answers(RATIO + LABELS + REACH, [row((SETTLED_S, 0.25))])
    core.answers('up{job="dora"}' + REACH, [row((10, 1), (10.5, 1), (11, 0), (11.75, 1), (12, 1))])
    core.answers('scrape_duration_seconds{job="dora"}' + REACH, [row((10, 0.25), (10.5, 0.5), (11.75, 0.125))])
    return core


def observe(world):
    expect = CounterRulesExpectation(name="counted", team="a", within="700ms")
    observe_counter_rules(expect, world, world.record)
    return {one["rule"]: (one["evaluated_s"], one["value"]) for one in world.recorded("value", source=PART)}


def test_the_last_evaluation_after_everything_settled_is_recorded(world, platform):
    seen = observe(world)
    assert seen[DEPLOYMENTS] == (SETTLED_S, 4.0)
    assert seen[FAILED] == (SETTLED_S, None)
    assert {one["range_s"] for one in world.recorded("value")} == {7 * 86400.0 / FACTOR}


def test_a_rule_that_never_recorded_anything_is_absent_once_everything_settled(world, platform):
    platform.answers(RATIO + LABELS + REACH, [])
    at_s, value = observe(world)[RATIO]
    assert value is None
    assert at_s >= SETTLED_S


def test_an_evaluation_from_before_is_not_taken_for_one_after(world, platform):
    platform.answers(DEPLOYMENTS + LABELS + REACH, [row((SETTLED_S - 1, 3))])
    assert observe(world)[DEPLOYMENTS] == (None, None)


def test_the_longest_gap_between_successful_scrapes_and_the_longest_scrape_are_recorded(world, platform):
    observe(world)
    (scraping,) = world.recorded("scraping", source=PART)
    assert (scraping["gap_max_s"], scraping["took_max_s"]) == (1.25, 0.5)


def test_the_rules_are_those_of_the_platform_and_count_over_that_range():
    platform = load_objects(Path(fawkes.fixtures.__file__).parent / "platform")
    groups = platform.get("PrometheusRule", "fawkes-monitoring", "dora-metrics")["spec"]["groups"]
    exprs = {rule["record"]: rule["expr"] for group in groups for rule in group["rules"]}
    for name in (DEPLOYMENTS, FAILED):
        (ranged,) = re.findall(r"\[(\w+)\]", exprs[name])
        assert parse_duration_s(ranged) == RANGE_S
    assert exprs.keys() >= set(RULES)
