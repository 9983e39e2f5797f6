"""Every message about some alerts against those that Alertmanager's rules demand: which, to whom, when, none besides.

What must be sent is worked out by the oracle from the alertmanager.yaml that ships, on the run's clock, and from what
Alertmanager was told: the alerts that were posted or that Prometheus raised, the silences, the faults.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal

from pydantic import Field

from fawkes.harness.checks.alerting_record import AlertingRecord, CannotTellError, read_alerting_record
from fawkes.harness.checks.notifications import Receiver
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Json, Observation, Stage, Tolerance, Verdict
from fawkes.harness.oracle.alert_routing import Labels, labels_of
from fawkes.harness.oracle.notifications import Notification

LATE_S: Final = 1.0
"""From the moment a message is due to its receipt. Measured: 5 to 60 ms on two idle cores, up to 450 ms (by mail) on
the same two at a load of 7. It is less than the shortest group_interval on the clocks in use, except where only the
repetition of hours is at stake, so that no message passes for the next one."""
_EARLY_S: Final = 0.01
"""Time stamps of two processes on one machine."""
_CHANNELS: Final = {"slack": "mattermost", "email": "email", "pagerduty": "pagerduty"}


class NotificationTimelineExpectation(Expectation):
    """All messages about the alerts that `labels` match, and no others, arrive when they must."""

    check: Literal["notification_timeline"] = "notification_timeline"
    labels: dict[str, str] = Field(
        default={}, description="Which alerts, e.g. {alertname: PlatformServiceDown}; all of them when absent."
    )
    told: dict[Receiver, str] | None = Field(
        default=None,
        description="Exactly who must hear of them, whatever alertmanager.yaml says: channel -> address (Mattermost's "
        "channel, the mail's recipient, nothing for PagerDuty). {} means nobody.",
    )
    messages: int | None = Field(
        default=None, ge=0, description="Exactly how many messages each of those must get, whatever the file says."
    )
    firing: int | None = Field(
        default=None,
        ge=0,
        description="The same for messages in which an alert fires: how many there are in all may depend on how long a "
        "provider takes to revive a part, because what has ended meanwhile is told of, too.",
    )
    app: str | None = Field(
        default=None, description="The Prometheus whose rules raise them; absent when they are only posted."
    )


@dataclass(frozen=True, slots=True)
class Message:
    """One message, predicted or received."""

    at_s: float
    channel: str
    address: str
    alerts: frozenset[tuple[str, Labels]]
    """(status, labels with alertname) of each."""

    @property
    def content(self) -> object:
        """What two messages must share to be the same."""
        return self.channel, self.address, self.alerts

    @property
    def fires(self) -> bool:
        return any(status == "firing" for status, _ in self.alerts)

    def is_about(self, labels: Labels) -> bool:
        return any(labels <= alert for _, alert in self.alerts)

    def told_at(self, began_s: float) -> str:
        counts = ", ".join(
            f"{len([1 for status, _ in self.alerts if status == which])} {which}"
            for which in sorted({status for status, _ in self.alerts})
        )
        return f"{self.channel} {self.address or ''}".strip() + f" at +{self.at_s - began_s:.1f} s ({counts})"


@dataclass(frozen=True, slots=True)
class _Heard:
    """What one expectation is judged by."""

    messages: Sequence[Message]
    refused: Sequence[str]
    unreadable: int
    until_s: float


def check_notification_timeline(expect: NotificationTimelineExpectation, history: History) -> Finding:
    """FAIL at `alertmanager` when a message is missing, too many, early, late, has other alerts in it, or goes to
    somebody who must not hear of it; at `receiver` when one was refused.

    INCONCLUSIVE when the receivers gave no answer, when no such alert was ever raised, or when the oracle cannot say.
    """
    try:
        heard = _heard(expect, history)
        record = read_alerting_record(history, expect.name)
        if record.refused:
            return _unheard(expect, Verdict.FAIL, Stage.ALERTMANAGER, f"Alertmanager refused {record.refused[0]}")
        if not any(labels_of(expect.labels) <= labels_of(post.labels) for post in record.posts):
            raise CannotTellError(f"no alert with {expect.labels} was ever raised")
        versions = [_expected(expect, found) for found in record.predictions(heard.until_s + _late_s(record))]
    except (CannotTellError, ValueError) as error:  # ValueError: a template that the oracle can't read
        return _unheard(expect, Verdict.INCONCLUSIVE, Stage.HARNESS, str(error))
    compared = min((_Comparison(expected, heard, record) for expected in versions), key=lambda one: len(one.wrong))
    return _finding(expect, compared)


def _unheard(expect: NotificationTimelineExpectation, verdict: Verdict, stage: Stage, reason: str) -> Finding:
    return Finding(expect.name, expect.check, verdict, None, None, reason, stage)


def _late_s(record: AlertingRecord) -> float:
    return LATE_S + record.spread_s


class _Comparison:
    """One version of what must come beside what came."""

    def __init__(self, expected: Sequence[Message], heard: _Heard, record: AlertingRecord) -> None:
        self.heard, self.began_s = heard, record.posts[0].at_s
        self.late_s, early_s = _late_s(record), _EARLY_S + record.spread_s
        left = list(heard.messages)
        self.pairs: list[tuple[Message, Message | None]] = []
        for one in expected:
            found = next(
                (m for m in left if m.content == one.content and -early_s <= m.at_s - one.at_s <= self.late_s), None
            )
            if found is not None:
                left.remove(found)
            # What is due while the receivers are being read may or may not be there yet.
            if found is not None or one.at_s + self.late_s <= heard.until_s:
                self.pairs.append((one, found))
        self.besides = left

    @property
    def wrong(self) -> list[str]:
        """Everything that speaks against it, in order of time."""
        missing = [(one.at_s, f"{one.told_at(self.began_s)} was not told") for one, found in self.pairs if not found]
        besides = [(one.at_s, f"{one.told_at(self.began_s)} was told and must not be") for one in self.besides]
        return [text for _, text in sorted(missing + besides)]


def _finding(expect: NotificationTimelineExpectation, compared: _Comparison) -> Finding:
    verdict, stage, reason = next(_judged(expect, compared))
    began_s = compared.began_s
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=verdict,
        expected=[one.told_at(began_s) for one, _ in compared.pairs],
        observed=[one.told_at(began_s) for one in compared.heard.messages],
        reason=reason,
        stage=stage,
        tolerance=Tolerance(
            round(compared.late_s, 3),
            "s",
            f"{LATE_S:g} s for delivery on a busy machine, and in a cluster one peer timeout per replica that may "
            "come first",
        ),
        evidence=tuple(_evidence(compared)),
    )


def _judged(
    expect: NotificationTimelineExpectation, compared: _Comparison
) -> Iterator[tuple[Verdict, Stage | None, str]]:
    """What is to be said, the gravest first."""
    heard, wrong = compared.heard, compared.wrong
    if heard.refused:
        yield Verdict.FAIL, Stage.RECEIVER, f"a message was refused: {heard.refused[0]}"
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        yield Verdict.FAIL, Stage.ALERTMANAGER, wrong[0] + more
    if unwanted := _against_policy(expect, [one for one, _ in compared.pairs]):
        yield Verdict.FAIL, Stage.ALERTMANAGER, f"alertmanager.yaml tells {unwanted}"
    if heard.unreadable:
        reason = f"{heard.unreadable} messages came from which no alert can be read"
        yield Verdict.INCONCLUSIVE, Stage.HARNESS, reason
    told = f"{len(compared.pairs)} messages came as predicted, and none besides"
    yield Verdict.PASS, None, told if compared.pairs else "stayed quiet, as it must"


def _against_policy(expect: NotificationTimelineExpectation, messages: Sequence[Message]) -> str | None:
    """What the scenario demands beside the file, and does not get."""
    counts = Counter((one.channel, one.address) for one in messages)
    firing = Counter((one.channel, one.address) for one in messages if one.fires)
    if expect.told is not None and counts.keys() != set(expect.told.items()):
        return f"{_names(counts)} instead of {_names(expect.told.items())}"
    return _miscounted(expect.messages, counts) or _miscounted(expect.firing, firing)


def _miscounted(wanted: int | None, counts: Mapping[tuple[str, str], int]) -> str | None:
    if wanted and not counts:
        return f"nobody instead of somebody {wanted} times"
    wrong = [(who, n) for who, n in counts.items() if wanted not in (None, n)]
    return f"{_names([wrong[0][0]])} {wrong[0][1]} times instead of {wanted}" if wrong else None


def _names(addresses: Iterable[tuple[str, str]]) -> str:
    return ", ".join(sorted(f"{channel} {address}".strip() for channel, address in addresses)) or "nobody"


def _evidence(compared: _Comparison) -> Iterator[Observation]:
    for one, found in compared.pairs:
        expected = round(one.at_s - compared.began_s, 3)
        observed = None if found is None else round(found.at_s - compared.began_s, 3)
        yield Observation(Stage.ALERTMANAGER, one.channel, expected, observed, ok=found is not None, note=_note(one))
    for one in compared.besides:
        observed = round(one.at_s - compared.began_s, 3)
        yield Observation(Stage.ALERTMANAGER, one.channel, None, observed, ok=False, note=_note(one))


def _note(message: Message) -> str:
    """Who was told of what."""
    alerts = sorted(f"{dict(labels).get('alertname')} {status}" for status, labels in message.alerts)
    return f"{message.address}: {', '.join(alerts)}" if message.address else ", ".join(alerts)


def _expected(expect: NotificationTimelineExpectation, notifications: Sequence[Notification]) -> list[Message]:
    messages = [
        Message(
            one.at_s,
            _CHANNELS.get(one.integration.kind, one.integration.kind),
            one.integration.address_for(one.group),
            frozenset(
                [("firing", labels) for labels in one.firing] + [("resolved", labels) for labels in one.resolved]
            ),
        )
        for one in notifications
    ]
    return [one for one in messages if one.is_about(labels_of(expect.labels))]


def _heard(expect: NotificationTimelineExpectation, history: History) -> _Heard:
    asked = history.of("value", expectation=expect.name, stage=Stage.RECEIVER.value)
    if not asked or asked[-1].data["value"] is None:
        raise CannotTellError("the receivers were never heard of")
    entries = [record.data for record in history.of("received", expectation=expect.name)]
    messages = []
    for _, rows in groupby(sorted(entries, key=_message_number), key=_message_number):
        alerts = list(rows)
        if alerts[0]["alert"] and not alerts[0]["refused"]:
            content = frozenset(
                (one["status"], labels_of({"alertname": one["alert"], **one["labels"]})) for one in alerts
            )
            first = alerts[0]
            messages.append(Message(first["received_s"], first["receiver"], first["address"] or "", content))
    return _Heard(
        messages=messages,
        refused=[f"{one['receiver']} said {one['refused']}" for one in entries if one["refused"]],
        unreadable=len([1 for one in entries if not one["alert"] and not one["refused"]]),
        until_s=asked[-1].data["value"]["until_s"],
    )


def _message_number(entry: Mapping[str, Json]) -> int:
    return int(entry["message"])
