"""An app as it was before, and what is told of its pods while they are replaced, by a real API server without nodes."""

import time

import pytest

from control_plane import control_plane
from fawkes.harness.eventually import RealClock
from fawkes.harness.images.catalogue import SERVICES, SERVICES_BEFORE, reference_before
from fawkes.harness.kubernetes import rollout
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.kubernetes.apply import apply
from fawkes.harness.kubernetes.rollout import Rollout, app_of, before
from fawkes.harness.kubernetes.whereabouts import Whereabouts
from fawkes.harness.operator.objects import load_objects
from fawkes.harness.places import PLATFORM, WORKLOADS

NAMESPACE = "rolls"


def images(manifest):
    return [one["image"] for one in manifest["spec"]["template"]["spec"]["containers"]]


def test_prometheus_before_is_the_version_whose_image_is_made():
    core = load_objects(PLATFORM).get("Prometheus", "fawkes-monitoring", "core")
    older = before(core, ["prometheus-core"])
    assert app_of(core) == "prometheus-core"
    assert reference_before() == f"quay.io/prometheus/prometheus:{older['spec']['version']}"
    assert {**older, "spec": {**older["spec"], "version": core["spec"]["version"]}} == core
    assert older["spec"]["version"] != core["spec"]["version"]


def test_a_service_of_ours_before_has_an_image_of_another_name():
    (dora,) = [one for one in load_objects(WORKLOADS).of("StatefulSet") if app_of(one) == "dora"]
    assert SERVICES in images(dora)
    assert images(before(dora, ["dora"])) == [SERVICES_BEFORE if one == SERVICES else one for one in images(dora)]


def test_what_is_not_upgraded_stays_as_it_is():
    for one in (*load_objects(PLATFORM), *load_objects(WORKLOADS)):
        assert before(one, ["prometheus-learner"] if app_of(one) != "prometheus-learner" else []) is one


class Stepping(RealClock):
    """Does one step each time somebody waits."""

    def __init__(self, *steps):
        super().__init__()
        self._steps = list(steps)

    def wait(self, seconds):
        if self._steps:
            self._steps.pop(0)()
        super().wait(seconds)


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    with control_plane(tmp_path_factory.mktemp("plane")) as running:
        api = Api(running.kubeconfig)
        apply(api, [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}], clock=RealClock())
        yield running, api
        api.close()


@pytest.fixture
def pods(plane):
    """pods.come("a-0", "i:1"), pods.ready("a-0"), pods.go("a-0")"""
    running, api = plane

    class Pods:
        def come(self, name, image):
            spec = {"automountServiceAccountToken": False, "containers": [{"name": "app", "image": image}]}
            metadata = {"name": name, "namespace": NAMESPACE, "labels": {"part": name}}
            apply(api, [{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}], clock=RealClock())

        def ready(self, name):
            told = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
            running.set_status("pod", NAMESPACE, name, told)

        def go(self, name):
            api.delete("v1", "Pod", name, NAMESPACE, grace_s=0)

        def watched(self, *names, clock):
            where = {name: Whereabouts(NAMESPACE, {"part": name}, "app", {}) for name in names}
            return Rollout(api, where, clock)

    yield Pods()
    api.delete_all("v1", "Pod", NAMESPACE, grace_s=0)


@pytest.mark.cluster
@pytest.mark.slow
def test_each_pod_is_told_when_it_left_and_when_its_successor_was_ready(pods):
    went_s = {}

    def go():
        went_s["left"] = time.time()
        pods.go("a-0")

    def back():
        went_s["back"] = time.time()
        pods.ready("a-0")

    pods.come("a-0", "i:1")
    pods.ready("a-0")
    rolls = pods.watched("a-0", clock=Stepping(lambda: None, go, lambda: pods.come("a-0", "i:2"), back))
    (told,) = rolls.watch()
    assert (told["part"], told["image_before"], told["image_after"]) == ("a-0", "i:1", "i:2")
    assert told["left_s"] <= went_s["left"] < went_s["back"] <= told["back_s"]
    assert went_s["left"] - told["left_s"] < 1.0
    assert told["back_s"] - went_s["back"] < 2.0


@pytest.mark.cluster
@pytest.mark.slow
def test_what_is_never_replaced_or_never_ready_is_told_and_not_raised(pods, monkeypatch):
    monkeypatch.setattr(rollout, "_ROLLED_OUT_WITHIN_S", 1.0)
    for name in ("stays-0", "fails-0"):
        pods.come(name, "i:1")
        pods.ready(name)
    rolls = pods.watched(
        "stays-0", "fails-0", clock=Stepping(lambda: pods.go("fails-0"), lambda: pods.come("fails-0", "i:2"))
    )
    stays, fails = rolls.watch()
    assert stays == {"part": "stays-0", "image_before": "i:1"}
    assert fails.keys() == {"part", "image_before", "left_s"}
