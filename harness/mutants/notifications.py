"""Broken platforms: who is told by Alertmanager of what, and how often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

import yaml

from fawkes.harness.model import Component, Stage
from fawkes.harness.mutants.mutant import NAMESPACE, Mutant
from fawkes.harness.operator.objects import Objects

_Config = dict[str, Any]
"""A parsed alertmanager.yaml, which a change edits in place."""


def _configured(change: Callable[[_Config], None]) -> Callable[[Objects], Objects]:
    """The platform with another alertmanager.yaml."""

    def edit(secret: dict[str, Any]) -> None:
        config = yaml.safe_load(secret["stringData"]["alertmanager.yaml"])
        change(config)
        secret["stringData"]["alertmanager.yaml"] = yaml.safe_dump(config, sort_keys=False)

    return lambda objects: objects.edit("Secret", NAMESPACE, "alertmanager-main", edit)


def _pagerduty_keeps_it(config: _Config) -> None:
    route = next(one for one in config["route"]["routes"] if one["receiver"] == "pagerduty")
    del route["continue"]


def _everybody_is_paged(config: _Config) -> None:
    route = next(one for one in config["route"]["routes"] if one["receiver"] == "pagerduty")
    route["matchers"] = ['severity =~ "critical|warning"']


def _teams_are_mixed(config: _Config) -> None:
    config["route"]["group_by"] = ["alertname"]


def _nothing_is_grouped(config: _Config) -> None:
    config["route"]["group_by"] = ["..."]


def _nothing_inhibits(config: _Config) -> None:
    del config["inhibit_rules"]


def _any_outage_inhibits(config: _Config) -> None:
    for rule in config["inhibit_rules"]:
        del rule["equal"]


def _repeated(interval: str, config: _Config) -> None:
    config["route"]["repeat_interval"] = interval


def _alone(part: Component) -> Component:
    """An Alertmanager that does not know its peers."""
    if part.app != "alertmanager-main":
        return part
    return replace(part, argv=tuple(word for word in part.argv if not word.startswith("--cluster.peer=")))


def _no_room_for_silences(part: Component) -> Component:
    if part.app != "alertmanager-main":
        return part
    return replace(part, argv=(*part.argv, "--silences.max-silence-size-bytes=10"))


def _mutant(name: str, breaks: str, scenario: str, change: Callable[[_Config], None]) -> Mutant:
    return Mutant(name, breaks, scenario, Stage.ALERTMANAGER, change=_configured(change))


MUTANTS: Final = (
    _mutant(
        "pagerduty_keeps_it",
        "the route to PagerDuty lacks `continue`: of what is critical nobody else hears",
        "alert_routing",
        _pagerduty_keeps_it,
    ),
    _mutant("everybody_is_paged", "warnings page too", "alert_routing", _everybody_is_paged),
    _mutant("teams_are_mixed", "alerts are grouped without their team", "alert_grouping", _teams_are_mixed),
    _mutant("nothing_is_grouped", "every alert is a message of its own", "alert_grouping", _nothing_is_grouped),
    Mutant(
        "silences_refused",
        "Alertmanager is limited to silences so small that there can be none",
        "alert_silence",
        Stage.ALERTMANAGER,
        change_part=_no_room_for_silences,
    ),
    _mutant("nothing_inhibits", "the inhibition rule is gone", "alert_inhibition", _nothing_inhibits),
    _mutant(
        "any_outage_inhibits",
        "the inhibition rule does not say that the job must be the same",
        "alert_inhibition",
        _any_outage_inhibits,
    ),
    _mutant("repeated_hourly", "alerts are repeated every hour", "alert_repeat", partial(_repeated, "1h")),
    _mutant("repeated_daily", "alerts are repeated once a day", "alert_repeat", partial(_repeated, "24h")),
    Mutant(
        "replicas_alone",
        "the replicas of Alertmanager do not know of each other",
        "alertmanager_ha_no_duplicate",
        Stage.ALERTMANAGER,
        change_part=_alone,
    ),
)
