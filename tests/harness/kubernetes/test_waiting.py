"""Against a real API server; the kubelet's words are put in by the test, and time passes on a clock that stands still."""

import itertools

import pytest

from fawkes.harness.errors import ComponentError, DeadlineExceeded, ProviderError
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.kubernetes.apply import apply
from fawkes.harness.kubernetes.waiting import wait_ready
from still_clock import StillClock

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def pod(namespace: str, name: str = "it") -> dict:
    metadata = {"name": name, "namespace": namespace, "labels": {"app": name}}
    spec = {"containers": [{"name": "main", "image": "none"}], "restartPolicy": "Never"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def deployment(namespace: str, name: str = "it") -> dict:
    template = {
        "metadata": pod(namespace, name)["metadata"],
        "spec": {"containers": [{"name": "main", "image": "none"}]},
    }
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def status(**state: object) -> dict:
    told = {"name": "main", "image": "none", "imageID": "", "ready": False, "restartCount": 0, "state": state}
    return {"phase": "Pending", "containerStatuses": [told]}


@pytest.fixture
def there(api, namespace):
    """there(manifest, ...) applies them in a namespace of the test's own."""

    def apply_there(*manifests: dict) -> list[dict]:
        own = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        apply(api, [own, *manifests], clock=RealClock())
        return list(manifests)

    yield apply_there
    api.delete("v1", "Namespace", namespace)


def only_pod(api, namespace: str) -> str:
    (found,) = eventually("a pod", lambda: api.list("v1", "Pod", namespace), bool, within_s=10, clock=RealClock())
    return found["metadata"]["name"]


def test_returns_when_the_last_is_ready(api, plane, namespace, there):
    manifests = there(pod(namespace, "a"), pod(namespace, "b"))
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    turn = iter(["a", "b"])
    clock = StillClock(on_wait=lambda: plane.set_status("pod", namespace, next(turn), ready))
    wait_ready(api, manifests, clock=clock)
    assert next(turn, None) is None, "it waited for both"


def test_time_that_runs_out_tells_what_is_missing(api, plane, namespace, there):
    manifests = there(deployment(namespace))
    name = only_pod(api, namespace)
    plane.set_status("pod", namespace, name, status(waiting={"reason": "ContainerCreating", "message": "unpacking"}))
    with pytest.raises(DeadlineExceeded) as late:
        wait_ready(api, manifests, clock=StillClock(), within_s=5)
    text = str(late.value)
    assert f"Deployment {namespace}/it: availableReplicas 0 of 1" in text
    assert "event: Normal ScalingReplicaSet: Scaled up replica set" in text
    assert f"Pod {namespace}/{name}: phase Pending" in text
    assert "container main: waiting ContainerCreating unpacking, not ready, 0 restarts" in text


def test_a_missing_image_ends_it_when_it_had_time_to_come(api, plane, namespace, there):
    manifests = there(deployment(namespace))
    waiting = {"reason": "ErrImageNeverPull", "message": 'Container image "none" is not present'}
    plane.set_status("pod", namespace, only_pod(api, namespace), status(waiting=waiting))
    clock = StillClock()
    with pytest.raises(ProviderError, match="ErrImageNeverPull: Container image") as trouble:
        wait_ready(api, manifests, clock=clock, within_s=1000)
    assert 60 <= clock.passed_s < 70
    assert not isinstance(trouble.value, DeadlineExceeded)


def test_a_reason_is_the_same_when_it_is_told_in_other_words(api, plane, namespace, there):
    """A pull that is tried again names another port each time."""
    manifests = there(deployment(namespace))
    name, rounds = only_pod(api, namespace), itertools.count()

    def tell():
        if (number := next(rounds)) % 40 == 0:
            waiting = {"reason": "ErrImagePull", "message": f"read udp 127.0.0.1:{40000 + number}: i/o timeout"}
            plane.set_status("pod", namespace, name, status(waiting=waiting))

    clock = StillClock(on_wait=tell)
    with pytest.raises(ProviderError, match="ErrImagePull: read udp"):
        wait_ready(api, manifests, clock=clock, within_s=1000)
    assert 60 <= clock.passed_s < 75


def test_a_part_that_crashes_again_and_again_ends_it_soon(api, plane, namespace, there):
    manifests = there(deployment(namespace))
    told = status(waiting={"reason": "CrashLoopBackOff", "message": "back-off 40s"})
    told["containerStatuses"][0] |= {"restartCount": 3, "lastState": {"terminated": {"exitCode": 2, "reason": "Error"}}}
    plane.set_status("pod", namespace, only_pod(api, namespace), told)
    clock = StillClock()
    with pytest.raises(ComponentError, match=r"CrashLoopBackOff: back-off 40s \(exit code 2, Error\)"):
        wait_ready(api, manifests, clock=clock, within_s=1000)
    assert clock.passed_s < 5


def test_a_pod_that_failed_ends_it_at_once(api, plane, namespace, there):
    manifests = there(pod(namespace))
    plane.set_status("pod", namespace, "it", {"phase": "Failed", "reason": "Evicted", "message": "no disk"})
    clock = StillClock()
    with pytest.raises(ComponentError, match=f"Pod {namespace}/it: Failed Evicted no disk"):
        wait_ready(api, manifests, clock=clock)
    assert clock.passed_s == 0


def test_what_was_never_applied_is_told(api, namespace):
    with pytest.raises(DeadlineExceeded, match="it is not there"):
        wait_ready(api, [pod(namespace)], clock=StillClock(), within_s=1)


def test_an_operators_object_is_explained_by_its_pods(api, namespace, there):
    labels = {"app.kubernetes.io/name": "prometheus", "app.kubernetes.io/instance": "core"}
    (definition,) = there(DEFINITION)
    mine = pod(namespace, "prometheus-core-0")
    mine["metadata"]["labels"] = labels
    core = {"apiVersion": "monitoring.coreos.com/v1", "kind": "Prometheus"}
    core |= {"metadata": {"name": "core", "namespace": namespace}}
    there(core, mine)
    with pytest.raises(DeadlineExceeded) as late:
        wait_ready(api, [core], clock=StillClock(), within_s=1)
    assert f"Prometheus {namespace}/core: Reconciled not told yet" in str(late.value)
    assert f"Pod {namespace}/prometheus-core-0: phase Pending" in str(late.value)
    api.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", definition["metadata"]["name"])


DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": "prometheuses.monitoring.coreos.com",
        "annotations": {"api-approved.kubernetes.io": "unapproved, a stand-in of a test"},
    },
    "spec": {
        "group": "monitoring.coreos.com",
        "names": {"kind": "Prometheus", "plural": "prometheuses"},
        "scope": "Namespaced",
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
        ],
    },
}
