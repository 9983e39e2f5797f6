"""PrometheusRules as rule files, the way prometheus-operator v0.85.0 writes them (pkg/operator/rules.go)."""

from __future__ import annotations

import copy

import yaml

from fawkes.harness.operator.objects import Manifest, Objects, name_of, namespace_of
from fawkes.harness.operator.selectors import selected


def selected_rules(prometheus: Manifest, objects: Objects) -> list[Manifest]:
    """The PrometheusRules that a Prometheus object selects."""
    spec = prometheus["spec"]
    return selected(
        objects,
        "PrometheusRule",
        owner=prometheus,
        selector=spec.get("ruleSelector"),
        namespace_selector=spec.get("ruleNamespaceSelector"),
    )


def rule_files(prometheus: Manifest, objects: Objects) -> dict[str, str]:
    """File name (`fawkes-monitoring-platform-alerts.yaml`) -> rule file, for every selected PrometheusRule.

    The operator appends the object's UID to the name; only a cluster hands out UIDs.
    """
    return {rule_file_name(rule): rule_file(rule) for rule in selected_rules(prometheus, objects)}


def rule_file_name(rule: Manifest) -> str:
    return f"{namespace_of(rule)}-{name_of(rule)}.yaml"


def rule_file(rule: Manifest) -> str:
    """One PrometheusRule in Prometheus' own notation, which lacks the field partial_response_strategy."""
    spec = copy.deepcopy(dict(rule["spec"]))
    for group in spec.get("groups") or ():
        group.pop("partial_response_strategy", None)
    return yaml.safe_dump(spec, sort_keys=False, width=120)
