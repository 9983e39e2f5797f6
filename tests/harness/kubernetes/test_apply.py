import threading

import pytest

from fawkes.harness.errors import DeadlineExceeded, ProviderError
from fawkes.harness.eventually import RealClock
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.kubernetes.apply import apply, delete, delete_namespaces
from still_clock import StillClock

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

SLOW_END_S = 12
"""Kubernetes looks at a namespace 5 and 10 s after its end was asked for, and then when it believes the pods gone."""

DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "beacons.test.fawkes.io"},
    "spec": {
        "group": "test.fawkes.io",
        "names": {"kind": "Beacon", "plural": "beacons"},
        "scope": "Namespaced",
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
        ],
    },
}


def of(kind: str, name: str, namespace: str = "", api_version: str = "v1", **more: object) -> dict:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}


def pod(name: str, namespace: str, **spec: object) -> dict:
    containers = [{"name": "it", "image": "none", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    return of("Pod", name, namespace, spec={"containers": containers, "volumes": volumes, **spec})


def claim(namespace: str) -> dict:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    return of("PersistentVolumeClaim", "data", namespace, spec=spec)


def test_the_order_in_which_they_are_given_does_not_matter(api, namespace):
    beacon = of("Beacon", "it", namespace, "test.fawkes.io/v1")
    apply(
        api, [beacon, pod("it", namespace), claim(namespace), DEFINITION, of("Namespace", namespace)], clock=RealClock()
    )
    assert api.get("test.fawkes.io/v1", "Beacon", "it", namespace) is not None
    assert api.get("v1", "Pod", "it", namespace) is not None
    delete(api, [DEFINITION, beacon], clock=RealClock())
    assert api.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", "beacons.test.fawkes.io") is None


def test_what_the_server_refuses_ends_it_at_once(api, namespace):
    with pytest.raises(ProviderError, match=f"cannot apply Secret {namespace}/it: 404"):
        apply(api, [of("Secret", "it", namespace)], clock=StillClock())


def test_a_pod_is_deleted_and_gone(api, namespace):
    there = [of("Namespace", namespace), claim(namespace), pod("it", namespace, terminationGracePeriodSeconds=600)]
    apply(api, there, clock=RealClock())
    delete(api, [there[-1], of("Pod", "never", namespace)], clock=RealClock())
    assert api.get("v1", "Pod", "it", namespace) is None


def test_namespaces_are_gone_with_pods_and_the_claims_they_held(api, namespace):
    there = [of("Namespace", namespace), claim(namespace), pod("it", namespace)]
    apply(api, there, clock=RealClock())
    clock = RealClock()
    began_s = clock.monotonic_s()
    delete_namespaces(api, [namespace, "never-was"], clock=clock)
    assert api.get("v1", "Namespace", namespace) is None
    assert clock.monotonic_s() - began_s < 12, "in one pass: a second would come 13 s after the first request"


def test_pods_that_take_their_time_do_not_keep_a_namespace_for_half_their_grace(api, plane, namespace):
    there = [of("Namespace", namespace), pod("it", namespace, nodeName="busy", terminationGracePeriodSeconds=600)]
    apply(api, there, clock=RealClock())
    kubelet = Api(plane.kubeconfig)
    at_last = threading.Timer(SLOW_END_S, kubelet.delete, ("v1", "Pod", "it", namespace), {"grace_s": 0})
    at_last.start()
    delete_namespaces(api, [namespace], clock=RealClock(), within_s=60)
    kubelet.close()
    assert at_last.finished.is_set(), "who ended the pod before that?"
    assert api.get("v1", "Namespace", namespace) is None


def test_what_keeps_a_namespace_is_told(api, namespace):
    held = of("ConfigMap", "held", namespace)
    held["metadata"]["finalizers"] = ["fawkes.io/never"]
    apply(api, [of("Namespace", namespace), held], clock=RealClock())
    with pytest.raises(DeadlineExceeded, match=r"NamespaceFinalizersRemaining: .*fawkes.io/never"):
        delete_namespaces(api, [namespace], clock=RealClock(), within_s=8)
    api.patch("v1", "ConfigMap", "held", {"metadata": {"finalizers": None}}, namespace)
    delete_namespaces(api, [namespace], clock=RealClock())
