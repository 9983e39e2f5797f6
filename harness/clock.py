"""The compressed clock: alerting's durations divided by one factor, so that an hour passes in a minute.

Scaled: scrape intervals and timeouts, evaluation and group intervals, query offsets, `for`, `keep_firing_for`, ranges,
offsets and subqueries in expressions, Prometheus' three alert timers (resend delay, outage tolerance, grace period) and
Alertmanager's group_wait, group_interval, repeat_interval, resolve_timeout and peer timeout, each also where only its
default holds.

Not scaled, on purpose:
- `--query.lookback-delta` (5m). It bridges gaps that have no staleness marker. A failed scrape, a target gone from
  discovery and a rule's vanished result all write one, so alerts on them never consult it. Divided by 60 it would turn
  a pause of 5 s on a busy machine into absent series: host jitter doesn't shrink with the clock. The price: what goes
  missing while Prometheus itself is down lingers for true minutes; such a scenario needs the true clock.
- Retention, block durations and the windows of DORA values, which are label values: forged history covers these.
- An Alertmanager cluster's gossip (200ms) and probes: what the network needs, not what alerting waits for.
- `@` (an instant, not a duration) and numbers, such as the 3600 in `time() - x > 3600`; `Scaling.unscaled` names rules
  whose value depends on the speed of the clock beyond its durations.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from fawkes.harness.duration import format_duration, parse_duration_s
from fawkes.harness.errors import UsageError
from fawkes.harness.operator.alertmanager import CONFIG_KEY, config_secret, read_config
from fawkes.harness.operator.objects import Manifest, Objects, display_name
from fawkes.harness.promql.durations import clock_functions, map_durations

FLOOR_S: Final = 0.001
"""Prometheus' durations are whole milliseconds, and zero means something else than short."""

_PROMETHEUS: Final = {
    "scrapeInterval": "30s",
    "evaluationInterval": "30s",
    "scrapeTimeout": None,
    "ruleQueryOffset": None,
}
"""Setting -> the default in the CRD, scaled too; None where there is nothing to scale if it isn't set."""
_ALERT_TIMERS: Final = {"resendDelay": "1m", "forOutageTolerance": "1h", "forGracePeriod": "10m"}
"""spec.rules.alert of a Prometheus object -> the default of its flag (cmd/prometheus/main.go, v3.13.5)."""
_ALERTMANAGER: Final = {"clusterPeerTimeout": "15s"}
"""How long a replica waits for each one before it to send (default: cmd/alertmanager/main.go, v0.31.1)."""
_ENDPOINT: Final = ("interval", "scrapeTimeout")
_GROUP: Final = ("interval", "query_offset")
_RULE: Final = ("for", "keep_firing_for")
_ROUTE: Final = {"group_wait": "30s", "group_interval": "5m", "repeat_interval": "4h"}
"""Route timer -> its default at the root (config/config.go, `DefaultRouteOpts`, Alertmanager v0.31.1)."""

_SCALED_KINDS: Final = ("Prometheus", "Alertmanager", "ServiceMonitor", "PrometheusRule")


@dataclass(frozen=True, slots=True)
class Scaled:
    """One setting that was changed."""

    where: str
    before_s: float
    after_s: float


@dataclass(frozen=True, slots=True)
class Scaling:
    """Objects on the compressed clock, with the account of what was done to them."""

    objects: Objects
    scaled: tuple[Scaled, ...]
    unscaled: tuple[str, ...]
    """Rules that hold a rate or a clock reading, which a changed duration alone doesn't carry over."""


def scale_objects(objects: Objects, factor: float) -> Scaling:
    """The same objects on a clock `factor` times as fast. Durations are rounded to whole milliseconds.

    UsageError if a duration would come out below a millisecond, if `factor` is not positive, or for an expression
    that can't be parsed.
    """
    if not factor > 0:
        raise UsageError(f"a clock factor of {factor} makes no sense; give a positive number, 1 for true time")
    scaler = _Scaler(factor)
    changed = [scaler.manifest(one) for one in objects if one["kind"] in _SCALED_KINDS]
    secrets = {id(config_secret(one, objects)): config_secret(one, objects) for one in objects.of("Alertmanager")}
    changed += [scaler.alertmanager_secret(one) for one in secrets.values()]
    return Scaling(objects.replace(*changed), tuple(scaler.scaled), tuple(scaler.unscaled))


class _Scaler:
    """Divides, and keeps the account."""

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self.scaled: list[Scaled] = []
        self.unscaled: list[str] = []

    def manifest(self, manifest: Manifest) -> Manifest:
        scaled = copy.deepcopy(dict(manifest))
        spec, where = scaled["spec"], display_name(manifest)
        match manifest["kind"]:
            case "Prometheus":
                self._settings(spec, _PROMETHEUS, where)
                alert = spec.setdefault("rules", {}).setdefault("alert", {})
                self._settings(alert, _ALERT_TIMERS, f"{where} rules.alert")
            case "Alertmanager":
                self._settings(spec, _ALERTMANAGER, where)
            case "ServiceMonitor":
                for index, endpoint in enumerate(spec.get("endpoints") or ()):
                    self._settings(endpoint, dict.fromkeys(_ENDPOINT), f"{where} endpoints[{index}]")
            case "PrometheusRule":
                for group in spec.get("groups") or ():
                    self._group(group, f"{where} {group['name']}")
        return scaled

    def alertmanager_secret(self, secret: Manifest) -> Manifest:
        scaled = copy.deepcopy(dict(secret))
        config = read_config(secret)
        where = display_name(secret)
        self._settings(config.get("global") or {}, {"resolve_timeout": None}, f"{where} global")
        self._route(config["route"], _ROUTE, f"{where} route")
        scaled["stringData"][CONFIG_KEY] = yaml.safe_dump(config, sort_keys=False, width=120)
        return scaled

    def _route(self, route: dict[str, Any], defaults: Mapping[str, str | None], where: str) -> None:
        self._settings(route, defaults, where)
        for index, child in enumerate(route.get("routes") or ()):
            self._route(child, dict.fromkeys(_ROUTE), f"{where}.routes[{index}]")

    def _group(self, group: dict[str, Any], where: str) -> None:
        self._settings(group, dict.fromkeys(_GROUP), where)
        for rule in group.get("rules") or ():
            rule_where = f"{where} {rule.get('alert') or rule.get('record')}"
            self._settings(rule, dict.fromkeys(_RULE), rule_where)
            if functions := clock_functions(str(rule["expr"])):
                self.unscaled.append(f"{rule_where}: {', '.join(functions)}")
            rule["expr"] = self._expr(str(rule["expr"]), f"{rule_where} expr")

    def _expr(self, expr: str, where: str) -> str:
        return map_durations(expr, lambda duration_s: self._divide(duration_s, where))

    def _settings(self, holder: dict[str, Any], defaults: Mapping[str, str | None], where: str) -> None:
        for key, default in defaults.items():
            value = holder.get(key) or default
            if value is not None:
                try:
                    before_s = parse_duration_s(value)
                except ValueError as error:
                    raise UsageError(f"{where} {key}: {error}") from error
                holder[key] = format_duration(self._divide(before_s, f"{where} {key}"))

    def _divide(self, before_s: float, where: str) -> float:
        after_s = round(before_s / self._factor, 3)
        if before_s != 0 and abs(after_s) < FLOOR_S:
            raise UsageError(
                f"{where}: {format_duration(abs(before_s))} divided by {self._factor:g} is less than a millisecond; "
                f"use a clock factor of at most {abs(before_s) / FLOOR_S:g}"
            )
        self.scaled.append(Scaled(where, before_s, after_s))
        return after_s
