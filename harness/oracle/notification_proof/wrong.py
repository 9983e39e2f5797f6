"""Wrong models and wrong clusters, each of which what is heard must tell from the right one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from unittest import mock

from fawkes.harness.oracle import alert_muting, notifications
from fawkes.harness.oracle.alert_muting import Inhibitor, Silence
from fawkes.harness.oracle.alert_routing import InhibitRule, Labels, Route, all_match
from fawkes.harness.oracle.notification_proof.cases import GOSSIP_S, HORIZON_S, PAIR
from fawkes.harness.oracle.notifications import Cluster, Peer, Post

WRONG_CLUSTERS: Final[Mapping[str, Cluster]] = {
    "nobody waits": Cluster([Peer("a"), Peer("b")], gossip_s=GOSSIP_S),
    "nobody hears": replace(PAIR, cut=[(-1.0, HORIZON_S)]),
    "the gossip is slow": replace(PAIR, gossip_s=1.0),
}


@dataclass(frozen=True, slots=True)
class WrongModel:
    """One function of the model, replaced."""

    owner: object
    name: str
    change: Callable[[Any], Any]
    """The right function -> the wrong one."""

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """While the body runs, the oracle is wrong."""
        with mock.patch.object(self.owner, self.name, self.change(getattr(self.owner, self.name))):
            yield


def _always(answer: Any) -> Callable[[Any], Any]:
    return lambda _: lambda *args: answer


def _without(reason: str) -> Callable[[Any], Any]:
    return lambda told: lambda *args: None if told(*args) == reason else told(*args)


def _missing_labels_differ(equal: Any) -> Any:
    def strictly(rule: InhibitRule, labels: Labels) -> Labels:
        found: Labels = equal(rule, labels)
        return found if len(found) == len(rule.equal) else found | {("", str(labels))}

    return strictly


def _also_itself(_: Any) -> Any:
    """Any firing source counts, also the alert itself and those that are targets too."""

    def has_source(self: Inhibitor, index: int, rule: InhibitRule, labels: Labels, at_s: float) -> bool:
        return any(
            all_match(rule.sources, source)
            and at_s < ends_s
            and alert_muting._equal(rule, source) == alert_muting._equal(rule, labels)
            for source, ends_s in self._ends_s.items()
        )

    return has_source


def _old_ones_wait(alert: Any) -> Any:
    return lambda post, timeout_s: replace(alert(post, timeout_s), starts_s=post.at_s)


def _nothing_times_out(alert: Any) -> Any:
    def lasting(post: Post, timeout_s: float) -> Any:
        return alert(post, 10 * timeout_s)

    return lasting


WRONG_MODELS: Final[Mapping[str, WrongModel]] = {
    "only the first route is taken": WrongModel(Route, "reached_by", lambda reached: lambda *args: reached(*args)[:1]),
    "groups have all labels": WrongModel(Route, "group_of", lambda _: lambda route, labels: labels),
    "nothing is inhibited": WrongModel(Inhibitor, "mutes", _always(False)),
    "missing labels differ": WrongModel(alert_muting, "_equal", _missing_labels_differ),
    "a source inhibits itself": WrongModel(Inhibitor, "_has_source", _also_itself),
    "nothing is silenced": WrongModel(Silence, "mutes", _always(False)),
    "empty groups are gone at once": WrongModel(notifications._Maintenance, "ran_between", _always(True)),
    "empty groups stay": WrongModel(notifications._Maintenance, "ran_between", _always(False)),
    "ended alerts stay": WrongModel(notifications._Group, "drop", _always(None)),
    "a post replaces what was known": WrongModel(notifications._Alert, "merged_into", lambda _: lambda known, new: new),
    "old alerts wait too": WrongModel(notifications, "_alert", _old_ones_wait),
    "nothing times out": WrongModel(notifications, "_alert", _nothing_times_out),
    "nothing is repeated": WrongModel(notifications, "_reason", _without("repeat")),
    "new alerts wait for the repetition": WrongModel(notifications, "_reason", _without("changed")),
    "the end is not told": WrongModel(notifications, "_reason", _without("resolved")),
    "nothing is remembered": WrongModel(
        notifications, "_reason", lambda reason: lambda last, *args: reason(None, *args)
    ),
}
