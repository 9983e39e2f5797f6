"""Whether every alert and recording rule has unit tests that mean something, and every alert says what people need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import promql_parser as promql

from fawkes.harness.operator.objects import Manifest, display_name

SEVERITIES: Final = ("critical", "warning", "info")
"""What Alertmanager's routes tell apart."""
ANNOTATIONS: Final = ("summary", "description", "runbook_url")
LABELS: Final = ("severity", "team")
"""Of a fired alert: the team may come from the rule or from the series it watches."""


def uncovered(rules: Iterable[Manifest], tests: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is missing, one line for each thing; nothing if all is well. Pure.

    `rules` are PrometheusRules, `tests` promtool test files as values. An alert needs a moment in which it fires with
    the labels severity and team, and one in which it is quiet; a recording rule needs a value.
    """
    files = list(tests)
    cases = [case for file in files for case in file.get("tests") or ()]
    alerts = alert_assertions(files)
    recorded = {name for case in cases for one in case.get("promql_expr_test") or () for name in _asserted(one)}
    problems: list[str] = []
    for owner in rules:
        for rule in (rule for group in owner["spec"]["groups"] for rule in group["rules"]):
            name = rule.get("alert") or rule["record"]
            if "alert" in rule:
                own = [one for one in alerts if one["alertname"] == name]
                missing = [*_alert_lacks(rule), *_alert_untested(own)]
            else:
                missing = [] if name in recorded else ["no unit test asserts a value; add a promql_expr_test"]
            problems += [f"{display_name(owner)} {name}: {one}" for one in missing]
    return problems


def alert_assertions(tests: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Every entry of every `alert_rule_test`: an alert, a moment, and the alerts it must give then, if any."""
    return [one for file in tests for case in file.get("tests") or () for one in case.get("alert_rule_test") or ()]


def _alert_lacks(rule: Mapping[str, Any]) -> Iterator[str]:
    if (severity := (rule.get("labels") or {}).get("severity")) not in SEVERITIES:
        yield f"severity is {severity!r}; the routes know {', '.join(SEVERITIES)}"
    for annotation in ANNOTATIONS:
        if not (rule.get("annotations") or {}).get(annotation):
            yield f"has no annotation {annotation}; whoever is woken by it needs one"


def _alert_untested(assertions: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    expected = [one.get("exp_alerts") or [] for one in assertions]
    fired = [alert for alerts in expected for alert in alerts]
    if not fired:
        yield "no unit test in which it fires; add an alert_rule_test with exp_alerts"
    if all(expected):
        yield "no unit test in which it is quiet; add an alert_rule_test without exp_alerts"
    for label in LABELS:
        if any(not (alert.get("exp_labels") or {}).get(label) for alert in fired):
            yield f"fires without the label {label}; set it in the rule or keep it in the expression"


def _asserted(test: Mapping[str, Any]) -> set[str]:
    """Names of the series that a promql_expr_test reads, when it expects any sample."""
    if not test.get("exp_samples"):
        return set()
    names: set[str] = set()

    def note(node: Any) -> None:
        if isinstance(node, promql.VectorSelector) and node.name:
            names.add(node.name)

    promql.walk(promql.parse(test["expr"]), note)
    return names
