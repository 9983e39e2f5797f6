"""What is recorded of doors and targets: as they should be, or as they are in the end."""

import json

import pytest

from fawkes.harness.checks.reach import ReachExpectation, TargetsExpectation
from fawkes.harness.observe.reach import observe_reach, observe_targets

REACH = ReachExpectation.model_validate(
    {"name": "closed", "pod": "fawkes-apps/out", "reached": ["a:1"], "not_reached": ["b:2"], "within": "2s"}
)
TARGETS = TargetsExpectation.model_validate({"name": "targets", "jobs": ["dora"], "within": "2s"})


class Log:
    """The API server as it gives a pod's log, another one each time, the last again and again."""

    def __init__(self, *logs):
        self._logs, self.asked = list(logs), []

    def pod_log(self, namespace, pod, *, lines):
        self.asked.append((namespace, pod))
        rounds = self._logs.pop(0) if len(self._logs) > 1 else self._logs[0]
        return "\n".join(json.dumps(one) for one in rounds[-lines:])


def rounds(*seen):
    return [{"at_s": 1.0, "reached": {"a:1": True, "b:2": one}} for one in seen]


@pytest.fixture
def look(world):
    def run(log):
        world.kubernetes = lambda: log
        metadata = {"namespace": "alice-fawkes-apps", "name": "out"}
        world.in_own_namespace = lambda manifest: {**manifest, "metadata": metadata}
        observe_reach(REACH, world, world.record)
        (record,) = world.recorded("knocked")
        return [one["reached"]["b:2"] for one in record["rounds"]]

    return run


def test_a_door_that_closes_is_waited_for(look):
    log = Log(rounds(), rounds(True), rounds(True, *[False] * 4), rounds(True, *[False] * 5))
    assert look(log) == [False] * 5
    assert log.asked == [("alice-fawkes-apps", "out")] * 4


def test_a_door_that_stays_open_is_recorded_so(look):
    assert look(Log(rounds(*[True] * 6))) == [True] * 5


def test_a_pod_that_has_no_log_has_knocked_never(look):
    assert look(Log([])) == []


def rows(*targets):
    return [{"metric": {"job": job}, "value": [1, value]} for job, value in targets]


def test_targets_are_waited_for_until_all_answer(world, part, nobody):
    core = part("prometheus-core-0")
    core.answers("up", [], rows(("dora", "0")), rows(("minio", "1")), rows(("dora", "1"), ("minio", "1")))
    world.urls["prometheus-core-1"] = nobody
    observe_targets(TARGETS, world, world.record)
    assert len(core.asked) == 4
    seen = world.recorded("value", source="prometheus-core-0")[0]["value"]
    assert seen == [{"labels": {"job": job}, "value": 1.0} for job in ("dora", "minio")]
    assert world.recorded("value", source="prometheus-core-1")[0]["value"] is None
