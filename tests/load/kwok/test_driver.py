"""A crowd comes, stays and goes: on a real API server, with kwok as a process, as the driver's only kubelet."""

import os
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from control_plane import control_plane
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.toolchain import Miss, cache_directory, find
from fawkes.load.kwok.driver import Crowd, CrowdSpec
from free_ports import free_ports


def spec(**changes):
    return CrowdSpec.model_validate({"do": "crowd", "nodes": 3, "pods": 7, "stays": "10s"} | changes)


@pytest.mark.parametrize("changes", [{"nodes": 251}, {"nodes": 0}, {"pods": 0}, {"stays": "0s"}])
def test_a_crowd_that_cannot_be_is_refused_when_it_is_read(changes):
    with pytest.raises(ValidationError):
        spec(**changes)


class Platform:
    """A world over a real API server whose Prometheus is silent, and in which kwok's pod is a process."""

    clock_factor = 10.0

    def __init__(self, plane, api):
        self._plane, self._api, self.clock, self.records = plane, api, RealClock(), []

    def kubernetes(self):
        return self._api

    def replicas(self, app):
        return ["prometheus-core-0"]

    def url(self, part, port="http"):
        return "http://127.0.0.1:1"

    def now_s(self):
        return self.clock.monotonic_s()

    def poll_for(self, seconds):
        self.records.append(("stays", {"seconds": seconds}))

    def eventually(self, what, probe, expect, *, within_s):
        if what == "kwok to be ready":
            counts = dict.fromkeys(("replicas", "readyReplicas", "availableReplicas", "updatedReplicas"), 1)
            told = {**counts, "observedGeneration": 1, "conditions": [{"type": "Available", "status": "True"}]}
            asked = probe

            def probe():
                # Each time: the controller writes the truth over it, that no pod of it runs here.
                self._plane.set_status("deployment", "fawkes-kwok", "kwok", told)
                return asked()

        silent = what.startswith("prometheus-core-0")
        return eventually(what, probe, expect, within_s=0.2 if silent else within_s, clock=self.clock)

    def record(self, kind, /, **data):
        self.records.append((kind, data))


@pytest.fixture
def platform(tmp_path):
    kwok = find("kwok", environ=os.environ, cache_dir=cache_directory(os.environ))
    if isinstance(kwok, Miss):
        pytest.skip("kwok is not built (`harness toolchain build --cluster`)")
    with control_plane(tmp_path) as plane:
        played = "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake"
        port = free_ports(1)[0]
        argv = [str(kwok.path), played, f"--kubeconfig={plane.kubeconfig}", f"--server-address=127.0.0.1:{port}"]
        api = Api(plane.kubeconfig)
        with plane.running(*argv):
            yield SimpleNamespace(api=api, world=Platform(plane, api))
        api.close()


@pytest.mark.cluster
@pytest.mark.slow
def test_it_is_counted_while_it_is_there_and_nothing_of_it_stays(platform):
    world = platform.world
    before = {kind: len(platform.api.list("v1", kind)) for kind in ("Namespace", "Node", "Pod")}
    Crowd().run(spec(), world, world.record)
    come, stays, stayed, silent, gone = world.records
    assert [one["when"] for _, one in (come, stayed, gone)] == ["come", "stayed", "gone"]
    assert (come[1]["nodes"], come[1]["ready_nodes"]) == (3, 3)
    assert [one for one in come[1]["pods"] if one["node"]] == [
        {"node": f"fake-00{number}", "phase": "Running", "containers": 1, "count": count}
        for number, count in enumerate((3, 2, 2))
    ]
    assert stays == ("stays", {"seconds": 1.0})
    assert silent == (
        "families",
        {"when": "stayed", "source": "prometheus-core-0", "job": "kube-state-metrics", "counted": None},
    )
    assert (gone[1]["nodes"], gone[1]["pods"]) == (0, [])
    assert {kind: len(platform.api.list("v1", kind)) for kind in before} == before
    for kind in ("ClusterRole", "ClusterRoleBinding"):
        assert platform.api.get("rbac.authorization.k8s.io/v1", kind, "fawkes-kwok") is None
