"""Reads what a knocking pod has reached, and which targets answer Prometheus."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial

from fawkes.harness.checks.reach import KNOCKED, ROUNDS, ReachExpectation, TargetsExpectation
from fawkes.harness.model import Json, Stage
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.observe.promql import instant
from fawkes.harness.observe.recording import record_value
from fawkes.harness.operator.objects import namespace_of
from fawkes.harness.world import Recorder, World


def observe_reach(expect: ReachExpectation, world: World, record: Recorder) -> None:
    """Record the last rounds once they are as they should be, or as they are when time is up."""
    until_s = world.now_s() + expect.within
    namespace, _, name = expect.pod.partition("/")
    metadata = {"namespace": namespace, "name": name}
    own = namespace_of(world.in_own_namespace({"apiVersion": "v1", "kind": "Pod", "metadata": metadata}))
    as_wished = partial(_as_wished, expect)
    rounds = last_seen(
        world, f"{expect.pod} to reach what it may", partial(_rounds, world, own, name), as_wished, until_s=until_s
    )
    record(KNOCKED, expectation=expect.name, pod=expect.pod, rounds=rounds or [])


def observe_targets(expect: TargetsExpectation, world: World, record: Recorder) -> None:
    """Record, of every replica, each target with its `up`, once all are there and answer."""
    until_s = world.now_s() + expect.within
    for part in world.replicas(expect.app):
        ask = partial(_targets, world, part)
        seen = last_seen(world, f"every target of {part} answers", ask, partial(_all_up, expect), until_s=until_s)
        record_value(record, expect, seen, stage=Stage.PROMETHEUS, part=part, query="up")


def _rounds(world: World, namespace: str, pod: str) -> list[dict[str, Json]]:
    log = world.kubernetes().pod_log(namespace, pod, lines=ROUNDS)
    return [json.loads(line) for line in log.splitlines()]


def _as_wished(expect: ReachExpectation, rounds: Sequence[dict[str, Json]]) -> bool:
    wished = dict.fromkeys(expect.reached, True) | dict.fromkeys(expect.not_reached, False)
    return len(rounds) == ROUNDS and all(wished.items() <= one["reached"].items() for one in rounds)


def _targets(world: World, part: str) -> list[dict[str, Json]]:
    return [{"labels": dict(one.labels), "value": one.value} for one in instant(world, part, "up")]


def _all_up(expect: TargetsExpectation, found: Sequence[dict[str, Json]]) -> bool:
    return all(one["value"] == 1 for one in found) and set(expect.jobs) <= {one["labels"].get("job") for one in found}
