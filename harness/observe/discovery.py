"""Reads from every replica when it scraped what monitors select that come or go, and since when its processes run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from fawkes.harness.checks.discovery import (
    PROCESS,
    WATCHED_TIMES,
    DesertionExpectation,
    DiscoveryExpectation,
    NoDiscoveryExpectation,
)
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Json, Stage
from fawkes.harness.observe.exposition import read_exposition
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.observe.promql import Series, samples_since_start
from fawkes.harness.observe.recording import record_samples, record_value
from fawkes.harness.promql.selector import selector
from fawkes.harness.world import Recorder, World

_START: Final = "process_start_time_seconds"


def observe_discovery(expect: DiscoveryExpectation, world: World, record: Recorder) -> None:
    """Record every sample of `up` of its targets, and a `process` for each replica. The workload has waited."""
    until_s = world.now_s() + expect.within
    for part in world.replicas(expect.app):
        _record_ups(expect, world, record, part, expect.labels, until_s)
        process = last_seen(world, f"since when {part} runs", partial(_process, world, part), until_s=until_s)
        if process is not None:
            record(PROCESS, expectation=expect.name, source=part, **process)


def observe_desertion(expect: DesertionExpectation, world: World, record: Recorder) -> None:
    """Record every sample of `up` of its targets. The workload has waited until there were no more."""
    until_s = world.now_s() + expect.within
    for part in world.replicas(expect.app):
        _record_ups(expect, world, record, part, expect.labels, until_s)


def observe_no_discovery(expect: NoDiscoveryExpectation, world: World, record: Recorder) -> None:
    """Watch for long enough against what came beside it, then record every sample of `up` of both."""
    until_s = world.now_s() + expect.within
    for part in world.replicas(expect.app):
        beside = _record_ups(expect, world, record, part, expect.beside, until_s)
        world.poll_for(min(_long_enough_s(beside, world), until_s) - world.now_s())
    for part in world.replicas(expect.app):
        _record_ups(expect, world, record, part, expect.labels, until_s)


def _long_enough_s(beside: Sequence[Series], world: World) -> float:
    """When it has been watched for so many times the time that the one beside it needed, counted from the start."""
    first_s = min((at_s for series in beside for at_s, _ in series.samples), default=world.started_at_s)
    return world.started_at_s + WATCHED_TIMES * (first_s - world.started_at_s)


def _record_ups(
    expect: Expectation, world: World, record: Recorder, part: str, labels: Mapping[str, str], until_s: float
) -> Sequence[Series]:
    query = selector("up", labels)
    answer = last_seen(
        world, f"{query} read on {part}", partial(samples_since_start, world, part, query), until_s=until_s
    )
    count, about = None if answer is None else len(answer), {"labels": dict(labels), "asked_s": world.now_s()}
    record_value(record, expect, count, stage=Stage.PROMETHEUS, part=part, query=query, **about)
    record_samples(record, expect, answer or (), stage=Stage.PROMETHEUS, part=part, query=query)
    return answer or ()


def _process(world: World, part: str) -> dict[str, Json]:
    """Since when the part runs, by its own word, and each container of its pod, by the API server's."""
    namespace, name = world.pod(part)
    pod = world.kubernetes().get("v1", "Pod", name, namespace) or {}
    return {
        "start_s": read_exposition(world, part).samples(_START)[0].value,
        "containers": {
            one["name"]: {"restarts": one["restartCount"], "started_s": _started_s(one["state"])}
            for one in pod["status"]["containerStatuses"]
        },
    }


def _started_s(state: Mapping[str, Json]) -> float | None:
    """None while it does not run."""
    if "running" not in state:
        return None
    return datetime.fromisoformat(state["running"]["startedAt"].replace("Z", "+00:00")).timestamp()
