"""Objects that come and go: on a real API server without nodes, whose kubelet's part the test plays."""

import json

import pytest
from pydantic import ValidationError

from control_plane import control_plane
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.kubernetes.apply import apply
from fawkes.load.objects import ApplyObjects, ApplyObjectsSpec, DeleteObjects, DeleteObjectsSpec, completed

QUERY, NAMESPACE = "up", "fawkes-apps"
UNTIL = {"query": QUERY, "within": "2s"}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "loops", "namespace": NAMESPACE},
    "spec": {"containers": [{"name": "app", "command": ["true"]}]},
}


def to_apply(*objects, **until):
    return ApplyObjectsSpec.model_validate({"do": "apply_objects", "objects": objects, "until": UNTIL | until})


def changed(manifest, **metadata):
    return {**manifest, "metadata": {**manifest["metadata"], **metadata}}


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        ({**POD, "kind": "Pood"}, "did you mean 'Pod'?"),
        ({**POD, "kind": "Namespace"}, "a scenario applies no Namespace"),
        ({**POD, "apiVersion": "v2"}, "apiVersion of a Pod is v1"),
        (changed(POD, name=""), "metadata.name is missing"),
        (changed(POD, namespace="fawkes-app"), "did you mean 'fawkes-apps'?"),
        (changed(POD, namespace="kube-system"), "the platform has no namespace kube-system"),
        ({**POD, "spec": {}}, "spec.containers is missing"),
    ],
)
def test_what_a_scenario_may_not_apply_is_refused_when_it_is_read(manifest, why):
    with pytest.raises(ValidationError) as refused:
        to_apply(manifest)
    assert why in str(refused.value)


@pytest.mark.parametrize("text", ["Pod loops", "Pods fawkes-apps/loops", "Pod kube-system/loops", "loops"])
def test_what_it_may_not_apply_it_may_not_delete(text):
    with pytest.raises(ValidationError):
        DeleteObjectsSpec.model_validate({"do": "delete_objects", "objects": [text], "until": UNTIL})


def test_a_pod_keeps_what_it_says_itself():
    own = {**POD, "spec": {"terminationGracePeriodSeconds": 9, "containers": [{"name": "app", "image": "mine"}]}}
    spec = completed(own)["spec"]
    assert (spec["terminationGracePeriodSeconds"], spec["containers"][0]["image"]) == (9, "mine")
    assert spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] is False


def test_only_pods_are_completed():
    service = {**POD, "kind": "Service"}
    assert completed(service) is service


class Platform:
    """A world over a real API server, and a Prometheus that finds something once it is told to."""

    clock_factor = 60.0

    def __init__(self, api, url):
        self._api, self._url, self.clock, self.records = api, url, RealClock(), []
        self.tick = lambda: None

    def kubernetes(self):
        return self._api

    def in_own_namespace(self, manifest):
        return manifest

    def replicas(self, app):
        assert app == "prometheus-core"
        return ["prometheus-core-0"]

    def url(self, part, port="http"):
        return self._url

    def now_s(self):
        return self.clock.monotonic_s()

    def eventually(self, what, probe, expect, *, within_s):
        def look():
            self.tick()
            return probe()

        return eventually(what, look, expect, within_s=within_s, clock=self.clock)

    def record(self, kind, /, **data):
        self.records.append((kind, json.loads(json.dumps(data))))

    def recorded(self, kind):
        return [data for one, data in self.records if one == kind]


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    with control_plane(tmp_path_factory.mktemp("plane")) as running:
        api = Api(running.kubeconfig)
        restricted = {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
        apply(api, [{"apiVersion": "v1", "kind": "Namespace", "metadata": restricted}], clock=RealClock())
        yield running, api
        api.close()


def _answer(rows):
    return {"status": "success", "data": {"result": rows}}


@pytest.fixture
def platform(plane, serve):
    found = []

    world = Platform(plane[1], serve(lambda path: (200, json.dumps(_answer(found)).encode())))
    world.found = found
    return world


@pytest.mark.cluster
@pytest.mark.slow
def test_objects_are_applied_watched_and_deleted(plane, platform):
    running, api = plane

    def restarts(count):
        state = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        told = {"name": "app", "restartCount": count, "state": state, "ready": True, "image": "i", "imageID": "i"}
        running.set_status("pod", NAMESPACE, "loops", {"containerStatuses": [told]})

    row = {"metric": {}, "value": [1, "1"]}
    steps = [lambda: restarts(0), lambda: restarts(0), lambda: restarts(1), lambda: platform.found.append(row)]
    platform.tick = lambda: steps.pop(0)() if steps else None
    ApplyObjects().run(to_apply(POD, within="20s"), platform, platform.record)

    assert api.get("v1", "Pod", "loops", NAMESPACE)["spec"]["securityContext"]["runAsNonRoot"] is True
    (applied,) = platform.recorded("applied")
    assert (applied["objects"], applied["clock_factor"]) == (["Pod fawkes-apps/loops"], 60.0)
    assert applied["began_s"] <= applied["ended_s"]
    told = platform.recorded("pod_status")
    assert [one["containers"]["app"] for one in told] == [
        {"restarts": 0, "state": "running"},
        {"restarts": 1, "state": "running"},
    ]
    assert told[0]["told_s"] < told[1]["since_s"] + 0.2 < told[1]["told_s"] + 0.2
    assert platform.recorded("reached")[0]["reached"] is True

    platform.found.clear()
    gone = {"do": "delete_objects", "objects": ["Pod fawkes-apps/loops"], "until": UNTIL | {"answers": False}}
    DeleteObjects().run(DeleteObjectsSpec.model_validate(gone), platform, platform.record)
    ask = lambda: api.get("v1", "Pod", "loops", NAMESPACE)  # noqa: E731
    eventually("no pod", ask, lambda pod: pod is None, within_s=20, clock=RealClock())
    assert platform.recorded("deleted")[0]["objects"] == ["Pod fawkes-apps/loops"]
    assert platform.recorded("said") == [{"pod": "Pod fawkes-apps/loops", "lines": []}], "it has no node, and no log"
    assert platform.recorded("reached")[1]["reached"] is True


@pytest.mark.cluster
@pytest.mark.slow
def test_what_is_never_reached_is_recorded_and_not_raised(platform):
    page = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "page", "namespace": NAMESPACE}}
    ApplyObjects().run(to_apply(page, within="300ms"), platform, platform.record)
    assert platform.recorded("reached") == [
        {"source": "prometheus-core-0", "query": QUERY, "answers": True, "reached": False}
    ]
