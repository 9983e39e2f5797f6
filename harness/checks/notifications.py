"""Did an alert reach a receiver, exactly as often as it should, and if not: where was it lost?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from fawkes.harness.duration import DurationS
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Json, Observation, Record, Stage, Tolerance, Verdict

Receiver = Literal["mattermost", "email", "pagerduty"]

SETTLE_FLUSHES = 2
"""Alertmanager can only repeat itself when it flushes the group, once per group_interval. The first interval after the
last notification holds the next flush, the second one that was just being sent when the first ended."""


class NotificationExpectation(Expectation):
    """The receiver is notified exactly so often. With both counts 0 it must stay quiet for all of `within`."""

    check: Literal["notification"] = "notification"
    alert: str = Field(description="Name of the alert.")
    labels: dict[str, str] = Field(default={}, description="Labels the notification must carry, e.g. {job: jenkins}.")
    receiver: Receiver
    firing: int = Field(ge=0, description="How many messages say that it fires.")
    resolved: int = Field(ge=0, description="How many messages say that it is resolved.")
    group_interval: DurationS = Field(default=300.0, gt=0, description="The route's in Alertmanager, unscaled.")
    app: str = Field(default="prometheus-core", description="The Prometheus that evaluates the rule.")

    @property
    def quiet(self) -> bool:
        return self.firing == self.resolved == 0


def check_notification(expect: NotificationExpectation, history: History) -> Finding:
    """FAIL at `receiver` when it was notified too often, refused, or got less than Alertmanager had to send;
    at `alertmanager` when the alert fired but got no further; at `rule` when it never fired.

    INCONCLUSIVE when the receivers, or the parts that could tell where it was lost, gave no answer.
    """
    for verdict, stage, reason in _complaints(expect, history):
        return _finding(expect, history, verdict, reason, stage)
    said = "stayed quiet" if expect.quiet else f"was told {expect.firing} times firing and {expect.resolved} resolved"
    return _finding(expect, history, Verdict.PASS, f"{expect.receiver} {said}", None)


_Complaint = tuple[Verdict, Stage, str]


def _complaints(expect: NotificationExpectation, history: History) -> Iterator[_Complaint]:
    """Everything that speaks against it, the gravest first."""
    asked = history.of("value", expectation=expect.name, stage=Stage.RECEIVER.value)
    if not asked or asked[-1].data["value"] is None:
        yield Verdict.INCONCLUSIVE, Stage.HARNESS, "the receivers were never heard of"
        return
    messages = _messages(expect, history)
    for record in messages:
        if record.data["refused"]:
            yield Verdict.FAIL, Stage.RECEIVER, f"{expect.receiver} refused it: {record.data['refused']}"
    wanted = {"firing": expect.firing, "resolved": expect.resolved}
    counts = {status: _count(messages, status) for status in wanted}
    for status, count in counts.items():
        if count > wanted[status]:
            times = f"{count} times instead of {wanted[status]}"
            yield Verdict.FAIL, Stage.RECEIVER, f"{expect.receiver} was told {times} that {expect.alert} is {status}"
    for status, count in counts.items():
        if count < wanted[status]:
            yield _lost(expect, history, status)
    for key in _unmatched_incidents(messages):
        yield Verdict.FAIL, Stage.RECEIVER, f"resolves incident {key}, which no notification had opened"
    if unreadable := _unreadable(expect, history):
        reason = f"{expect.receiver} also got {len(unreadable)} messages from which no alert can be read"
        yield Verdict.INCONCLUSIVE, Stage.RECEIVER, reason


def _lost(expect: NotificationExpectation, history: History, status: str) -> _Complaint:
    """Where a missing message was lost: the first part of the way that did not have the alert."""
    rules, managers, (receivers, *_) = (
        history.of("value", expectation=expect.name, stage=stage.value)
        for stage in (Stage.RULE, Stage.ALERTMANAGER, Stage.RECEIVER)
    )
    if not rules:
        return Verdict.INCONCLUSIVE, Stage.HARNESS, f"no {expect.app} gave an answer"
    if not any(record.data["value"]["evaluations"] for record in rules):
        return Verdict.FAIL, Stage.RULE, f"{expect.alert} never fired in {expect.app}"
    missing = f"{expect.receiver} was not told that {expect.alert} is {status}"
    if unreadable := _unreadable(expect, history):
        reason = f"{missing}; it got {len(unreadable)} messages from which no alert can be read"
        return Verdict.FAIL, Stage.RECEIVER, reason
    told = any(receivers.data["value"]["messages"].values())
    if told or any(record.data["value"]["listed"] for record in managers):
        return Verdict.FAIL, Stage.RECEIVER, f"{missing}, though Alertmanager had the alert"
    if not managers:
        return Verdict.INCONCLUSIVE, Stage.HARNESS, f"{missing}; Alertmanager gave no answer"
    received = sum(record.data["value"]["received_firing"] for record in managers)
    reason = f"{missing}, nor was any other receiver; Alertmanager has received {received:g} firing alerts of any name"
    return Verdict.FAIL, Stage.ALERTMANAGER, reason


def _own(expect: NotificationExpectation, history: History) -> list[Record]:
    return history.of("received", expectation=expect.name, receiver=expect.receiver)


def _unreadable(expect: NotificationExpectation, history: History) -> list[Record]:
    return [record for record in _own(expect, history) if not record.data["alert"] and not record.data["refused"]]


def _messages(expect: NotificationExpectation, history: History) -> list[Record]:
    """What arrived about this alert; also what was refused before it could be read."""
    return [
        record
        for record in _own(expect, history)
        if (record.data["alert"] == expect.alert and expect.labels.items() <= record.data["labels"].items())
        or (record.data["refused"] and not record.data["alert"])
    ]


def _count(messages: Sequence[Record], status: str) -> int:
    """Messages, not alerts: one message may carry several alerts that `labels` match."""
    return len({record.data["message"] for record in messages if record.data["status"] == status})


def _unmatched_incidents(messages: Sequence[Record]) -> list[str]:
    """Keys that are resolved without having been triggered before; only PagerDuty has them."""
    opened_s: dict[str, float] = {}
    for record in messages:
        if record.data["status"] == "firing":
            opened_s.setdefault(record.data["dedup_key"], record.data["received_s"])
    return sorted(
        {
            record.data["dedup_key"]
            for record in messages
            if record.data["status"] == "resolved"
            and record.data["dedup_key"] is not None
            and record.data["received_s"] < opened_s.get(record.data["dedup_key"], math.inf)
        }
    )


def _finding(
    expect: NotificationExpectation, history: History, verdict: Verdict, reason: str, stage: Stage | None
) -> Finding:
    messages = _messages(expect, history)
    counts = {status: _count(messages, status) for status in ("firing", "resolved")}
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=verdict,
        expected={"firing": expect.firing, "resolved": expect.resolved},
        observed=counts | {"delivery_s": _delivery_s(expect, history, messages)},
        reason=reason,
        stage=stage,
        tolerance=_tolerance(expect),
        evidence=tuple(_evidence(expect, history, counts)),
    )


def _tolerance(expect: NotificationExpectation) -> Tolerance:
    if expect.quiet:
        source = f"none may arrive in {expect.within:g} s of watching (`within`, on the true clock)"
        return Tolerance(0.0, "messages", source)
    source = (
        f"exact; watched for {SETTLE_FLUSHES} group_intervals of {expect.group_interval:g} s (on the platform's clock) "
        "after the last message, because Alertmanager can repeat itself only when it flushes the group"
    )
    return Tolerance(0.0, "messages", source)


def _delivery_s(expect: NotificationExpectation, history: History, messages: Sequence[Record]) -> float | None:
    """From the first evaluation that fired, on any replica, to the first message that says so; seconds."""
    fired_s = [
        record.data["value"]["first_s"]
        for record in history.of("value", expectation=expect.name, stage=Stage.RULE.value)
        if record.data["value"]["evaluations"]
    ]
    told_s = [record.data["received_s"] for record in messages if record.data["status"] == "firing"]
    return round(min(told_s) - min(fired_s), 3) if fired_s and told_s else None


def _evidence(expect: NotificationExpectation, history: History, counts: Json) -> list[Observation]:
    wanted = {"firing": expect.firing, "resolved": expect.resolved}
    lines = [
        Observation(stage, record.data["source"], None, record.data["value"], ok=True, note=record.data["query"])
        for stage in (Stage.RULE, Stage.ALERTMANAGER)
        for record in history.of("value", expectation=expect.name, stage=stage.value)
    ]
    messages = _messages(expect, history)
    ok = counts == wanted and not any(record.data["refused"] for record in messages)
    return [*lines, Observation(Stage.RECEIVER, expect.receiver, wanted, counts, ok=ok, note=_form(messages))]


def _form(messages: Sequence[Record]) -> str:
    """In what form they came: how large, over which TLS, under which keys."""
    refused = sum(1 for record in messages if record.data["refused"])
    keys = {record.data["dedup_key"] for record in messages} - {None}
    told = [f"{refused} refused"] if refused else []
    told += [f"at most {max(record.data['raw_bytes'] for record in messages)} bytes"] if messages else []
    told += sorted({str(tls) for record in messages if (tls := record.data.get("tls")) is not None})
    told += [f"{len(keys)} incident key{'s' * (len(keys) > 1)}"] if keys else []
    return ", ".join(told)
