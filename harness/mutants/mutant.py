"""A broken platform as a value: one thing changed, the scenario that must catch it, the stage where it broke."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from fawkes.harness.errors import UsageError
from fawkes.harness.model import Component, Json, Stage
from fawkes.harness.operator.objects import Objects

NAMESPACE: Final = "fawkes-monitoring"
Config = dict[str, Any]
"""A parsed alertmanager.yaml, which a change edits in place."""


def _unchanged(part: Component) -> Component:
    return part


@dataclass(frozen=True, slots=True)
class Mutant:
    """One broken platform: changed objects or parts, or a tampering proxy in front of a part."""

    name: str
    breaks: str
    scenario: str
    """The scenario that must turn to FAIL."""
    stage: Stage
    """Where its finding must say that the chain broke."""
    change: Callable[[Objects], Objects] = lambda objects: objects
    change_workloads: Callable[[Objects], Objects] = lambda objects: objects
    """For what only Kubernetes has (fixtures/platform/workloads)."""
    change_part: Callable[[Component], Component] = _unchanged
    """For what no object says, such as a flag that the operator sets."""
    tampers_with: str | None = None
    """The app whose `http` port is reached through a proxy (fawkes.harness.tamper)."""
    tamper: Mapping[str, Json] = field(default_factory=dict)
    """The proxy's settings."""

    @property
    def in_objects(self) -> bool:
        """Whether it breaks nothing but objects, which every provider has."""
        return self.tampers_with is None and self.change_part is _unchanged


def change_rule(objects: Objects, owner: str, kind: str, name: str, **fields: str) -> Objects:
    """`objects` with fields of one rule (`record` or `alert` NAME) changed. UsageError if no rule is named so."""
    changed = False

    def change(owner_object: dict[str, Any]) -> None:
        nonlocal changed
        for group in owner_object["spec"]["groups"]:
            for rule in group["rules"]:
                if rule.get(kind) == name:
                    rule.update(fields)
                    changed = True

    edited = objects.edit("PrometheusRule", NAMESPACE, owner, change)
    if not changed:
        raise UsageError(f"the platform has no {kind} {name!r} in PrometheusRule {owner}; the mutant is out of date")
    return edited


def reconfigured(change: Callable[[Config], None]) -> Callable[[Objects], Objects]:
    """The platform with another alertmanager.yaml."""

    def edit(secret: dict[str, Any]) -> None:
        config = yaml.safe_load(secret["stringData"]["alertmanager.yaml"])
        change(config)
        secret["stringData"]["alertmanager.yaml"] = yaml.safe_dump(config, sort_keys=False)

    return lambda objects: objects.edit("Secret", NAMESPACE, "alertmanager-main", edit)
