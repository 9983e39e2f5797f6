import os
from pathlib import Path

import pytest
import yaml

from fawkes.harness.oracle.alerts import (
    ALL_STEPS_MAX,
    Transition,
    predict,
    promtool_test,
    rule_file,
    run_promtool,
)
from fawkes.harness.oracle.expression import InputSeries, key_of
from fawkes.harness.toolchain.cache import cache_directory
from fawkes.harness.toolchain.find import Miss, find

INTERVAL_S = 30.0
RULE = {
    "alert": "PlatformServiceDown",
    "expr": 'up{job=~"argocd|jenkins|backstage"} == 0',
    "for": "5m",
    "labels": {"severity": "critical", "team": "platform"},
    "annotations": {"summary": "Platform service {{ $labels.job }} is down"},
}
GROUP = {"name": "platform", "interval": "30s", "rules": [RULE]}
UP = {"__name__": "up", "job": "jenkins", "instance": "127.0.0.1:8080"}
OUTAGE = [(0.0, 1.0), (60.0, 0.0), (720.0, 1.0)]


JENKINS = key_of({"job": "jenkins", "instance": "127.0.0.1:8080", "severity": "critical", "team": "platform"})


def scraped(steps, until_s, labels=UP):
    """What is scraped every 30 s of a series that changes at these times; None: gone."""
    samples, before = [], None
    for at_s in range(0, int(until_s) + 1, int(INTERVAL_S)):
        known = [value for since_s, value in steps if since_s <= at_s]
        if known and (known[-1] is not None or before is not None):
            samples.append((float(at_s), None if known[-1] is None else float(known[-1])))
        before = known[-1] if known else None
    return InputSeries(labels, samples)


def end_s(rule, steps):
    """Two evaluations after nothing can change any more."""
    return steps[-1][0] + 300 + (120 if "keep_firing_for" in rule else 0) + 60


def predicted(rule, steps=OUTAGE):
    until_s = end_s(rule, steps)
    return predict(rule, [scraped(steps, until_s)], eval_interval_s=INTERVAL_S, until_s=until_s)


def timeline(rule, steps):
    return [(t.at_s, t.state) for t in predicted(rule, steps).get(JENKINS, [])]


def test_an_outage_longer_than_for_fires_and_resolves():
    assert timeline(RULE, OUTAGE) == [(60, "pending"), (360, "firing"), (720, "inactive")]


def test_changes_between_evaluations_are_seen_at_the_next_one():
    assert timeline(RULE, [(0, 1), (61, 0), (700, 1)]) == [(90, "pending"), (390, "firing"), (720, "inactive")]


def test_fires_exactly_when_for_has_passed_and_not_one_evaluation_earlier():
    assert timeline(RULE, [(0, 1), (60, 0), (360, 1)]) == [(60, "pending"), (360, "inactive")]
    assert timeline(RULE, [(0, 1), (60, 0), (361, 1)]) == [(60, "pending"), (360, "firing"), (390, "inactive")]


def test_for_that_is_no_multiple_of_the_interval_fires_at_the_next_evaluation():
    assert timeline(RULE | {"for": "4m31s"}, OUTAGE)[1] == (360, "firing")


def test_a_flap_starts_the_wait_anew():
    history = [(0, 1), (60, 0), (180, 1), (210, 0), (720, 1)]
    assert timeline(RULE, history) == [
        (60, "pending"),
        (180, "inactive"),
        (210, "pending"),
        (510, "firing"),
        (720, "inactive"),
    ]


def test_without_for_it_fires_at_once():
    rule = {key: value for key, value in RULE.items() if key != "for"}
    assert timeline(rule, OUTAGE) == [(60, "firing"), (720, "inactive")]


def test_keep_firing_for_bridges_a_gap_and_delays_the_end():
    rule = RULE | {"keep_firing_for": "2m"}
    history = [(0, 1), (0, 0), (600, 1), (660, 0), (720, 1)]
    assert timeline(rule, history) == [(0, "pending"), (300, "firing"), (840, "inactive")]


def test_a_target_that_vanishes_makes_no_alert_unless_the_rule_asks_for_absence():
    history = [(0.0, 1.0), (60.0, None), (720.0, 1.0)]
    assert predicted(RULE, history) == {}
    (absent,) = predicted(RULE | {"expr": 'absent(up{job="jenkins"})'}, history).values()
    assert [(t.at_s, t.state) for t in absent] == [(60, "pending"), (360, "firing"), (720, "inactive")]


def test_each_label_set_is_an_alert_of_its_own():
    other = scraped([(0, 1), (300, 0)], 780, UP | {"job": "argocd"})
    both = predict(RULE, [scraped(OUTAGE, 780), other], eval_interval_s=INTERVAL_S, until_s=780)
    assert {dict(key)["job"]: [t.at_s for t in one] for key, one in both.items()} == {
        "jenkins": [60, 360, 720],
        "argocd": [300, 600],
    }


def test_the_rule_file_carries_the_rule_without_its_annotations():
    rules = yaml.safe_load(rule_file(GROUP, RULE))["groups"][0]["rules"]
    assert rules == [{key: value for key, value in RULE.items() if key != "annotations"}]


def test_asserts_every_evaluation_of_a_short_timeline_and_the_edges_of_a_long_one():
    short = yaml.safe_load(unit_test(RULE, predicted(RULE)))
    assert len(short["tests"][0]["alert_rule_test"]) == 37  # 0 s to 1080 s
    rule = RULE | {"for": "1d"}
    history = [(0.0, 1.0), (60.0, 0.0), (100_000.0, 1.0)]
    times = [
        case["eval_time"]
        for case in yaml.safe_load(unit_test(rule, predicted(rule, history), history))["tests"][0]["promql_expr_test"]
    ]
    assert 9 <= len(times) <= ALL_STEPS_MAX
    assert {"30s", "1m", "1m30s", "1d30s", "1d1m", "1d1m30s"} <= set(times)


def unit_test(rule, timelines, history=OUTAGE):
    until_s = end_s(rule, history)
    return promtool_test(
        rule_file(GROUP, rule),
        [scraped(history, until_s)],
        timelines,
        scrape_interval_s=INTERVAL_S,
        eval_interval_s=INTERVAL_S,
        until_s=until_s,
    )


@pytest.fixture(scope="module")
def promtool():
    binary = find("promtool", environ=os.environ, cache_dir=cache_directory(os.environ))
    if isinstance(binary, Miss):
        pytest.skip(f"no promtool: {'; '.join(binary.reasons)}")
    return Path(binary.path)


def judge(promtool, tmp_path, rule, timelines, history=OUTAGE):
    return run_promtool(promtool, tmp_path, rule_file(GROUP, rule), unit_test(rule, timelines, history))


CASES = [
    (RULE, OUTAGE),
    (RULE, [(0, 1), (61, 0), (700, 1)]),
    (RULE, [(0, 1), (60, 0), (360, 1)]),
    (RULE, [(0, 1), (60, 0), (180, 1), (210, 0), (720, 1)]),
    (RULE, [(0.0, 1.0), (60.0, None), (720.0, 1.0)]),
    (RULE, [(90.0, 0.0), (720.0, None)]),
    (RULE | {"for": "0s"}, OUTAGE),
    (RULE | {"for": "4m31s"}, OUTAGE),
    (RULE | {"keep_firing_for": "2m"}, [(0, 0), (600, 1), (660, 0), (720, 1)]),
    (RULE | {"for": "2h"}, [(0.0, 1.0), (60.0, 0.0), (9000.0, 1.0)]),
]


@pytest.mark.platform
@pytest.mark.slow
@pytest.mark.parametrize(("rule", "history"), CASES)
def test_promtool_agrees_with_the_prediction(promtool, tmp_path, rule, history):
    exit_code, output = judge(promtool, tmp_path, rule, predicted(rule, history), history)
    assert (exit_code, "SUCCESS" in output) == (0, True), output


@pytest.mark.platform
@pytest.mark.slow
@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("shift_s", [-INTERVAL_S, INTERVAL_S])
def test_promtool_rejects_a_prediction_that_is_off_by_one_evaluation(promtool, tmp_path, index, shift_s):
    timelines = predicted(RULE)
    transitions = timelines[JENKINS]
    transitions[index] = Transition(transitions[index].at_s + shift_s, transitions[index].state)
    exit_code, output = judge(promtool, tmp_path, RULE, timelines)
    assert exit_code != 0
    assert "PlatformServiceDown" in output


@pytest.mark.platform
@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [{"for": "4m"}, {"for": "6m"}, {"keep_firing_for": "1m"}, {"expr": 'up{job="argocd"} == 0'}],
)
def test_promtool_rejects_another_rule(promtool, tmp_path, change):
    exit_code, output = judge(promtool, tmp_path, RULE | change, predicted(RULE))
    assert exit_code != 0, output
