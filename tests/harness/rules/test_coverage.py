"""Nothing ships without unit tests, and no alert without what people need."""

import copy

import pytest

from fawkes.harness.rules.coverage import uncovered

ALERT = {
    "alert": "Hot",
    "expr": "heat > 1",
    "labels": {"severity": "warning"},
    "annotations": {"summary": "s", "description": "d", "runbook_url": "u"},
}
RECORD = {"record": "a:heat:max", "expr": "max(heat)"}
TESTS = {
    "tests": [
        {
            "alert_rule_test": [
                {"alertname": "Hot", "eval_time": "1m"},
                {
                    "alertname": "Hot",
                    "eval_time": "2m",
                    "exp_alerts": [{"exp_labels": {"severity": "warning", "team": "a"}}],
                },
            ],
            "promql_expr_test": [{"expr": "a:heat:max * 2", "exp_samples": [{"labels": "{}", "value": 2}]}],
        }
    ]
}


def owner(*rules):
    return {
        "kind": "PrometheusRule",
        "metadata": {"namespace": "n", "name": "r"},
        "spec": {"groups": [{"name": "g", "rules": list(rules)}]},
    }


def missing(alert=ALERT, record=RECORD, tests=TESTS):
    return uncovered([owner(alert, record)], [tests])


def edited(**case):
    changed = copy.deepcopy(TESTS)
    changed["tests"][0] |= case
    return changed


def test_tested_rules_lack_nothing():
    assert missing() == []


def test_a_new_alert_without_a_unit_test_is_named():
    assert uncovered([owner(ALERT | {"alert": "New"})], [TESTS]) == [
        "PrometheusRule n/r New: no unit test in which it fires; add an alert_rule_test with exp_alerts",
        "PrometheusRule n/r New: no unit test in which it is quiet; add an alert_rule_test without exp_alerts",
    ]


def test_an_alert_that_is_only_ever_seen_firing_lacks_a_quiet_moment():
    fires = TESTS["tests"][0]["alert_rule_test"][1]
    (line,) = missing(tests=edited(alert_rule_test=[fires]))
    assert "in which it is quiet" in line


def test_an_alert_that_fires_without_a_team_is_named():
    fires = {"alertname": "Hot", "exp_alerts": [{"exp_labels": {"severity": "warning"}}]}
    (line,) = missing(tests=edited(alert_rule_test=[{"alertname": "Hot"}, fires]))
    assert "fires without the label team" in line


@pytest.mark.parametrize("annotation", ["summary", "description", "runbook_url"])
def test_an_alert_without_an_annotation_is_named(annotation):
    (line,) = missing(alert=ALERT | {"annotations": ALERT["annotations"] | {annotation: ""}})
    assert f"no annotation {annotation}" in line


@pytest.mark.parametrize("labels", [{}, {"severity": "urgent"}])
def test_a_severity_that_no_route_knows_is_named(labels):
    (line,) = missing(alert=ALERT | {"labels": labels})
    assert "the routes know critical, warning, info" in line


@pytest.mark.parametrize(
    "expressions",
    [
        [],
        [{"expr": "a:heat:max", "exp_samples": []}],
        [{"expr": "heat", "exp_samples": [{"labels": "{}", "value": 1}]}],
    ],
    ids=["no test", "a test that expects nothing", "a test of another series"],
)
def test_a_record_without_an_asserted_value_is_named(expressions):
    (line,) = missing(tests=edited(promql_expr_test=expressions))
    assert line == "PrometheusRule n/r a:heat:max: no unit test asserts a value; add a promql_expr_test"
