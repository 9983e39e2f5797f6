"""Which alerts are not told of for now: inhibition and silences, as in Alertmanager 0.31.1.

inhibit/inhibit.go remembers per rule one source for each value of the `equal` labels, and takes another one only if
that one ends no earlier. So a source that ended hides another that still fires, until the other is heard of again;
that is modelled. Not modelled: that sources which ended are forgotten after 15 minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fawkes.harness.oracle.alert_routing import InhibitRule, Labels, Matcher, all_match


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts that match are not told of from `starts_s` until `ends_s` (Unix seconds), its planned end or its expiry,
    whichever comes first."""

    matchers: tuple[Matcher, ...]
    starts_s: float
    ends_s: float

    def mutes(self, labels: Labels, at_s: float) -> bool:
        return self.starts_s <= at_s < self.ends_s and all_match(self.matchers, labels)


@dataclass(slots=True)
class Inhibitor:
    """What one Alertmanager remembers of the sources of its rules."""

    rules: Sequence[InhibitRule]
    _ends_s: dict[Labels, float] = field(default_factory=dict)
    _sources: dict[tuple[int, Labels], Labels] = field(default_factory=dict)
    """(rule, values of `equal`) -> the one source that counts."""

    def hear(self, labels: Labels, ends_s: float) -> None:
        """An alert was received that fires until `ends_s`."""
        for index, rule in enumerate(self.rules):
            if not all_match(rule.sources, labels):
                continue
            self._ends_s[labels] = ends_s
            known = self._sources.get((index, _equal(rule, labels)))
            if known is None or self._ends_s[known] <= ends_s:
                self._sources[index, _equal(rule, labels)] = labels

    def mutes(self, labels: Labels, at_s: float) -> bool:
        """Whether a source fires. An alert that is source and target itself is not muted by another such one."""
        return any(
            all_match(rule.targets, labels) and self._has_source(index, rule, labels, at_s)
            for index, rule in enumerate(self.rules)
        )

    def _has_source(self, index: int, rule: InhibitRule, labels: Labels, at_s: float) -> bool:
        source = self._sources.get((index, _equal(rule, labels)))
        if source is None or self._ends_s[source] <= at_s:
            return False
        return not (all_match(rule.sources, labels) and all_match(rule.targets, source))


def _equal(rule: InhibitRule, labels: Labels) -> Labels:
    """The `equal` labels; one that is missing is left out on both sides, and so counts as equal."""
    return frozenset(pair for pair in labels if pair[0] in rule.equal)
