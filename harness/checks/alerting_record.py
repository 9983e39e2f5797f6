"""What the record says that Alertmanagers were told, by whom, and through which trouble: the oracle's input."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fawkes.harness.model import History, Stage
from fawkes.harness.oracle.alert_muting import Silence
from fawkes.harness.oracle.alert_posts import posts_of_prometheus
from fawkes.harness.oracle.alert_routing import AlertmanagerConfig, parse_config, parse_matcher
from fawkes.harness.oracle.alerts import State
from fawkes.harness.oracle.notifications import MAINTENANCE_S, Cluster, Notification, Peer, Post, predict_notifications

APP: Final = "alertmanager-main"
SETTLE_S: Final = 10.0
"""A replica that joins a cluster sends nothing until the gossip has settled: five looks, ten gossip intervals (200ms)
apart (cluster/cluster.go, `Settle`). No clock compresses that."""
RECONNECT_S: Final = 10.0
"""How long after the end of a partition replicas may still not hear each other: --cluster.reconnect-interval."""
_GOSSIP_S: Final = 0.2
"""--cluster.gossip-interval, which is how long a message waits at most before it is passed on."""
_LAGS_S: Final = (0.0, 0.002)
"""A repetition that is due exactly at a flush comes with it or with the next one, as the machine is fast or slow."""
_PHASES_S: Final = (0.0, MAINTENANCE_S / 3, MAINTENANCE_S * 2 / 3)
"""When the dispatcher takes empty groups away is not on record, and decides whether an alert that is born again within
that interval joins its old group."""


class CannotTellError(Exception):
    """Something that the judgement needs is not on record: INCONCLUSIVE, with this as the reason."""


@dataclass(frozen=True, slots=True)
class AlertingRecord:
    """Everything the prediction is made of."""

    config: AlertmanagerConfig
    posts: tuple[Post, ...]
    silences: tuple[Silence, ...]
    refused: tuple[str, ...]
    """What Alertmanager did not take of it, and what it answered."""
    cluster: Cluster
    peer_timeout_s: float

    @property
    def spread_s(self) -> float:
        """By how much the position of replicas, which is not on record, moves a message."""
        return self.peer_timeout_s * (len(self.cluster.peers) - 1)

    def predictions(self, until_s: float) -> Iterator[list[Notification]]:
        """What must be sent before `until_s`, in as many versions as a hair's breadth makes."""
        for lag_s, started_s in itertools.product(_LAGS_S, _PHASES_S):
            yield predict_notifications(
                self.config,
                self.posts,
                silences=self.silences,
                until_s=until_s,
                cluster=self.cluster,
                started_s=started_s,
                flush_lag_s=lag_s,
            )


def read_alerting_record(history: History, expectation: str) -> AlertingRecord:
    """The record's part that `expectation` is judged by. CannotTellError when something is missing in it."""
    recorded = history.of("alertmanager", expectation=expectation)
    if not recorded:
        raise CannotTellError("the configuration of Alertmanager is not on record")
    about = recorded[-1].data
    try:
        config = parse_config(about["config"])
    except ValueError as error:
        raise CannotTellError(f"the oracle can't read alertmanager.yaml: {error}") from error
    posts = [*_posted(history), *_raised(history, expectation)]
    return AlertingRecord(
        config=config,
        posts=tuple(sorted(posts, key=lambda post: post.at_s)),
        silences=tuple(_silences(history)),
        refused=tuple(_refused(history)),
        cluster=_cluster(history, about["replicas"], about["peer_timeout_s"]),
        peer_timeout_s=about["peer_timeout_s"],
    )


def _posted(history: History) -> Iterator[Post]:
    for record in history.of("alert_posted"):
        if not any(record.data["status"].values()):
            raise CannotTellError(f"no Alertmanager answered when {record.data['labels']} was posted")
        at_s, labels, starts_s, ends_s = (record.data[key] for key in ("began_s", "labels", "starts_s", "ends_s"))
        taken = [part for part, status in record.data["status"].items() if status == 200]
        yield from (Post(at_s, labels, starts_s, ends_s, part) for part in taken)


def _refused(history: History) -> Iterator[str]:
    for record in history.of("alert_posted"):
        for part, status in record.data["status"].items():
            if status not in (200, None):
                yield f"the alert {record.data['labels']}: {part} answered {status}"
    for record in (*history.of("silenced"), *history.of("silence_expired")):
        if record.data["status"] not in (200, None):
            yield f"a silence, or its end: it answered {record.data['status']}"


def _raised(history: History, expectation: str) -> Iterator[Post]:
    """What each Prometheus that was asked has posted."""
    for asked in history.of("prometheus", expectation=expectation):
        part, intervals = asked.data["part"], asked.data["intervals_s"]
        states: dict[str, tuple[dict[str, str], list[tuple[float, State]]]] = {}
        for record in history.of("series", expectation=expectation, stage=Stage.RULE.value, source=part):
            labels = {k: v for k, v in record.data["labels"].items() if k not in ("__name__", "alertstate")}
            _, samples = states.setdefault(str(sorted(labels.items())), (labels, []))
            samples += [(at_s, record.data["labels"]["alertstate"]) for at_s, _ in record.data["samples"]]
        for labels, samples in states.values():
            yield from posts_of_prometheus(
                {**asked.data["external_labels"], **labels},
                sorted(samples),
                interval_s=intervals[labels["alertname"]],
                resend_delay_s=asked.data["resend_delay_s"],
                until_s=asked.data["asked_s"],
            )


def _silences(history: History) -> Iterator[Silence]:
    expired = history.of("silence_expired", status=200)
    ended_s: dict[str, float] = {record.data["id"]: record.data["ends_s"] for record in expired}
    for record in history.of("silenced"):
        if record.data["status"] is None:
            raise CannotTellError(f"no Alertmanager answered when {record.data['matchers']} was silenced")
        matchers = tuple(parse_matcher(text) for text in record.data["matchers"])
        ends_s = ended_s.get(record.data["id"], float(record.data["ends_s"]))
        yield Silence(matchers, record.data["starts_s"], ends_s)


def _cluster(history: History, replicas: list[str], peer_timeout_s: float) -> Cluster:
    if paused := [
        record.data["part"] for record in history.of("fault", action="pause") if record.data["part"] in replicas
    ]:
        raise CannotTellError(f"{paused[0]} was paused, which the oracle does not model")
    cuts, heals = (history.of("fault", action=action, part=APP) for action in ("partition", "heal"))
    ends_s = [heal.data["ended_s"] + RECONNECT_S for heal in heals] + [math.inf] * (len(cuts) - len(heals))
    return Cluster(
        peers=[Peer(name, _waits(history, name, index * peer_timeout_s)) for index, name in enumerate(replicas)],
        gossip_s=_GOSSIP_S if len(replicas) > 1 else 0.0,
        cut=[(cut.data["began_s"], end_s) for cut, end_s in zip(cuts, ends_s, strict=True)],
    )


def _waits(history: History, part: str, wait_s: float) -> list[tuple[float, float | None]]:
    waits: list[tuple[float, float | None]] = [(-math.inf, wait_s)]
    for fault in history.of("fault", part=part):
        if fault.data["action"] == "stop":
            waits.append((fault.data["began_s"], None))
        elif fault.data["action"] == "start":
            waits += [(fault.data["ended_s"], SETTLE_S), (fault.data["ended_s"] + SETTLE_S, wait_s)]
    return waits
