"""Random routes, alerts and silences whose messages hang on no moment, so that a busy machine changes nothing.

All cases run at once, kept apart by the label `case`. Each is drawn until it is decided: nothing about its messages
changes when any of what is posted, the timers and the gossip come late by up to SLACK_S.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fawkes.harness.model import Json
from fawkes.harness.oracle.alert_muting import Silence
from fawkes.harness.oracle.alert_routing import AlertmanagerConfig, Labels, Matcher, parse_config
from fawkes.harness.oracle.notifications import Cluster, Notification, Peer, Post, predict_notifications

HORIZON_S: Final = 8.0
SLACK_S: Final = 0.25
"""A post takes 2 ms and a flush 1 ms on an idle core; the rest is for a machine on which others work too."""
LATE_S: Final = 2 * SLACK_S
"""By how much a message may be late: as much as what was posted, and as much again on its own way."""
MAINTENANCE_S: Final = 2.0
"""So that some groups are still there when their alert is born again, and others are not."""
PEER_TIMEOUT_S: Final = 0.6
GOSSIP_S: Final = 0.05
"""The second of two waits for twelve gossips: it has heard of what the first one sent, also on a busy machine."""

ALONE: Final = Cluster([Peer("a")])
PAIR: Final = Cluster([Peer("a"), Peer("b", [(-math.inf, PEER_TIMEOUT_S)])], gossip_s=GOSSIP_S)

_RECEIVERS: Final = {"all": [True], "firing-only": [False], "both": [True, False]}
"""Receiver -> send_resolved of each of its webhooks."""
_FLUSH_LAGS_S: Final = (0.0, 0.004, 0.01)
_TRIES: Final = 30
"""Late versions of each case. One in which a certain post is late and a certain other one isn't is missed with a
probability of (3/4)^30, or 0.0002."""

Heard = tuple[float, frozenset[Labels], frozenset[Labels]]
"""One message: when (seconds since the beginning), firing, resolved."""
Streams = Mapping[tuple[str, Labels], Sequence[Heard]]
"""(path of the webhook, group) -> its messages in order of time."""


@dataclass(frozen=True, slots=True)
class Case:
    """One subtree of routes, and what is posted to it. Times are seconds since the beginning."""

    route: Mapping[str, Json]
    posts: Sequence[Post]
    silences: Sequence[Silence]
    config: AlertmanagerConfig
    """The route and the inhibition rules, as the oracle reads them."""

    def predict(self, cluster: Cluster) -> Streams:
        """What must be heard of it."""
        return self._predict(cluster, self.posts, self.silences)

    def is_decided(self, cluster: Cluster, rng: random.Random) -> bool:
        """Whether something is heard, and the same when everything is late."""
        expected = self.predict(cluster)
        return bool(expected) and all(
            is_same(expected, self._predict_late(cluster, rng), late_s=LATE_S) for _ in range(_TRIES)
        )

    def _predict_late(self, cluster: Cluster, rng: random.Random) -> Streams:
        def late(at_s: float) -> float:
            return at_s + rng.choice((0.0, SLACK_S))  # the extremes: what lies between them changes less

        posts = [replace(post, at_s=late(post.at_s), peer=peer.name) for peer in cluster.peers for post in self.posts]
        silences = [replace(one, starts_s=late(one.starts_s), ends_s=late(one.ends_s)) for one in self.silences]
        slow = replace(cluster, gossip_s=rng.uniform(0, GOSSIP_S + SLACK_S))
        phase_s, lag_s = rng.uniform(-SLACK_S, SLACK_S), rng.choice(_FLUSH_LAGS_S)
        return self._predict(slow, posts, silences, started_s=phase_s, flush_lag_s=lag_s)

    def _predict(
        self, cluster: Cluster, posts: Sequence[Post], silences: Sequence[Silence], **late_s: float
    ) -> Streams:
        return _streams(
            predict_notifications(
                self.config,
                sorted(posts, key=lambda post: post.at_s),
                silences=silences,
                until_s=HORIZON_S,
                maintenance_s=MAINTENANCE_S,
                cluster=cluster,
                **late_s,
            )
        )


def draw_cases(seed: int, count: int, cluster: Cluster) -> Iterator[Case]:
    """As many decided cases; the first has the label case="0"."""
    rng = random.Random(seed)
    for name in map(str, range(count)):
        while True:
            posts = list(_draw_posts(rng, name))
            silences = [_draw_silence(rng, name)] if rng.random() < 0.4 else []
            route = _draw_route(rng, name)
            drawn = Case(route, posts, silences, parse_config(_config([route])))
            if drawn.is_decided(cluster, rng):
                yield drawn
                break


def config_of(cases: Iterable[Case]) -> dict[str, Json]:
    """One alertmanager.yaml for all of them, with paths for the webhooks' URLs; what no case takes goes nowhere."""
    return _config([case.route for case in cases])


def _config(routes: Sequence[Json]) -> dict[str, Json]:
    hooks = {
        name: [{"url": f"/{name}/{index}", "send_resolved": send} for index, send in enumerate(sends)]
        for name, sends in _RECEIVERS.items()
    }
    return {
        "global": {"resolve_timeout": "2s"},
        "route": {"receiver": "nobody", "routes": routes},
        "inhibit_rules": [
            {
                "source_matchers": ['severity = "page"'],
                "target_matchers": ['severity =~ "warn|info"', 'alertname = "Slow"'],
                "equal": ["case", "zone"],
            },
            {"source_matchers": ['zone = "a"'], "target_matchers": ['zone =~ "a|b"'], "equal": ["case", "alertname"]},
        ],
        "receivers": [{"name": "nobody"}, *({"name": name, "webhook_configs": some} for name, some in hooks.items())],
    }


def is_same(expected: Streams, heard: Streams, *, late_s: float) -> bool:
    """The same messages about the same groups to the same webhooks, none early, none later than `late_s`."""
    return expected.keys() == heard.keys() and all(
        [one[1:] for one in messages] == [one[1:] for one in heard[key]]
        and all(0 <= after[0] - before[0] <= late_s for before, after in zip(messages, heard[key], strict=True))
        for key, messages in expected.items()
    )


def _streams(messages: Iterable[Notification]) -> Streams:
    found: dict[tuple[str, Labels], list[Heard]] = defaultdict(list)
    for one in messages:
        path = f"/{one.integration.receiver}/{one.integration.index}"
        found[path, one.group].append((one.at_s, one.firing, one.resolved))
    return dict(found)


def _draw_route(rng: random.Random, case: str) -> dict[str, Json]:
    """Its own timers and grouping, and children told apart by severity.

    A repetition is never due within 150 ms of a flush, whose interval is 900 or 1300 ms, nor of the end of the second
    peer's wait.
    """
    # Siblings that match alike would share their log and race each other for it.
    severities = rng.sample(['severity = "page"', 'severity =~ "page|warn"', 'severity != "page"'], rng.randint(0, 3))
    return {
        "matchers": [f'case = "{case}"'],
        "receiver": rng.choice(list(_RECEIVERS)),
        "group_by": rng.choice([["case"], ["case", "zone"], ["case", "alertname"], ["..."]]),
        "group_wait": rng.choice(["300ms", "700ms"]),
        "group_interval": rng.choice(["900ms", "1300ms"]),
        "repeat_interval": rng.choice(["2250ms", "2850ms", "1h"]),
        "routes": [
            {
                "matchers": [severity],
                "receiver": rng.choice(list(_RECEIVERS)),
                "continue": rng.random() < 0.5,
                **({"group_wait": "500ms"} if rng.random() < 0.3 else {}),
                **({"group_by": ["case", "severity"]} if rng.random() < 0.3 else {}),
            }
            for severity in severities
        ],
    }


def _draw_posts(rng: random.Random, case: str) -> Iterator[Post]:
    """A few alerts, each with its own life: told of again and again, ended, left to time out, born again."""
    every = list(itertools.product(("Down", "Slow"), ("page", "warn", "info"), ("a", "b", "")))
    for name, severity, zone in rng.sample(every, rng.randint(1, 4)):
        labels = {"case": case, "alertname": name, "severity": severity, "zone": zone}
        at_s = rng.uniform(0, 3)
        for _ in range(rng.randint(1, 2)):
            ends_s = at_s + rng.uniform(0.5, 4)
            yield from _life(rng.choice(["told", "two tellers", "timeout", "old"]), labels, at_s, ends_s)
            at_s = ends_s + rng.uniform(0.3, 2)


def _life(style: str, labels: Mapping[str, str], at_s: float, ends_s: float) -> Iterator[Post]:
    if style == "timeout":
        yield Post(at_s, labels)
        return
    starts_s = at_s - 10 if style == "old" else at_s
    between_s = (at_s + ends_s) / 2
    yield Post(at_s, labels, starts_s, at_s + 60)
    # A second teller that says it ends sooner does not make it end sooner.
    yield Post(between_s, labels, starts_s, between_s + 0.3 if style == "two tellers" else at_s + 60)
    yield Post(ends_s, labels, starts_s, ends_s)


def _draw_silence(rng: random.Random, case: str) -> Silence:
    starts_s = rng.uniform(0, 3)
    matcher = rng.choice([Matcher("alertname", "=", "Down"), Matcher("severity", "=~", "page|info")])
    return Silence((Matcher("case", "=", case), matcher), starts_s, starts_s + rng.uniform(1, 3))
