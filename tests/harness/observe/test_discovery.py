"""What is recorded of a monitor that came: every sample of up, how long was watched, since when the replicas run."""

import pytest

from fawkes.harness.checks.discovery import DesertionExpectation, DiscoveryExpectation, NoDiscoveryExpectation
from fawkes.harness.observe.discovery import observe_desertion, observe_discovery, observe_no_discovery

STARTED_S = 1_772_323_200.0
CORES = ("prometheus-core-0", "prometheus-core-1")
FOUND = DiscoveryExpectation.model_validate(
    {"name": "found", "monitor": "m", "labels": {"job": "newcomer"}, "within": "5s"}
)
IGNORED = NoDiscoveryExpectation.model_validate(
    {"name": "ignored", "monitor": "m", "labels": {"job": "stranger"}, "beside": {"job": "newcomer"}, "within": "3m"}
)


class Pods:
    """The API server's answer about every pod."""

    def __init__(self, state):
        self._state = state

    def get(self, api_version, kind, name, namespace=""):
        told = {"name": "prometheus", "restartCount": 2, "state": self._state}
        return {"status": {"containerStatuses": [told]}}


def ups(job, first_s):
    return [{"metric": {"__name__": "up", "job": job}, "values": [[first_s, "1"]]}]


@pytest.fixture
def platform(world, part):
    """Both replicas have scraped the newcomer 20 s after the start, and the other one never."""
    parts = {name: part(name) for name in CORES}
    for one in parts.values():
        one.shows("/metrics", "process_start_time_seconds 1.7723231e+09\n")
    world.pod = lambda name: ("fawkes-monitoring", name)
    world.kubernetes = lambda: Pods({"running": {"startedAt": "2026-03-01T00:00:05Z"}})
    return parts


def test_every_sample_and_every_process_is_recorded(world, platform):
    for one in platform.values():
        one.answers('up{job="newcomer"}[60s]', ups("newcomer", STARTED_S + 20))
    observe_discovery(FOUND, world, world.record)
    assert [one["value"] for one in world.recorded("value")] == [1, 1]
    assert [one["samples"] for one in world.recorded("series")] == [[[STARTED_S + 20, 1.0]]] * 2
    assert world.recorded("process") == [
        {
            "expectation": "found",
            "source": core,
            "start_s": 1.7723231e9,
            "containers": {"prometheus": {"restarts": 2, "started_s": STARTED_S + 5}},
        }
        for core in CORES
    ]


def test_a_container_that_does_not_run_has_no_start(world, platform):
    world.kubernetes = lambda: Pods({"waiting": {"reason": "CrashLoopBackOff"}})
    observe_discovery(FOUND, world, world.record)
    assert [one["containers"]["prometheus"]["started_s"] for one in world.recorded("process")] == [None, None]


def test_a_replica_that_is_away_leaves_its_silence_and_no_process(world, platform, nobody):
    world.urls[CORES[1]] = nobody
    observe_discovery(FOUND, world, world.record)
    assert [one["value"] for one in world.recorded("value")] == [0, None]
    assert [one["source"] for one in world.recorded("process")] == [CORES[0]]


def test_the_one_that_must_not_be_found_is_watched_for_longer_than_the_other_took(world, platform):
    for one in platform.values():
        one.answers('up{job="newcomer"}[60s]', ups("newcomer", STARTED_S + 40))
        one.answers('up{job="newcomer"}[120s]', ups("newcomer", STARTED_S + 40))
    observe_no_discovery(IGNORED, world, world.record)
    stranger = world.recorded("value", labels={"job": "stranger"})
    assert [one["source"] for one in stranger] == list(CORES)
    assert all(one["asked_s"] >= STARTED_S + 60 for one in stranger)


def test_of_what_is_deserted_every_sample_is_recorded(world, platform):
    for one in platform.values():
        one.answers('up{job="newcomer"}[60s]', ups("newcomer", STARTED_S + 20))
    expect = DesertionExpectation.model_validate({"name": "g", "monitor": "m", "labels": {"job": "newcomer"}})
    observe_desertion(expect, world, world.record)
    assert [(one["value"], one["asked_s"]) for one in world.recorded("value")] == [(1, STARTED_S)] * 2
    assert [one["samples"] for one in world.recorded("series")] == [[[STARTED_S + 20, 1.0]]] * 2
