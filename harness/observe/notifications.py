"""Watches a receiver until it was told what it should be told, and a while longer, so that repetitions are seen."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import httpx

from fawkes.harness.checks.notifications import SETTLE_FLUSHES, NotificationExpectation
from fawkes.harness.model import Json, Stage
from fawkes.harness.observe.exposition import read_exposition
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.observe.promql import Series, samples_since_start
from fawkes.harness.observe.recording import record_samples, record_value
from fawkes.harness.promql.selector import selector
from fawkes.harness.world import Recorder, World

_REQUEST_WITHIN_S: Final = 5.0
"""A page on loopback takes milliseconds; a part that needs longer is asked again."""

_ANSWER_WITHIN_S: Final = 10.0
"""For the questions afterwards, which only have to be answered: two tries of the slowest kind."""

_INTEGRATION: Final = {"mattermost": "slack", "email": "email", "pagerduty": "pagerduty"}
"""What Alertmanager calls a receiver in the labels of its own metrics."""

Entry = Mapping[str, Any]
"""One entry of the receivers' GET /received."""


def observe_notification(expect: NotificationExpectation, world: World, record: Recorder) -> None:
    """Record every message about the alert (`received`), and a `value` for what each part before knew of it.

    Waits until the counts are reached, at most `expect.within`, then for two group_intervals after the last message.
    A receiver that must stay quiet is watched for all of `within`. Parts that give no answer leave no `value`, the
    receivers leave null.
    """
    watch = _Watch(expect, world)
    began_s = world.now_s()
    entries = last_seen(
        world, f"{expect.receiver} notified", watch.look, watch.is_told, until_s=began_s + expect.within
    )
    if entries and watch.is_told(entries):
        settled_s = max(entry["received_s"] for entry in entries if watch.is_about(entry)) + watch.settle_s
        world.poll_for(settled_s - world.now_s())
    entries = last_seen(world, "what was received", watch.received, until_s=_soon(world))
    watch.record_upstream(record)
    part = world.replicas("receivers")[0]
    watched = {"watched_s": [began_s, world.now_s()]}
    value = None if entries is None else {"messages": watch.by_receiver(entries)} | watched
    record_value(record, expect, value, stage=Stage.RECEIVER, part=part, query="/received")
    for entry in entries or ():
        if entry["receiver"] == expect.receiver and (watch.is_about(entry) or not entry["alert"]):
            record("received", expectation=expect.name, **entry)


class _Watch:
    """The questions one expectation asks of receivers, Alertmanager and Prometheus."""

    def __init__(self, expect: NotificationExpectation, world: World) -> None:
        self._expect, self._world = expect, world
        self._listed: set[str] = set()
        self.settle_s = SETTLE_FLUSHES * expect.group_interval / world.clock_factor

    def look(self) -> list[Entry]:
        """What was received; notes on the way which Alertmanagers hold the alert, which they forget once it ended."""
        matchers = {"alertname": self._expect.alert, **self._expect.labels}
        filters = [selector("", {name: value})[1:-1] for name, value in matchers.items()]
        for part in self._world.replicas("alertmanager-main"):
            with contextlib.suppress(httpx.HTTPError):
                if self._get(part, "/api/v2/alerts", filter=filters).json():
                    self._listed.add(part)
        return self.received()

    def received(self) -> list[Entry]:
        entries: list[Entry] = self._get(self._world.replicas("receivers")[0], "/received").json()
        return entries

    def is_about(self, entry: Entry) -> bool:
        same = (entry["receiver"], entry["alert"]) == (self._expect.receiver, self._expect.alert)
        return same and self._expect.labels.items() <= entry["labels"].items()

    def is_told(self, entries: list[Entry]) -> bool:
        messages = {(e["message"], e["status"]) for e in entries if self.is_about(e) and not e["refused"]}
        told = Counter(status for _, status in messages)
        enough = told["firing"] >= self._expect.firing and told["resolved"] >= self._expect.resolved
        return enough and not self._expect.quiet

    def by_receiver(self, entries: list[Entry]) -> dict[str, int]:
        """How many messages about the alert each receiver took: whether Alertmanager had anything to send."""
        about = {
            (entry["receiver"], entry["message"])
            for entry in entries
            if entry["alert"] == self._expect.alert and self._expect.labels.items() <= entry["labels"].items()
        }
        return dict(Counter(receiver for receiver, _ in about))

    def record_upstream(self, record: Recorder) -> None:
        """What Prometheus and Alertmanager know; a part that does not answer is left out."""
        firing = selector("ALERTS", {"alertname": self._expect.alert, "alertstate": "firing", **self._expect.labels})
        for part in self._world.replicas(self._expect.app):
            answer = self._ask(partial(samples_since_start, self._world, part, firing))
            if answer is not None:
                record_value(record, self._expect, _when(answer), stage=Stage.RULE, part=part, query=firing)
                record_samples(record, self._expect, answer, stage=Stage.RULE, part=part, query=firing)
        for part in self._world.replicas("alertmanager-main"):
            counters = self._ask(partial(self._counters, part))
            if counters is not None:
                value = {"listed": part in self._listed, **counters}
                query = "/api/v2/alerts, /metrics"
                record_value(record, self._expect, value, stage=Stage.ALERTMANAGER, part=part, query=query)

    def _ask(self, question: Callable[[], Any]) -> Any:
        return last_seen(self._world, "an answer", question, until_s=_soon(self._world))

    def _counters(self, part: str) -> dict[str, float]:
        integration = _INTEGRATION[self._expect.receiver]
        wanted = {
            "received_firing": ("alertmanager_alerts_received_total", {"status": "firing"}),
            "notifications": ("alertmanager_notifications_total", {"integration": integration}),
            "failed": ("alertmanager_notifications_failed_total", {"integration": integration}),
        }
        page = read_exposition(self._world, part)
        return {key: sum(sample.value for sample in page.samples(*which)) for key, which in wanted.items()}

    def _get(self, part: str, path: str, **params: Any) -> httpx.Response:
        response = self._world.http.get(self._world.url(part) + path, params=params, timeout=_REQUEST_WITHIN_S)
        return response.raise_for_status()


def _when(answer: Sequence[Series]) -> dict[str, Json]:
    """When the alert fired, over all series: how many evaluations, the first, the last."""
    times_s = sorted(at_s for series in answer for at_s, _ in series.samples)
    return {
        "evaluations": len(times_s),
        "first_s": times_s[0] if times_s else None,
        "last_s": times_s[-1] if times_s else None,
    }


def _soon(world: World) -> float:
    return world.now_s() + _ANSWER_WITHIN_S
