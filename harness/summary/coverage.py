"""Which alerts a run has covered, and how long each took from place to place. Pure functions of the record.

Nothing here knows a check by name. What is read is what observers write down about alerts:

    series     raw samples of ALERTS: when an alert was pending and when it fired, replica by replica
    condition  {source, alert, labels, from_s, until_s}: when what the rule looks for was true in the rule's own input
    accepted   {source, alert, at_s}: when Alertmanager got an alert of that name, in its own words
    received   a message at a receiver
    value      that a stage was asked, and answered
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fawkes.harness.expectation import Expectation
from fawkes.harness.model import (
    AlertCoverage,
    AlertSighting,
    Finding,
    History,
    Passage,
    Record,
    ShippedAlert,
    Stage,
    Verdict,
)
from fawkes.harness.summary.episodes import SAME_EPISODE, episodes, evaluations_apart_s

Labels = Mapping[str, str]


def coverage(
    shipped: Iterable[ShippedAlert], sightings: Iterable[Mapping[str, AlertSighting]]
) -> tuple[AlertCoverage, ...]:
    """A row for every alert that is shipped, with what each scenario has seen of it."""
    seen = list(sightings)
    return tuple(AlertCoverage(alert, tuple(one[alert.name] for one in seen if alert.name in one)) for alert in shipped)


def alert_sightings(
    scenario: str,
    expectations: Iterable[Expectation],
    history: History,
    findings: Iterable[Finding],
    *,
    clock_factor: float,
) -> dict[str, AlertSighting]:
    """Alert -> what the scenario has seen of it, for every alert that an expectation names or a record holds."""
    record, judged = _Record.of(history), list(findings)
    named = {expect.name: _named(expect) for expect in expectations}
    about = {name: record.alerts(name, alert) for name, alert in named.items()}
    trouble = [finding.verdict for finding in judged if finding.expectation not in named]
    found = {}
    for alert in sorted({alert for alerts in about.values() for alert in alerts}):
        own = [finding for finding in judged if alert in about.get(finding.expectation, ())]
        episode = record.first_episode(alert)
        found[alert] = AlertSighting(
            scenario=scenario,
            verdict=Verdict.worst([*trouble, *(finding.verdict for finding in own)]),
            clock_factor=clock_factor,
            raised=tuple(record.raised(episode)) if episode else (),
            cleared=tuple(record.cleared(episode)) if episode else (),
            quiet=tuple(f.expectation for f in own if f.verdict is Verdict.PASS and record.quiet(f.expectation, alert)),
            not_passed=tuple(f.expectation for f in own if f.verdict is not Verdict.PASS),
        )
    return found


def _named(expect: Expectation) -> str | None:
    """The alert in the field `alert`, or among `labels`."""
    labels = getattr(expect, "labels", None) or {}
    alert = getattr(expect, "alert", None) or labels.get("alertname")
    return None if alert is None else str(alert)


@dataclass(frozen=True, slots=True)
class _Episode:
    """An alert with one set of labels, from pending to its end, on all replicas together. Unix seconds."""

    alert: str
    labels: Labels
    pending_s: float | None
    firing_s: float
    inactive_s: float | None
    """None when it still fired when it was looked at last."""


@dataclass(frozen=True, slots=True)
class _Record:
    """The records that speak of alerts."""

    series: Sequence[Record]
    conditions: Sequence[Record]
    accepted: Sequence[Record]
    received: Sequence[Record]
    answered: frozenset[tuple[str, str]]
    """(expectation, stage) of every question that was answered."""

    @classmethod
    def of(cls, history: History) -> _Record:
        return cls(
            series=[r for r in history.of("series") if r.data["labels"].get("__name__") == "ALERTS"],
            conditions=history.of("condition"),
            accepted=history.of("accepted"),
            received=[r for r in history.of("received") if r.data["alert"] and not r.data["refused"]],
            answered=frozenset(
                (r.data["expectation"], r.data["stage"]) for r in history.of("value") if r.data["value"] is not None
            ),
        )

    def alerts(self, expectation: str, named: str | None) -> set[str]:
        """What an expectation speaks of: the alert it names, or those in its records."""
        if named is not None:
            return {named}
        recorded = {r.data["labels"]["alertname"] for r in self.series if r.data["expectation"] == expectation}
        told = {r.data["alert"] for r in self.received if r.data["expectation"] == expectation}
        return recorded | told

    def quiet(self, expectation: str, alert: str) -> bool:
        """Whether the expectation looked at the rule and it did not fire, or at a receiver and it was not told."""
        fired = any(
            r.data["labels"]["alertname"] == alert and r.data["labels"]["alertstate"] == "firing"
            for r in self.series
            if r.data["expectation"] == expectation
        )
        told = any(r.data["alert"] == alert and r.data["expectation"] == expectation for r in self.received)
        looked = {stage.value: (expectation, stage.value) in self.answered for stage in (Stage.RULE, Stage.RECEIVER)}
        return (looked[Stage.RULE.value] and not fired) or (looked[Stage.RECEIVER.value] and not told)

    def first_episode(self, alert: str) -> _Episode | None:
        """The first one that fired."""
        groups: dict[tuple[tuple[str, str], ...], list[Record]] = {}
        for record in self.series:
            if record.data["labels"]["alertname"] == alert and record.data["samples"]:
                groups.setdefault(tuple(sorted(_identity(record.data["labels"]).items())), []).append(record)
        episodes = [_episode(alert, dict(labels), records) for labels, records in groups.items()]
        return min((e for e in episodes if e is not None), key=lambda e: e.firing_s, default=None)

    def raised(self, episode: _Episode) -> Iterator[Passage]:
        """The way up. A condition counts when it was there before the alert was."""
        since_s = episode.firing_s if episode.pending_s is None else episode.pending_s
        begins = {r.data["source"]: r.data["from_s"] for r in self._conditions(episode) if r.data["from_s"] <= since_s}
        if begins:
            yield Passage("condition", min(begins.values()))
        if episode.pending_s is not None:
            yield Passage("pending", episode.pending_s)
        yield Passage("firing", episode.firing_s)
        times_s = [r.data["at_s"] for r in self.accepted if r.data["alert"] == episode.alert]
        if later_s := [at_s for at_s in times_s if at_s >= episode.firing_s]:
            yield Passage("alertmanager", min(later_s))
        yield from self._told(episode, "firing", episode.firing_s)

    def cleared(self, episode: _Episode) -> Iterator[Passage]:
        """The way down."""
        if episode.inactive_s is None:
            return
        ends = [r.data["until_s"] for r in self._conditions(episode) if r.data["until_s"] is not None]
        if over := [at_s for at_s in ends if episode.firing_s < at_s <= episode.inactive_s]:
            yield Passage("condition", min(over))
        yield Passage("inactive", episode.inactive_s)
        yield from self._told(episode, "resolved", episode.firing_s)

    def _conditions(self, episode: _Episode) -> list[Record]:
        """In the order of time, so that a replica's last one before the alert is the one that raised it."""
        return sorted(_about(self.conditions, episode), key=lambda record: float(record.data["from_s"]))

    def _told(self, episode: _Episode, status: str, after_s: float) -> Iterator[Passage]:
        told: dict[str, float] = {}
        for record in _about(self.received, episode):
            at_s = record.data["received_s"]
            if record.data["status"] == status and at_s >= after_s:
                told[record.data["receiver"]] = min(at_s, told.get(record.data["receiver"], at_s))
        yield from (Passage(receiver, at_s) for receiver, at_s in sorted(told.items(), key=lambda item: item[1]))


def _about(records: Iterable[Record], episode: _Episode) -> Iterator[Record]:
    """Records of that alert whose labels say nothing else."""
    for record in records:
        labels = record.data["labels"]
        if record.data["alert"] == episode.alert and all(labels.get(k, v) == v for k, v in episode.labels.items()):
            yield record


def _identity(labels: Labels) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name not in ("__name__", "alertstate")}


def _episode(alert: str, labels: Labels, records: Sequence[Record]) -> _Episode | None:
    """The first episode that fired; None when none did."""
    firing = _times(records, "firing")
    if not firing:
        return None
    apart_s = evaluations_apart_s(record.data["samples"] for record in records)
    fired_s, last_s = next(episodes(firing, apart_s))
    pending = [at_s for at_s in _times(records, "pending") if at_s < fired_s]
    *_, (began_s, _) = episodes([*pending, fired_s], apart_s)
    read_s = max(record.at_s for record in records)
    over = apart_s > 0 and read_s - last_s > SAME_EPISODE * apart_s
    return _Episode(
        alert,
        labels,
        pending_s=began_s if began_s < fired_s else None,
        firing_s=fired_s,
        inactive_s=last_s + apart_s if over else None,
    )


def _times(records: Iterable[Record], state: str) -> list[float]:
    found = (r.data["samples"] for r in records if r.data["labels"]["alertstate"] == state)
    return sorted({at_s for samples in found for at_s, _ in samples})
