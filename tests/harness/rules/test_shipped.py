"""The platform's alerts as they ship, and what their unit tests name."""

from fawkes.harness.operator.objects import Objects, load_objects
from fawkes.harness.places import PLATFORM
from fawkes.harness.rules.shipped import shipped_alerts

RULE = {
    "kind": "PrometheusRule",
    "metadata": {"namespace": "ns", "name": "alerts"},
    "spec": {
        "groups": [
            {"name": "g", "rules": [{"alert": "Both", "expr": "1", "labels": {"severity": "warning"}}]},
            {"name": "h", "rules": [{"record": "x:y", "expr": "1"}, {"alert": "OnlyFires", "expr": "1"}]},
            {"name": "i", "rules": [{"alert": "OnlyQuiet", "expr": "1"}, {"alert": "Neither", "expr": "1"}]},
        ]
    },
}
TESTS = """
tests:
  - alert_rule_test:
      - {eval_time: 1m, alertname: Both}
      - {eval_time: 2m, alertname: Both, exp_alerts: [{exp_labels: {a: b}}]}
  - alert_rule_test:
      - {eval_time: 2m, alertname: OnlyFires, exp_alerts: [{}]}
      - {eval_time: 2m, alertname: OnlyQuiet, exp_alerts: []}
  - promql_expr_test: [{expr: "ALERTS{alertname='Neither'}", eval_time: 1m}]
"""


def test_a_test_that_expects_alerts_is_for_firing_and_one_that_expects_none_for_quiet(tmp_path):
    (tmp_path / "a.yaml").write_text(TESTS)
    (tmp_path / "empty.yaml").write_text("")
    found = shipped_alerts(Objects((RULE,)), tmp_path)
    assert [(a.name, a.group, a.severity, a.tested_firing, a.tested_quiet) for a in found] == [
        ("Both", "g", "warning", True, True),
        ("OnlyFires", "h", "", True, False),
        ("OnlyQuiet", "i", "", False, True),
        ("Neither", "i", "", False, False),
    ]
    assert {a.rule for a in found} == {"ns/alerts"}


def test_every_alert_of_the_platform_is_named_firing_and_quiet():
    found = shipped_alerts(load_objects(PLATFORM), PLATFORM / "tests")
    assert {"PlatformServiceDown", "HighMemoryUsage", "PodCrashLooping"} <= {a.name for a in found}
    assert [a.name for a in found if not (a.tested_firing and a.tested_quiet)] == []
