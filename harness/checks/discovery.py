"""A monitor that comes or goes while the platform runs: scraped in time without a restart, never, or no more.

On a cluster a change of monitors travels

    API server -> operator -> Secret -> kubelet -> config reloader -> Prometheus -> discovery -> scrape

and all but kubelet and reloader take seconds. Time is counted from when the API server has accepted the object to the
stamp of the first sample that says `up`, or of the last one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from pydantic import Field

from fawkes.harness.duration import DurationS
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Json, Observation, Record, Stage, Tolerance, Verdict

PROCESS: Final = "process"
"""Kind of record: `{source, start_s, containers}`, since when a part and each container of its pod run."""

KUBELET_S: Final = 90.0
"""A kubelet looks at each pod, and writes anew what has changed of its Secrets, after its syncFrequency of 1 minute and
up to half as much again (pkg/kubelet/pod_workers.go, workerResyncIntervalJitterFactor, v1.34)."""
RELOADER_S: Final = 180.0
"""The config reloader looks at its file every 3 minutes (watch-interval in cmd/prometheus-config-reloader, v0.85). It
watches it as well, so that it sees the first change after its start at once; but it watches the file and not its
directory (addFile in Thanos' pkg/reloader, v0.39), and the kubelet puts another file in its place.
Read in its source and not measured yet."""
DISCOVERY_S: Final = 5.0
"""Prometheus' discovery hands targets over that often (discovery/manager.go, updatert)."""
BUSY_S: Final = 10.0
"""For operator, reload and pod on two busy cores: each takes about a second on idle ones."""
WATCHED_TIMES: Final = 1.5
"""A monitor is believed to be ignored after so many times the time that another one needed, which came after it."""


class _TimedExpectation(Expectation):
    """What every replica does in time, counted from when the workload applies or deletes a monitor."""

    monitor: str = Field(description="The object that the workload deals with: ServiceMonitor fawkes-platform/beacon.")
    labels: dict[str, str] = Field(description="What picks its targets in `up`: {job: beacon}.")
    app: str = Field(default="prometheus-core", description="The Prometheus that selects it.")
    scrape_interval: DurationS = Field(default=30.0, gt=0, description="Unscaled, as it ships.")


class DiscoveryExpectation(_TimedExpectation):
    """Every replica scrapes what a new monitor selects, in time and without a restart."""

    check: Literal["discovery"] = "discovery"


class DesertionExpectation(_TimedExpectation):
    """No replica scrapes any more what a deleted monitor has selected."""

    check: Literal["desertion"] = "desertion"


class NoDiscoveryExpectation(Expectation):
    """No replica ever scrapes what a monitor selects that is not for this Prometheus."""

    check: Literal["no_discovery"] = "no_discovery"
    monitor: str = Field(description="The object that the workload applies.")
    labels: dict[str, str] = Field(description="What would pick its targets in `up`.")
    beside: dict[str, str] = Field(description="What picks, in `up`, the targets of a monitor that came with it.")
    app: str = Field(default="prometheus-core", description="The Prometheus that must not select it.")


class _CannotTellError(Exception):
    """Something that the judgement needs is not on record."""


class _NothingBesideError(Exception):
    """What should have been found beside it was not, so that nobody knows how long that takes."""


def check_discovery(expect: DiscoveryExpectation, history: History) -> Finding:
    """FAIL at `prometheus` when a replica was too late or never scraped it, or a container of its pod has begun since.

    INCONCLUSIVE when a replica or the workload left no record.
    """
    try:
        applied = _deed(history, "applied", expect.monitor)
        limit = _limit(expect.scrape_interval, applied)
        lines = [
            line
            for part, samples in _ups(expect, history, expect.labels).items()
            for line in (_found(part, samples, applied, limit), _undisturbed(part, history, expect, applied))
        ]
    except _CannotTellError as error:
        return _unknown(expect, str(error))
    return _timed(expect, lines, limit, "every replica scraped it within {:.1f} s, without a restart")


def check_desertion(expect: DesertionExpectation, history: History) -> Finding:
    """FAIL at `prometheus` when a replica went on for too long after the monitor's end.

    INCONCLUSIVE when a replica never scraped it, or did it so shortly before it was asked that it may go on, or when a
    replica or the workload left no record.
    """
    try:
        deleted = _deed(history, "deleted", expect.monitor)
        limit = _limit(expect.scrape_interval, deleted)
        scrape_s = expect.scrape_interval / deleted["clock_factor"]
        lines = []
        for part, samples in _ups(expect, history, expect.labels).items():
            if not samples or samples[0][0] > deleted["began_s"]:
                raise _CannotTellError(f"{part} did not scrape it before it was deleted")
            lines.append(_ended(part, samples, deleted, limit))
            if lines[-1].ok and _asked_s(expect, history, part) - samples[-1][0] < _SILENT_SCRAPES * scrape_s:
                raise _CannotTellError(f"{part} was asked so early that it may still scrape it")
    except _CannotTellError as error:
        return _unknown(expect, str(error))
    return _timed(expect, lines, limit, "no replica scraped it any more after {:.1f} s")


def check_no_discovery(expect: NoDiscoveryExpectation, history: History) -> Finding:
    """FAIL at `prometheus` when a replica has a single sample. INCONCLUSIVE when it wasn't watched for long enough, or
    nothing was found beside it.
    """
    try:
        applied = _deed(history, "applied", expect.monitor)
        beside, seen = (_ups(expect, history, labels) for labels in (expect.beside, expect.labels))
        needed_s = max(_first_s(part, samples) for part, samples in beside.items()) - applied["ended_s"]
        watched_s = min(_asked_s(expect, history, part) for part in seen) - applied["ended_s"]
    except _CannotTellError as error:
        return _unknown(expect, str(error))
    except _NothingBesideError as error:
        return _unknown(expect, str(error), Stage.PROMETHEUS)
    lines = [
        Observation(Stage.PROMETHEUS, part, 0, len(samples), ok=not samples, note="samples")
        for part, samples in seen.items()
    ]
    limit = Tolerance(round(WATCHED_TIMES * needed_s, 1), "s", f"{WATCHED_TIMES:g} times what the one beside it needed")
    times = f"{watched_s:.0f} s, {watched_s / needed_s:.1f} times as long as the one beside it needed"
    wrong = next((line for line in lines if not line.ok), None)
    if wrong is None and watched_s < limit.value:
        return _unknown(expect, f"it was watched for {times}; that is too short to say never")
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=Verdict.FAIL if wrong else Verdict.PASS,
        expected="never scraped",
        observed=f"watched for {watched_s:.1f} s",
        reason=f"{wrong.source} has scraped it, {wrong.observed} times" if wrong else f"not scraped in {times}",
        stage=Stage.PROMETHEUS if wrong else None,
        tolerance=limit,
        evidence=tuple(lines),
    )


def _timed(expect: Expectation, lines: Sequence[Observation], limit: Tolerance, well: str) -> Finding:
    """`well` has a place for the slowest replica's seconds."""
    wrong = next((line for line in lines if not line.ok), None)
    slowest = max((line.observed for line in lines if isinstance(line.observed, float)), default=None)
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=Verdict.FAIL if wrong else Verdict.PASS,
        expected=limit.value,
        observed=slowest,
        reason=f"{wrong.source}: {wrong.note} was {_told(wrong.observed)}, not {_told(wrong.expected)}"
        if wrong
        else well.format(slowest),
        stage=Stage.PROMETHEUS if wrong else None,
        tolerance=limit,
        evidence=tuple(lines),
    )


# --- one replica ----------------------------------------------------------------------------------------------

_FOUND: Final = "seconds until it was scraped"
_ENDED: Final = "seconds until it was scraped no more"
_SILENT_SCRAPES: Final = 3
"""A target without a sample for so long is scraped no more; one or two may be late."""
_SINCE: Final = "containers that began after the monitor came"


def _found(part: str, samples: Sequence[Sequence[float]], applied: Mapping[str, Json], limit: Tolerance) -> Observation:
    up = [at_s for at_s, value in samples if value == 1]
    took_s = round(up[0] - applied["ended_s"], 1) if up else None
    ok = took_s is not None and took_s <= limit.value
    return Observation(Stage.PROMETHEUS, part, limit.value, took_s, ok, _FOUND)


def _ended(part: str, samples: Sequence[Sequence[float]], deleted: Mapping[str, Json], limit: Tolerance) -> Observation:
    took_s = round(samples[-1][0] - deleted["ended_s"], 1)
    return Observation(Stage.PROMETHEUS, part, limit.value, took_s, took_s <= limit.value, _ENDED)


def _undisturbed(part: str, history: History, expect: Expectation, applied: Mapping[str, Json]) -> Observation:
    records = history.of(PROCESS, expectation=expect.name, source=part)
    if not records:
        raise _CannotTellError(f"nobody looked since when {part} runs")
    data = records[-1].data
    began_s = {part: data["start_s"], **{name: one["started_s"] for name, one in data["containers"].items()}}
    late = sorted(name for name, at_s in began_s.items() if at_s is None or at_s >= applied["began_s"])
    return Observation(Stage.PROMETHEUS, part, [], late, ok=not late, note=_SINCE)


# --- the record -----------------------------------------------------------------------------------------------


def _deed(history: History, kind: str, name: str) -> Mapping[str, Json]:
    found = [record.data for record in history.of(kind) if name in record.data["objects"]]
    if not found:
        raise _CannotTellError(f"there is no record that {name} was {kind}")
    return found[0]


def _ups(expect: Expectation, history: History, labels: Mapping[str, str]) -> dict[str, list[list[float]]]:
    """Replica -> every sample of `up` of such targets, in order of time."""
    asked = [record for record in history.of("value", expectation=expect.name) if record.data["labels"] == labels]
    if not asked:
        raise _CannotTellError(f"no replica was ever asked for {dict(labels)}")
    if silent := [str(record.data["source"]) for record in asked if record.data["value"] is None]:
        raise _CannotTellError(f"{silent[0]} gave no answer")
    return {
        record.data["source"]: sorted(
            sample for series in _series(expect, history, record) for sample in series.data["samples"]
        )
        for record in asked
    }


def _series(expect: Expectation, history: History, asked: Record) -> Iterator[Record]:
    where = {"source": asked.data["source"], "query": asked.data["query"]}
    yield from history.of("series", expectation=expect.name, **where)


def _first_s(part: str, samples: Sequence[Sequence[float]]) -> float:
    if not samples:
        raise _NothingBesideError(f"{part} found nothing beside it, so nobody knows how long that takes")
    return samples[0][0]


def _asked_s(expect: Expectation, history: History, part: str) -> float:
    return max(float(record.data["asked_s"]) for record in history.of("value", expectation=expect.name, source=part))


def _limit(scrape_interval_s: float, deed: Mapping[str, Json]) -> Tolerance:
    scrape_s = scrape_interval_s / deed["clock_factor"]
    source = (
        f"a kubelet brings a changed Secret within {KUBELET_S:g} s, the reloader looks every {RELOADER_S:g} s, "
        f"discovery every {DISCOVERY_S:g} s, a scrape comes after {scrape_s:g} s; {BUSY_S:g} s for two busy cores"
    )
    return Tolerance(round(KUBELET_S + RELOADER_S + DISCOVERY_S + scrape_s + BUSY_S, 1), "s", source)


def _told(value: Json) -> str:
    if value is None:
        return "never"
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else f"{value:g} s"


def _unknown(expect: Expectation, reason: str, stage: Stage = Stage.HARNESS) -> Finding:
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=Verdict.INCONCLUSIVE,
        expected=None,
        observed=None,
        reason=reason,
        stage=stage,
    )
