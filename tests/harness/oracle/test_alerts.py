import os
from pathlib import Path

import pytest
import yaml

from fawkes.harness.oracle.alerts import (
    ALL_STEPS_MAX,
    InputSeries,
    Transition,
    predict,
    promtool_test,
    rule_file,
    run_promtool,
)
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


def timeline(rule, history, **kwargs):
    return [(t.at_s, t.state) for t in predict(rule, history, INTERVAL_S, **kwargs)]


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
    assert timeline(RULE, history) == []
    assert timeline(RULE, history, active=lambda value: value is None)[0] == (60, "pending")


def test_the_rule_file_carries_the_rule_without_its_annotations():
    rules = yaml.safe_load(rule_file(GROUP, RULE))["groups"][0]["rules"]
    assert rules == [{key: value for key, value in RULE.items() if key != "annotations"}]


def test_asserts_every_evaluation_of_a_short_timeline_and_the_edges_of_a_long_one():
    short = yaml.safe_load(promtool_test(rule_file(GROUP, RULE), InputSeries(UP, OUTAGE), predicted(RULE), INTERVAL_S))
    assert len(short["tests"][0]["alert_rule_test"]) == 27  # 0 s to 780 s
    rule = RULE | {"for": "1d"}
    history = [(0.0, 1.0), (60.0, 0.0), (100_000.0, 1.0)]
    long_text = promtool_test(
        rule_file(GROUP, rule), InputSeries(UP, history), predict(rule, history, INTERVAL_S), INTERVAL_S
    )
    times = [case["eval_time"] for case in yaml.safe_load(long_text)["tests"][0]["promql_expr_test"]]
    assert 9 <= len(times) <= ALL_STEPS_MAX
    assert {"30s", "1m", "1m30s", "1d30s", "1d1m", "1d1m30s"} <= set(times)


def predicted(rule, history=OUTAGE):
    return predict(rule, history, INTERVAL_S)


@pytest.fixture(scope="module")
def promtool():
    binary = find("promtool", environ=os.environ, cache_dir=cache_directory(os.environ))
    if isinstance(binary, Miss):
        pytest.skip(f"no promtool: {'; '.join(binary.reasons)}")
    return Path(binary.path)


def judge(promtool, tmp_path, rule, transitions, history=OUTAGE):
    text = rule_file(GROUP, rule)
    return run_promtool(
        promtool, tmp_path, text, promtool_test(text, InputSeries(UP, history), transitions, INTERVAL_S)
    )


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
    transitions = predicted(RULE)
    transitions[index] = Transition(transitions[index].at_s + shift_s, transitions[index].state)
    exit_code, output = judge(promtool, tmp_path, RULE, transitions)
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
