"""Every notification that Alertmanagers must send, worked out from the alerts they were posted.

A simulation of Alertmanager 0.31.1 (dispatch/dispatch.go, notify/notify.go, nflog/nflog.go, provider/mem/mem.go):

- an alert joins one group per route it ends in; a new group is flushed after group_wait (at once if the alert is older
  than that), then every group_interval, also while it is empty, until maintenance takes the empty group away;
- a flush leaves out what is inhibited or silenced, and each integration of the receiver is told if an alert fires that
  its last message did not have, if none fires any more, if one more has ended (with send_resolved), or if its last
  message is older than repeat_interval;
- alerts that had ended leave the group after the flush, told or not; what was told stays in the notification log;
- in a cluster each replica waits its position times the peer timeout between the two, and sees what reached it
  through the gossip by then.

Not modelled: time intervals; deliveries that fail or take time; the garbage collection of alerts (30 minutes) and of
the log (2 x repeat_interval, at the earliest after 15 minutes); limits; sibling routes with the same matchers and
receiver, which share entries of the log and race each other for them; a configuration that is reloaded; the start of
a cluster, in which nothing is sent until the gossip settles.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Literal

from fawkes.harness.oracle.alert_muting import Inhibitor, Silence
from fawkes.harness.oracle.alert_routing import AlertmanagerConfig, Integration, Labels, Route, labels_of

Reason = Literal["first", "changed", "resolved", "repeat"]

MAINTENANCE_S: Final = 30.0
"""--dispatch.maintenance-interval, its default."""


@dataclass(frozen=True, slots=True)
class Post:
    """One alert as it was posted; all times in Unix seconds."""

    at_s: float
    labels: Mapping[str, str]
    starts_s: float | None = None
    """None: when it was posted."""
    ends_s: float | None = None
    """None: resolve_timeout after it was posted, if nothing is heard of it until then."""
    peer: str | None = None
    """The replica it was posted to; None: every one."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One replica. `waits` holds from when on (Unix seconds) it waits how long before it sends: its position in the
    cluster times the peer timeout; None while it is dead, which it forgets all alerts by."""

    name: str
    waits: Sequence[tuple[float, float | None]] = ((-math.inf, 0.0),)

    def wait_s(self, at_s: float) -> float | None:
        return next((wait_s for from_s, wait_s in reversed(self.waits) if from_s <= at_s), None)


@dataclass(frozen=True, slots=True)
class Cluster:
    """The replicas, and how what one has sent becomes known to the others."""

    peers: Sequence[Peer] = (Peer("alertmanager-main-0"),)
    gossip_s: float = 0.0
    cut: Sequence[tuple[float, float]] = ()
    """From when until when no replica hears another. At the end of a cut they tell each other everything."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One message."""

    at_s: float
    integration: Integration
    group: Labels
    firing: frozenset[Labels]
    resolved: frozenset[Labels]
    reason: Reason
    peer: str

    @property
    def status(self) -> Literal["firing", "resolved"]:
        return "firing" if self.firing else "resolved"


def predict_notifications(
    config: AlertmanagerConfig,
    posts: Iterable[Post],
    *,
    until_s: float,
    silences: Sequence[Silence] = (),
    maintenance_s: float = MAINTENANCE_S,
    started_s: float = 0.0,
    cluster: Cluster = Cluster(),
    flush_lag_s: float = 0.0,
) -> list[Notification]:
    """What is sent before `until_s`, in order of time.

    Maintenance runs every `maintenance_s` from `started_s` on. `flush_lag_s` makes each flush that much later than its
    timer says, for those who ask whether a prediction depends on who comes first by a hair.
    ValueError for a post that Alertmanager would refuse.
    """
    simulation = _Simulation(config, silences, cluster, _Maintenance(started_s, maintenance_s), flush_lag_s)
    for post in posts:
        for replica in simulation.replicas:
            if post.peer in (None, replica.peer.name):
                simulation.at(post.at_s, partial(replica.receive, _alert(post, config.resolve_timeout_s)))
    for replica in simulation.replicas:
        for from_s, wait_s in replica.peer.waits:
            simulation.at(from_s, replica.die if wait_s is None else simulation.sync)
    for _, heals_s in cluster.cut:
        simulation.at(heals_s, simulation.sync)
    return simulation.run(until_s)


@dataclass(frozen=True, slots=True)
class _Alert:
    labels: Labels
    starts_s: float
    ends_s: float
    updated_s: float
    timeout: bool
    """`ends_s` is only when it ends if nothing more is heard of it."""

    def merged_into(self, new: _Alert) -> _Alert:
        """`new` with what remains true of this one (types/types.go, `Alert.Merge`), if the two overlap."""
        ends_inside = self.starts_s < new.ends_s < self.ends_s
        if not (ends_inside or self.starts_s < new.starts_s < self.ends_s):
            return new
        ended, new_ended = self.ends_s <= new.updated_s, new.ends_s <= new.updated_s
        outlasts = self.ends_s > new.ends_s and (ended if new_ended else not self.timeout)
        return replace(new, starts_s=min(self.starts_s, new.starts_s), ends_s=self.ends_s if outlasts else new.ends_s)


def _alert(post: Post, resolve_timeout_s: float) -> _Alert:
    ends_s = post.at_s + resolve_timeout_s if post.ends_s is None else post.ends_s
    starts_s = post.starts_s if post.starts_s is not None else post.at_s if post.ends_s is None else post.ends_s
    labels = labels_of(post.labels)
    if not labels or ends_s < starts_s:
        raise ValueError(f"Alertmanager refuses an alert without labels, or one that ends before it starts: {post}")
    return _Alert(labels, starts_s, ends_s, post.at_s, post.ends_s is None)


@dataclass(frozen=True, slots=True)
class _Maintenance:
    """When empty groups are taken away."""

    started_s: float
    every_s: float

    def ran_between(self, after_s: float, until_s: float) -> bool:
        return math.floor((until_s - self.started_s) / self.every_s) > math.floor(
            (after_s - self.started_s) / self.every_s
        )


@dataclass(eq=False, slots=True)
class _Group:
    """The alerts that are told of together."""

    route: Route
    labels: Labels
    alerts: dict[Labels, _Alert] = field(default_factory=dict)
    empty_since_s: float | None = None

    def insert(self, alert: _Alert) -> None:
        self.alerts[alert.labels] = alert
        self.empty_since_s = None

    def drop(self, ended: Iterable[_Alert], now_s: float) -> None:
        """Without the alerts of a flush that had ended, unless they were heard of again since."""
        for alert in ended:
            if self.alerts[alert.labels].updated_s == alert.updated_s:
                del self.alerts[alert.labels]
        if not self.alerts:
            self.empty_since_s = now_s


@dataclass(frozen=True, slots=True)
class _Entry:
    """The last message about a group to one integration."""

    at_s: float
    firing: frozenset[Labels]
    resolved: frozenset[Labels]


_LogKey = tuple[object, Labels, Integration]


def _reason(last: _Entry | None, now: _Entry, integration: Integration, repeat_interval_s: float) -> Reason | None:
    """Why the integration must be told (notify/notify.go, `DedupStage.needsUpdate`); None if it need not."""
    if last is None:
        return "first" if now.firing else None
    if not now.firing <= last.firing:
        return "changed"
    if not now.firing:
        return "resolved" if last.firing else None
    if integration.send_resolved and not now.resolved <= last.resolved:
        return "resolved"
    return "repeat" if last.at_s < now.at_s - repeat_interval_s else None


class _Simulation:
    """The clock, and what the replicas share."""

    def __init__(
        self,
        config: AlertmanagerConfig,
        silences: Sequence[Silence],
        cluster: Cluster,
        maintenance: _Maintenance,
        flush_lag_s: float,
    ) -> None:
        self.config, self.silences, self.cluster, self.maintenance = config, silences, cluster, maintenance
        self.flush_lag_s = flush_lag_s
        self.now_s = -math.inf
        self.replicas = [_Replica(peer, self) for peer in cluster.peers]
        self.sent: list[Notification] = []
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()

    def at(self, at_s: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._events, (at_s, next(self._count), action))

    def run(self, until_s: float) -> list[Notification]:
        while self._events and self._events[0][0] < until_s:
            self.now_s, _, action = heapq.heappop(self._events)
            action()
        return self.sent

    def gossip(self, sender: _Replica, key: _LogKey, entry: _Entry) -> None:
        if not self._is_cut():
            for replica in self.replicas:
                if replica is not sender:
                    self.at(self.now_s + self.cluster.gossip_s, partial(replica.learn, key, entry))

    def sync(self) -> None:
        """All replicas tell each other everything, as they do when they meet."""
        if not self._is_cut():
            for one, other in itertools.permutations(self.replicas, 2):
                for key, entry in one.log.items():
                    other.learn(key, entry)

    def _is_cut(self) -> bool:
        return any(from_s <= self.now_s < heals_s for from_s, heals_s in self.cluster.cut)


class _Replica:
    """One Alertmanager."""

    def __init__(self, peer: Peer, simulation: _Simulation) -> None:
        self.peer, self._simulation = peer, simulation
        self.die()

    def die(self) -> None:
        """Killed, it has nothing left: it writes its log to disk only every 15 minutes."""
        self.log: dict[_LogKey, _Entry] = {}
        self._alerts: dict[Labels, _Alert] = {}
        self._groups: dict[tuple[tuple[int, ...], Labels], _Group] = {}
        self._inhibitor = Inhibitor(self._simulation.config.inhibit_rules)

    def learn(self, key: _LogKey, entry: _Entry) -> None:
        """What another one has sent."""
        known = self.log.get(key)
        if self._is_alive() and (known is None or known.at_s < entry.at_s):
            self.log[key] = entry

    def receive(self, alert: _Alert) -> None:
        if not self._is_alive():
            return
        known = self._alerts.get(alert.labels)
        alert = known.merged_into(alert) if known else alert
        self._alerts[alert.labels] = alert
        self._inhibitor.hear(alert.labels, alert.ends_s)
        for route in self._simulation.config.route.reached_by(alert.labels):
            self._join_group(route, alert)

    def _join_group(self, route: Route, alert: _Alert) -> None:
        now_s, key = self._simulation.now_s, (route.path, route.group_of(alert.labels))
        group = self._groups.get(key)
        if group is not None and not self._is_gone(group):
            group.insert(alert)
            return
        group = self._groups[key] = _Group(route, key[1])
        group.insert(alert)
        is_old = alert.starts_s + route.group_wait_s < now_s
        self._flush_at(now_s if is_old else now_s + route.group_wait_s, group)

    def _is_gone(self, group: _Group) -> bool:
        since_s = group.empty_since_s
        return since_s is not None and self._simulation.maintenance.ran_between(since_s, self._simulation.now_s)

    def _flush_at(self, due_s: float, group: _Group) -> None:
        self._simulation.at(due_s + self._simulation.flush_lag_s, partial(self._flush, group))

    def _flush(self, group: _Group) -> None:
        if not self._has(group) or self._is_gone(group):
            return
        now_s, alerts = self._simulation.now_s, list(group.alerts.values())
        ended = [alert for alert in alerts if alert.ends_s <= now_s]
        heard = frozenset(alert.labels for alert in alerts if not self._is_muted(alert.labels))
        wait_s = (self.peer.wait_s(now_s) or 0.0) if heard else 0.0
        resolved = heard & {alert.labels for alert in ended}
        told = _Entry(now_s + wait_s, firing=heard - resolved, resolved=resolved)
        self._simulation.at(now_s + wait_s, partial(self._tell, group, told, ended, now_s))

    def _tell(self, group: _Group, told: _Entry, ended: Sequence[_Alert], flushed_s: float) -> None:
        """The end of a flush: whoever must be told is told."""
        if not self._has(group):
            return
        route, now_s = group.route, self._simulation.now_s
        for integration in self._simulation.config.integrations[route.receiver] if told.firing | told.resolved else ():
            key = (route.key, group.labels, integration)
            reason = _reason(self.log.get(key), told, integration, route.repeat_interval_s)
            if reason is None:
                continue
            self.log[key] = told
            self._simulation.gossip(self, key, told)
            if told.firing or integration.send_resolved:
                resolved = told.resolved if integration.send_resolved else frozenset()
                self._simulation.sent.append(
                    Notification(now_s, integration, group.labels, told.firing, resolved, reason, self.peer.name)
                )
        group.drop(ended, now_s)
        self._flush_at(max(flushed_s + route.group_interval_s, now_s), group)

    def _has(self, group: _Group) -> bool:
        return self._groups.get((group.route.path, group.labels)) is group

    def _is_muted(self, labels: Labels) -> bool:
        now_s = self._simulation.now_s
        return self._inhibitor.mutes(labels, now_s) or any(
            one.mutes(labels, now_s) for one in self._simulation.silences
        )

    def _is_alive(self) -> bool:
        return self.peer.wait_s(self._simulation.now_s) is not None
