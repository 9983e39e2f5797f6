"""kube-state-metrics in front of a crowd: as many series of each family as the API server lists objects, and in time.

The truth is the API server's own list, taken when the crowd had come, when it had stayed, and when it had gone. Between
the first two nothing may have changed, or there is no one number to expect.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from pydantic import Field

from fawkes.harness.checks.lines import CannotTellError, failed, passed, unknown
from fawkes.harness.duration import DurationS
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Observation, Stage, Tolerance

CENSUS: Final = "census"
"""Kind of record: `{when, began_s, ended_s, clock_factor, namespaces, nodes, ready_nodes, pods}`."""
FAMILIES: Final = "families"
"""Kind of record: `{when, source, job, counted}`: what a replica stored then, by name, node and phase; null for no
answer."""
COUNTED: Final = ("up", "scrape_duration_seconds", "scrape_samples_scraped")
"""What Prometheus itself says of each scrape."""

_PHASES: Final = 5
"""kube_pod_status_phase has one series for each phase a pod could be in."""


class KubeStateExpectation(Expectation):
    """Every replica stores what kube-state-metrics says of every object, in time, and forgets what has gone."""

    check: Literal["kube_state"] = "kube_state"
    job: str = Field(default="kube-state-metrics", description="The job of its target.")
    app: str = Field(default="prometheus-core", description="The Prometheus that scrapes it.")
    series_at_least: int = Field(gt=0, description="How many series there must have been, or it was no crowd.")
    scrape_interval: DurationS = Field(default=30.0, gt=0, description="Unscaled, as it ships.")
    scrape_timeout: DurationS = Field(default=10.0, gt=0, description="Unscaled, as it ships.")


def check_kube_state(expect: KubeStateExpectation, history: History) -> Finding:
    """FAIL at `prometheus` when a replica stores more or fewer series of a family than there are objects, drops any,
    failed in a scrape or was late, or still shows what has gone. INCONCLUSIVE when the cluster changed meanwhile, was
    no crowd, or something is not on record.
    """
    try:
        come, stayed, gone = (_census(history, when) for when in ("come", "stayed", "gone"))
        if (before := _objects(come)) != (after := _objects(stayed)):
            raise CannotTellError(f"the cluster changed while it was looked at: {_first_difference(before, after)}")
        limit_s = min(expect.scrape_timeout, expect.scrape_interval) / come["clock_factor"]
        lines = [
            line
            for part in _parts(expect, history)
            for line in (
                *_stored(expect, history, part, "stayed", stayed),
                *_scrapes(expect, history, part, (come, stayed), limit_s),
                *_stored(expect, history, part, "gone", gone),
            )
        ]
    except CannotTellError as error:
        return unknown(expect, str(error), _EXPECTED)
    limit = Tolerance(limit_s, "s", "Prometheus gives up a scrape after that time; numbers of series have no tolerance")
    if (wrong := failed(expect, lines, _EXPECTED, limit)) is not None:
        return wrong
    series = max(line.observed for line in lines if line.note == _SERIES)
    slowest_s = max(line.observed for line in lines if line.note == _SLOWEST)
    if series < expect.series_at_least:
        reason = f"{series} series; the scenario needs {expect.series_at_least}"
        return unknown(expect, reason, _EXPECTED, lines, limit)
    reason = (
        f"{come['nodes']} nodes and {sum(one['count'] for one in come['pods'])} pods were {series} series, scraped in "
        f"{slowest_s:.2f} s at most"
    )
    return passed(expect, reason, lines, _EXPECTED, limit)


_EXPECTED: Final = "as many series of each family as the API server lists objects"
_SERIES: Final = "series in all, as many as kube-state-metrics showed in its last scrape"
_SLOWEST: Final = "seconds that a scrape took, at most"


def counts(census: Mapping[str, Any]) -> dict[str, int]:
    """What must be counted of each thing that is counted, for objects as in the census."""
    pods = sum(one["count"] for one in census["pods"])
    expected = {
        "kube_namespace_created": census["namespaces"],
        "kube_node_info": census["nodes"],
        "kube_node_created": census["nodes"],
        "kube_pod_info": pods,
        "kube_pod_created": pods,
        "kube_pod_status_phase": _PHASES * pods,
        "kube_pod_container_info": sum(one["containers"] * one["count"] for one in census["pods"]),
        "ready nodes": census["ready_nodes"],
    }
    by: Counter[str] = Counter()
    for one in census["pods"]:
        by[f"pods in phase {one['phase']}"] += one["count"]
        by[f"pods on {one['node']}"] += one["count"]
    return expected | dict(by)


def _census(history: History, when: str) -> Mapping[str, Any]:
    found = history.of(CENSUS, when=when)
    if len(found) != 1:
        raise CannotTellError(f"{len(found)} censuses were taken when the crowd had {when}; there must be one")
    return found[0].data


def _objects(census: Mapping[str, Any]) -> dict[str, Any]:
    return {key: census[key] for key in ("namespaces", "nodes", "ready_nodes", "pods")}


def _first_difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    own, other = counts(before), counts(after)
    differ = [key for key in sorted({*own, *other}) if own.get(key) != other.get(key)]
    key = differ[0] if differ else "containers"
    return f"{key}: first {own.get(key)}, then {other.get(key)}"


def _parts(expect: KubeStateExpectation, history: History) -> list[str]:
    parts = [str(one.data["source"]) for one in history.of(FAMILIES, job=expect.job, when="stayed")]
    if not parts:
        raise CannotTellError(f"nobody asked {expect.app}")
    return parts


def _stored(
    expect: KubeStateExpectation, history: History, part: str, when: str, census: Mapping[str, Any]
) -> Iterator[Observation]:
    """One line for all that is right, and one for each count that isn't."""
    asked = history.of(FAMILIES, job=expect.job, when=when, source=part)
    if len(asked) != 1 or (counted := asked[0].data["counted"]) is None:
        raise CannotTellError(f"{part} gave no answer about the time when the crowd had {when}")
    expected = counts(census)
    wrong = [key for key, count in expected.items() if counted.get(key, 0) != count]
    # Nodes and phases of which the API server knows nothing.
    wrong += [key for key, count in counted.items() if key.startswith("pods ") and count and key not in expected]
    yield Observation(
        Stage.PROMETHEUS, part, len(expected), len(expected) - len(wrong), not wrong, f"counts that are right, {when}"
    )
    for key in wrong:
        yield Observation(
            Stage.PROMETHEUS, part, expected.get(key, 0), counted.get(key, 0), False, f"{key}, when they had {when}"
        )
    if when == "stayed":
        shown = _last_value(expect, history, part, "scrape_samples_scraped", census["began_s"])
        yield Observation(Stage.PROMETHEUS, part, shown, counted["series"], counted["series"] == shown, _SERIES)


def _scrapes(
    expect: KubeStateExpectation,
    history: History,
    part: str,
    window: tuple[Mapping[str, Any], Mapping[str, Any]],
    limit_s: float,
) -> Iterator[Observation]:
    """While the crowd was there: none failed, none was left out, none was late."""
    come, stayed = window
    inside = {
        name: [value for at_s, value in samples if come["ended_s"] <= at_s <= stayed["began_s"]]
        for name in COUNTED
        for samples in [_samples(expect, history, part, name)]
    }
    # One may have begun just before, and the last may not be over.
    due = int((stayed["began_s"] - come["ended_s"]) * come["clock_factor"] / expect.scrape_interval) - 1
    if due < 1:
        raise CannotTellError("the crowd did not stay for two scrapes")
    enough = len(inside["up"]) >= due
    yield Observation(Stage.PROMETHEUS, part, due, len(inside["up"]), enough, "scrapes of the crowd, at least")
    failed = inside["up"].count(0.0)
    yield Observation(Stage.PROMETHEUS, part, 0, failed, not failed, "scrapes that failed")
    slowest_s = max(inside["scrape_duration_seconds"], default=None)
    ok = slowest_s is not None and slowest_s < limit_s
    yield Observation(Stage.PROMETHEUS, part, limit_s, slowest_s, ok, _SLOWEST)


def _last_value(expect: KubeStateExpectation, history: History, part: str, name: str, until_s: float) -> float | None:
    return next((value for at_s, value in reversed(_samples(expect, history, part, name)) if at_s <= until_s), None)


def _samples(expect: KubeStateExpectation, history: History, part: str, name: str) -> list[list[float]]:
    series = history.of("series", expectation=expect.name, source=part)
    return sorted(sample for one in series if one.data["labels"]["__name__"] == name for sample in one.data["samples"])
