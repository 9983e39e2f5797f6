"""Broken platforms: who is told by Alertmanager of what, and how often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from fawkes.harness.model import Component, Stage
from fawkes.harness.mutants.mutant import Config, Mutant, reconfigured


def _pagerduty_keeps_it(config: Config) -> None:
    route = next(one for one in config["route"]["routes"] if one["receiver"] == "pagerduty")
    del route["continue"]


def _everybody_is_paged(config: Config) -> None:
    route = next(one for one in config["route"]["routes"] if one["receiver"] == "pagerduty")
    route["matchers"] = ['severity =~ "critical|warning"']


def _teams_are_mixed(config: Config) -> None:
    config["route"]["group_by"] = ["alertname"]


def _nothing_is_grouped(config: Config) -> None:
    config["route"]["group_by"] = ["..."]


def _nothing_inhibits(config: Config) -> None:
    del config["inhibit_rules"]


def _any_outage_inhibits(config: Config) -> None:
    for rule in config["inhibit_rules"]:
        del rule["equal"]


def _repeated(interval: str, config: Config) -> None:
    config["route"]["repeat_interval"] = interval


def _alone(part: Component) -> Component:
    """An Alertmanager that does not know its peers."""
    if part.app != "alertmanager-main":
        return part
    return replace(part, argv=tuple(word for word in part.argv if not word.startswith("--cluster.peer=")))


def _mail_in_the_clear(config: Config) -> None:
    config["global"]["smtp_require_tls"] = False


def _group_speaks_too_often(config: Config) -> None:
    config["route"]["group_interval"] = "1m"


def _no_room_for_silences(part: Component) -> Component:
    if part.app != "alertmanager-main":
        return part
    return replace(part, argv=(*part.argv, "--silences.max-silence-size-bytes=10"))


def _mutant(name: str, breaks: str, scenario: str, change: Callable[[Config], None]) -> Mutant:
    return Mutant(name, breaks, scenario, Stage.ALERTMANAGER, change=reconfigured(change))


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
    Mutant(
        "group_speaks_too_often",
        "Alertmanager speaks of a group every minute instead of every five",
        "alert_flapping",
        Stage.RECEIVER,
        change=reconfigured(_group_speaks_too_often),
    ),
    Mutant(
        "mail_in_the_clear",
        "Alertmanager sends mail without TLS, which the relay refuses",
        "alert_high_memory",
        Stage.RECEIVER,
        change=reconfigured(_mail_in_the_clear),
    ),
)
