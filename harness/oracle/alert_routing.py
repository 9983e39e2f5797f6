"""Which receivers an alert goes to, and in which group: the routing tree of an alertmanager.yaml.

Semantics of Alertmanager 0.31.1 (dispatch/route.go, config/config.go, matcher/parse). Not modelled, and refused with a
ValueError: `match`, `match_re` and their inhibition forms (deprecated), and time intervals. Regular expressions are
matched by Python, which knows all of RE2 that such files use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fawkes.harness.duration import parse_duration_s
from fawkes.harness.model import Json

Labels = frozenset[tuple[str, str]]
"""A label set: (name, value) pairs without empty values, which Alertmanager drops."""

SEND_RESOLVED: Final = {"webhook": True, "pagerduty": True, "slack": False, "email": False}
"""Integration -> whether it tells of resolved alerts where the file does not say (config/notifiers.go)."""

_TIMERS: Final = {"group_wait": "30s", "group_interval": "5m", "repeat_interval": "4h"}
"""Route timer -> its default at the root (dispatch/route.go, `DefaultRouteOpts`)."""
_RESOLVE_TIMEOUT: Final = "5m"
_NOT_MODELLED: Final = (
    *("match", "match_re", "mute_time_intervals", "active_time_intervals"),
    *("source_match", "source_match_re", "target_match", "target_match_re"),
)
_MATCHER: Final = re.compile(
    r'\s*(?P<name>[^\s=~!"]+)\s*(?P<op>=~|!~|!=|=)\s*(?P<value>"(?:[^"\\]|\\.)*"|[^\s"{},=~!]*)\s*'
)
_GROUP_LABEL: Final = re.compile(r'\{\{ (?:or )?\.GroupLabels\.(?P<name>\w+)(?: "(?P<default>[^"]*)")? \}\}')
_ADDRESS: Final = {"slack": "channel", "email": "to"}
_ESCAPES: Final = {"n": "\n", '"': '"', "\\": "\\"}


def labels_of(mapping: Mapping[str, str]) -> Labels:
    """The label set of a mapping."""
    return frozenset((name, value) for name, value in mapping.items() if value != "")


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label; a label that is missing counts as empty."""

    name: str
    op: str
    value: str

    def matches(self, labels: Labels) -> bool:
        have = dict(labels).get(self.name, "")
        equal = re.fullmatch(self.value, have) is not None if self.op in ("=~", "!~") else have == self.value
        return equal == (self.op in ("=", "=~"))


def parse_matcher(text: str) -> Matcher:
    """`severity =~ "warning|critical"`. ValueError for what isn't one matcher."""
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise ValueError(f'{text!r} is no matcher; write for example severity = "critical"')
    value = found["value"]
    if value.startswith('"'):
        value = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), value[1:-1])
    return Matcher(found["name"], found["op"], value)


def all_match(matchers: Sequence[Matcher], labels: Labels) -> bool:
    """True also without matchers."""
    return all(matcher.matches(labels) for matcher in matchers)


@dataclass(frozen=True, slots=True)
class Integration:
    """One way in which a receiver is told."""

    receiver: str
    kind: str
    """slack, email, pagerduty or webhook."""
    index: int
    """Among the receiver's integrations of that kind."""
    send_resolved: bool
    address: str = ""
    """To whom within the channel (Slack's channel, the mail's recipient), as the file has it: a template."""

    def address_for(self, group: Labels) -> str:
        """The address with the group's labels in it. ValueError for a template of another kind than
        `{{ .GroupLabels.team }}` and `{{ or .GroupLabels.team "platform" }}`."""
        labels = dict(group)
        text = _GROUP_LABEL.sub(lambda found: labels.get(found["name"]) or found["default"] or "", self.address)
        if "{{" in text:
            raise ValueError(f"the oracle can't read the template {self.address!r} of {self.receiver}")
        return text


@dataclass(frozen=True, slots=True)
class Route:
    """A node of the tree, with what it inherits from the nodes above."""

    path: tuple[int, ...]
    """Where it is: the index at each level, () for the root."""
    key: tuple[tuple[Matcher, ...], ...]
    """The matchers on the way to it. Routes may share a key, and with it their entries in the notification log."""
    matchers: tuple[Matcher, ...]
    receiver: str
    group_by: frozenset[str] | None
    """None: by all labels."""
    group_wait_s: float
    group_interval_s: float
    repeat_interval_s: float
    goes_on: bool
    """`continue`: the siblings after it are tried too."""
    routes: tuple[Route, ...] = ()

    def reached_by(self, labels: Labels) -> list[Route]:
        """The nodes that the alert ends in, first to last; none if it does not match here."""
        if not all_match(self.matchers, labels):
            return []
        reached: list[Route] = []
        for route in self.routes:
            below = route.reached_by(labels)
            reached += below
            if below and not route.goes_on:
                break
        return reached or [self]

    def group_of(self, labels: Labels) -> Labels:
        """The labels that the alert shares with its group."""
        return labels if self.group_by is None else frozenset(one for one in labels if one[0] in self.group_by)


@dataclass(frozen=True, slots=True)
class InhibitRule:
    """While a source fires, targets with the same `equal` labels are not told of."""

    sources: tuple[Matcher, ...]
    targets: tuple[Matcher, ...]
    equal: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlertmanagerConfig:
    """What of an alertmanager.yaml decides who is told what, and when."""

    route: Route
    integrations: Mapping[str, tuple[Integration, ...]]
    """By receiver."""
    inhibit_rules: tuple[InhibitRule, ...]
    resolve_timeout_s: float


def parse_config(config: Mapping[str, Json]) -> AlertmanagerConfig:
    """From a parsed alertmanager.yaml. ValueError names what is wrong or not modelled."""
    rules = [_inhibit_rule(rule, index) for index, rule in enumerate(config.get("inhibit_rules") or ())]
    timeout = (config.get("global") or {}).get("resolve_timeout", _RESOLVE_TIMEOUT)
    return AlertmanagerConfig(
        route=_route({**_TIMERS, **config["route"]}, None, ()),
        integrations={receiver["name"]: tuple(_integrations(receiver)) for receiver in config["receivers"]},
        inhibit_rules=tuple(rules),
        resolve_timeout_s=parse_duration_s(timeout),
    )


def _route(node: Mapping[str, Json], parent: Route | None, path: tuple[int, ...]) -> Route:
    where = "route" + "".join(f".routes[{index}]" for index in path)
    matchers = _matchers(node, "matchers", where)
    timers_s = [parse_duration_s(node[name]) if name in node else getattr(parent, f"{name}_s") for name in _TIMERS]
    by = node.get("group_by")  # an empty list inherits, like none
    inherited = parent.group_by if parent else frozenset()
    route = Route(
        path=path,
        key=(*(parent.key if parent else ()), tuple(sorted(matchers, key=str))),
        matchers=matchers,
        receiver=node.get("receiver") or (parent.receiver if parent else ""),
        group_by=inherited if not by else None if "..." in by else frozenset(by),
        group_wait_s=timers_s[0],
        group_interval_s=timers_s[1],
        repeat_interval_s=timers_s[2],
        goes_on=bool(node.get("continue")),
    )
    below = [_route(child, route, (*path, index)) for index, child in enumerate(node.get("routes") or ())]
    return replace(route, routes=tuple(below))


def _inhibit_rule(rule: Mapping[str, Json], index: int) -> InhibitRule:
    where = f"inhibit_rules[{index}]"
    sources, targets = (_matchers(rule, key, where) for key in ("source_matchers", "target_matchers"))
    return InhibitRule(sources, targets, tuple(rule.get("equal") or ()))


def _matchers(node: Mapping[str, Json], key: str, where: str) -> tuple[Matcher, ...]:
    if refused := [name for name in _NOT_MODELLED if node.get(name)]:
        raise ValueError(f"{where} has {refused[0]}, which the oracle does not model")
    try:
        return tuple(parse_matcher(text) for text in node.get(key) or ())
    except ValueError as error:
        raise ValueError(f"{where} {key}: {error}") from error


def _integrations(receiver: Mapping[str, Json]) -> Iterator[Integration]:
    for key, configs in receiver.items():
        if key == "name":
            continue
        kind = key.removesuffix("_configs")
        if kind not in SEND_RESOLVED:
            raise ValueError(f"receiver {receiver['name']} has {key}; the oracle knows {', '.join(SEND_RESOLVED)}")
        for index, config in enumerate(configs or ()):
            told_of_the_end = bool(config.get("send_resolved", SEND_RESOLVED[kind]))
            address = str(config.get(_ADDRESS.get(kind, ""), ""))
            yield Integration(receiver["name"], kind, index, told_of_the_end, address)
