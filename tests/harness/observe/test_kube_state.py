"""What is counted on every replica, and until when the observer waits."""

import pytest

from fawkes.harness.checks.kube_state import KubeStateExpectation
from fawkes.harness.observe.kube_state import counted_on, observe_kube_state

EXPECT = KubeStateExpectation.model_validate({"name": "k", "series_at_least": 1, "within": "5s"})
FAMILIES = 'count by (__name__) ({job="kube-state-metrics", __name__=~"kube_.+"})'
BY_NODE = 'count by (node) (kube_pod_info{job="kube-state-metrics"})'
BY_PHASE = 'sum by (phase) (kube_pod_status_phase{job="kube-state-metrics"})'
READY = 'sum(kube_node_status_condition{job="kube-state-metrics", condition="Ready", status="true"})'


class Cluster:
    """An API server that lists so many nodes and namespaces."""

    def list(self, api_version, kind):
        return [{}] * {"Node": 1, "Namespace": 4}[kind]


def rows(label, **counted):
    return [{"metric": {label: name}, "value": [1, str(count)]} for name, count in counted.items()]


@pytest.fixture
def core(world, part):
    world.kubernetes = Cluster
    core = part("prometheus-core-0")
    core.answers(BY_NODE, rows("node", a=2))
    core.answers(BY_PHASE, rows("phase", Running=2, Pending=0))
    core.answers(READY, [{"metric": {}, "value": [1, "1"]}])
    return core


def test_all_is_counted_at_one_time(world, core):
    core.answers(FAMILIES, rows("__name__", kube_pod_info=2, kube_node_info=1))
    assert counted_on(world, "prometheus-core-0", "kube-state-metrics", 1234.5) == {
        "kube_pod_info": 2,
        "kube_node_info": 1,
        "series": 3,
        "pods on a": 2,
        "pods in phase Running": 2,
        "pods in phase Pending": 0,
        "ready nodes": 1,
    }
    for query in (FAMILIES, BY_NODE, BY_PHASE, READY):
        assert core.params_of(query) == [{"time": "1234.5"}]


def test_it_waits_until_no_more_is_shown_than_the_api_server_lists(world, core):
    early = rows("__name__", kube_node_info=3, kube_namespace_created=4)
    half = rows("__name__", kube_node_info=1, kube_namespace_created=6)
    late = rows("__name__", kube_node_info=1, kube_namespace_created=4)
    core.answers(FAMILIES, early, half, late)
    observe_kube_state(EXPECT, world, world.record)
    (told,) = world.recorded("families")
    assert (told["when"], told["source"], told["counted"]["series"]) == ("gone", "prometheus-core-0", 5)


def test_what_is_still_shown_when_time_is_up_is_recorded(world, core):
    core.answers(FAMILIES, rows("__name__", kube_node_info=3, kube_namespace_created=4))
    observe_kube_state(EXPECT, world, world.record)
    assert world.recorded("families")[0]["counted"]["kube_node_info"] == 3


def test_every_scrape_is_recorded_and_silence_too(world, part, nobody):
    world.kubernetes = Cluster
    world.urls["prometheus-core-0"] = nobody
    observe_kube_state(EXPECT, world, world.record)
    assert world.recorded("families")[0]["counted"] is None
    assert [one["value"] for one in world.recorded("value")] == [None] * 3
