"""Room for a platform, and what it asks for."""

import pytest

from fawkes.harness.providers.existing.capacity import Amount, asked, pods_of, room

GIB = 2**30


def node(name, *, cpu="2", memory="4Gi", **spec):
    return {"metadata": {"name": name}, "spec": spec, "status": {"allocatable": {"cpu": cpu, "memory": memory}}}


def container(cpu="100m", memory="1Gi", **limits):
    return {"resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": limits}}


def pod(where, *containers, phase="Running", first=()):
    spec = {"nodeName": where, "containers": list(containers), "initContainers": list(first)}
    return {"kind": "Pod", "spec": spec, "status": {"phase": phase}}


def workload(kind, replicas=None):
    spec = {"template": {"spec": {"containers": [container()]}}}
    return {"kind": kind, "spec": spec if replicas is None else {**spec, "replicas": replicas}}


def test_what_pods_have_asked_for_is_not_left():
    left = room([node("a"), node("b")], [pod("a", container()), pod("b", container(), container())])
    assert left == Amount(pytest.approx(3.7), 5 * GIB)


def test_a_pod_that_is_over_and_one_without_a_node_take_nothing():
    assert room([node("a")], [pod("a", container(), phase="Succeeded"), pod(None, container())]) == Amount(2, 4 * GIB)


def test_nodes_that_take_no_pods_have_no_room():
    tainted = node("t", taints=[{"key": "k", "effect": "NoSchedule"}])
    liked_less = node("l", taints=[{"key": "k", "effect": "PreferNoSchedule"}])
    assert room([tainted, node("c", unschedulable=True), liked_less], [pod("t", container())]) == Amount(2, 4 * GIB)


def test_a_limit_without_a_request_is_one():
    limited = {"resources": {"limits": {"cpu": "500m", "memory": "1Gi"}}}
    assert asked([{"kind": "Pod", "spec": {"containers": [limited]}}], 1) == Amount(0.5, GIB)


def test_init_containers_come_before_and_not_on_top():
    assert asked([pod("", container(), first=[container("2", "1Mi")])], 1) == Amount(2, GIB)


def test_every_kind_that_makes_pods_counts():
    manifests = [
        workload("Deployment", 2),
        workload("StatefulSet"),
        workload("DaemonSet"),
        pod("", container()),
        {"kind": "Prometheus", "spec": {"replicas": 2, **container(), "thanos": container()}},
        {"kind": "Alertmanager", "spec": container()},
        {"kind": "Service", "spec": {}},
    ]
    assert sum(count for _, count in pods_of(manifests, 3)) == 2 + 1 + 3 + 1 + 2 + 1
    assert asked(manifests, 3) == Amount(pytest.approx(0.1 * 12), 12 * GIB)


def test_both_have_to_fit():
    assert Amount(1, 1).within(Amount(1, 1))
    assert not Amount(2, 1).within(Amount(1, 9))
    assert not Amount(1, 2).within(Amount(9, 1))
