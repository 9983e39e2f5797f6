"""What a report draws: the record's events, faults, alerts and notifications as marks on lanes."""

from __future__ import annotations

from collections.abc import Iterator

from fawkes.harness.checks.exposed import Exposed
from fawkes.harness.model import History, Mark, Record
from fawkes.harness.summary.episodes import episodes, evaluations_apart_s


def timeline(history: History) -> tuple[Mark, ...]:
    """Marks in the order of time. Pure."""
    marks = [
        *(_phase(begin, history) for begin in history.of("phase", state="begin")),
        *map(_event, history.of("event")),
        *map(_fault, history.of("fault")),
        *(mark for record in history.of("exposed") for mark in _exposed(record)),
        *_alerts(history),
        *_posted(history),
        *map(_silenced, history.of("silenced")),
        *map(_received, {record.data["id"]: record for record in history.of("received")}.values()),
        *map(_load, history.of("load")),
    ]
    return tuple(sorted(marks, key=lambda mark: (mark.at_s, mark.lane, mark.label)))


def _phase(begin: Record, history: History) -> Mark:
    name = begin.data["name"]
    end = next((r.at_s for r in history.of("phase", name=name, state="end") if r.at_s >= begin.at_s), None)
    return Mark(begin.at_s, "harness", name, end)


def _event(record: Record) -> Mark:
    kind = str(record.data["event"]["type"]).rpartition(".")[2]
    return Mark(record.at_s, "webhook", f"{kind} {record.data['ack']}")


def _fault(record: Record) -> Mark:
    return Mark(
        record.data["began_s"], "fault", f"{record.data['action']} {record.data['part']}", record.data["ended_s"]
    )


def _exposed(record: Record) -> Iterator[Mark]:
    """What a scripted target did: each change of a series, each silence; not the values it began with."""
    exposed = Exposed.of(record)
    for series in exposed.script.series:
        for step in series.steps:
            if step.at > 0:
                value = "gone" if step.value is None else f"{step.value:g}"
                who = series.labels.get("pod", exposed.part)
                yield Mark(exposed.live_s(step.at), "script", f"{who} {series.name} {value}")
    for silence in exposed.script.silent:
        ends_s = exposed.live_s(silence.at + silence.lasts)
        yield Mark(exposed.live_s(silence.at), "script", f"{exposed.part} silent", ends_s)


def _alerts(history: History) -> Iterator[Mark]:
    series = {}  # of several expectations that read the same series, the last has seen most
    for record in history.of("series"):
        if record.data["labels"].get("__name__") == "ALERTS" and record.data["samples"]:
            series[record.data["source"], *sorted(record.data["labels"].items())] = record.data
    for data in series.values():
        lane = f"{data['labels'].get('alertname')} on {data['source']}"
        times_s, apart_s = [at_s for at_s, _ in data["samples"]], evaluations_apart_s([data["samples"]])
        for first_s, last_s in episodes(times_s, apart_s):
            yield Mark(first_s, lane, str(data["labels"].get("alertstate")), last_s)


def _posted(history: History) -> Iterator[Mark]:
    """The alerts that the harness itself has posted: of each one span, as its last post had it."""
    posts = {
        (record.data["starts_s"], *sorted(record.data["labels"].items())): record.data
        for record in history.of("alert_posted")
    }
    for data in posts.values():
        yield Mark(data["starts_s"], "posted", data["labels"]["alertname"], data["ends_s"])


def _silenced(record: Record) -> Mark:
    return Mark(record.data["starts_s"], "silence", ", ".join(record.data["matchers"]), record.data["ends_s"])


def _received(record: Record) -> Mark:
    return Mark(record.data["received_s"], record.data["receiver"], f"{record.data['alert']} {record.data['status']}")


def _load(record: Record) -> Mark:
    return Mark(record.data["started_s"], "load", record.data["name"], record.data["ended_s"])
