"""Which records prove that targets are the same. The cluster's are made from ours, then one thing is changed."""

import copy

import pytest

from fawkes.harness.checks.rendered_equal import OBJECT
from fawkes.harness.checks.targets_equal import POD, TARGETS, TargetsEqualExpectation, check_targets_equal
from fawkes.harness.local_rendering import local_pods
from fawkes.harness.local_targets import local_targets
from fawkes.harness.model import History, Record, Stage, Verdict
from fawkes.harness.operator.objects import load_objects
from fawkes.harness.operator.pods import pod_name, replicas
from fawkes.harness.places import PLATFORM

OBJECTS = load_objects(PLATFORM)
PODS = local_pods(OBJECTS)
HONEST = {
    pod_name(owner, replica): [
        {"job": job, **target}
        for job, found in local_targets(owner, OBJECTS, PODS).items()
        for target in found.values()
    ]
    for owner in OBJECTS.of("Prometheus")
    for replica in range(replicas(owner))
}


def pods():
    """As recorded: each container of a pod beside the others."""
    found = {}
    for pod in PODS:
        one = {"namespace": pod.namespace, "name": pod.name, "labels": dict(pod.labels), "containers": []}
        ports = [{"name": name, "number": number} for name, number in pod.ports.items()]
        found.setdefault((pod.namespace, pod.name), one)["containers"].append({"name": pod.container, "ports": ports})
    return list(found.values())


def judge(seen, objects=OBJECTS):
    records = [Record(1.0, 0.0, OBJECT, {"expectation": "same", "object": one}) for one in objects]
    records += [Record(2.0, 1.0, POD, {"expectation": "same", **one}) for one in pods()]
    records += [Record(2.0, 1.0, TARGETS, {"expectation": "same", "part": p, "targets": t}) for p, t in seen.items()]
    return check_targets_equal(TargetsEqualExpectation(name="same"), History(records))


@pytest.fixture
def seen():
    return copy.deepcopy(HONEST)


def test_the_same_targets_pass(seen):
    found = judge(seen)
    assert found.verdict is Verdict.PASS, [line for line in found.evidence if not line.ok]
    assert found.expected == found.observed > 1000


def test_a_target_at_another_address_on_a_node_is_the_same(seen):
    target = seen["prometheus-core-0"][0]
    target["labels"]["instance"] = "10.0.0.7:8080"
    target["discovered"] |= {"__meta_kubernetes_pod_ip": "10.0.0.7", "__meta_kubernetes_pod_node_name": "n"}
    assert judge(seen).verdict is Verdict.PASS


def other_job(targets):
    targets[0]["labels"]["job"] = "other"


def more_labels(targets):
    targets[0]["labels"]["tier"] = "gold"


def fewer_labels(targets):
    del targets[0]["labels"]["container"]


def other_discovery(targets):
    targets[0]["discovered"]["__meta_kubernetes_service_label_fawkes_io_service"] = "other"


def one_target_less(targets):
    targets.pop(0)


def one_target_more(targets):
    more = copy.deepcopy(targets[0])
    more["discovered"]["__meta_kubernetes_pod_name"] = more["labels"]["pod"] = "argocd-1"
    targets.append(more)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (other_job, "argocd-0/metrics > labels > job"),
        (more_labels, "argocd-0/metrics > labels > tier"),
        (fewer_labels, "argocd-0/metrics > labels > container"),
        (other_discovery, "argocd-0/metrics > discovered > __meta_kubernetes_service_label_fawkes_io_service"),
        (one_target_less, "serviceMonitor/fawkes-cicd/argocd/0"),
        (one_target_more, "argocd-1/metrics"),
    ],
)
def test_whatever_differs_fails_with_its_path(seen, change, where):
    change(seen["prometheus-core-1"])
    found = judge(seen)
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.PROMETHEUS)
    assert found.reason.startswith("prometheus-core-1: for the cluster's pods > serviceMonitor/fawkes-cicd/argocd/0")
    assert f"{where} is " in found.reason


def test_the_local_providers_own_pods_must_be_named_and_labelled_as_the_clusters(seen):
    """The cluster's pods may be rendered rightly, and still be others than the processes here."""
    found = judge(seen, OBJECTS.edit("Service", "fawkes-cicd", "harbor", renamed))
    assert found.verdict is Verdict.FAIL
    assert {line.note.partition(" > ")[0] for line in found.evidence if not line.ok and " > " in line.note} == {
        "for the cluster's pods",
        "for the local provider's pods",
    }


def renamed(service):
    service["metadata"]["labels"]["fawkes.io/service"] = "registry"


@pytest.mark.parametrize("part", HONEST)
def test_a_prometheus_that_was_not_asked_proves_nothing(seen, part):
    del seen[part]
    found = judge(seen)
    assert (found.verdict, found.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
    assert part in found.reason


def test_no_targets_and_no_record_prove_nothing():
    assert judge({part: [] for part in HONEST}).verdict is Verdict.INCONCLUSIVE
    expect = TargetsEqualExpectation(name="same")
    assert check_targets_equal(expect, History([])).verdict is Verdict.INCONCLUSIVE
