import pytest

from fawkes.harness.kubernetes.readiness import condition, readiness


def of(kind: str, *, spec: dict | None = None, generation: int = 1, **status: object) -> dict:
    return {"kind": kind, "metadata": {"name": "it", "generation": generation}, "spec": spec or {}, "status": status}


def said(kind: str, status: str, **more: object) -> dict:
    return {"type": kind, "status": status, **more}


DONE = {"observedGeneration": 1, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}
ON_NODES = {"observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3}
BOTH = [said("Reconciled", "True", observedGeneration=1), said("Available", "True", observedGeneration=1)]


@pytest.mark.parametrize(
    "found",
    [
        of("Secret"),
        of("PersistentVolumeClaim", phase="Pending"),
        of("Namespace", phase="Active"),
        of("Deployment", spec={"replicas": 2}, **DONE),
        of("StatefulSet", spec={"replicas": 2}, **DONE),
        of("StatefulSet", spec={"replicas": 0}, observedGeneration=1),
        of("DaemonSet", **ON_NODES),
        of("Pod", phase="Running", conditions=[said("Ready", "True")]),
        of("Pod", phase="Succeeded", conditions=[said("Ready", "False")]),
        of("Job", conditions=[said("Complete", "True")]),
        of("CustomResourceDefinition", conditions=[said("Established", "True")]),
        *(of(kind, conditions=BOTH) for kind in ("Prometheus", "Alertmanager", "ThanosRuler")),
    ],
    ids=lambda found: found["kind"],
)
def test_ready(found):
    assert readiness(found).ready


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (None, "it is not there"),
        ({"kind": "Secret", "metadata": {"name": "it", "deletionTimestamp": "now"}}, "it is being deleted"),
        (of("Namespace", phase="Terminating"), "phase Terminating"),
        (of("Deployment", spec={"replicas": 2}), "its controller has not seen it yet"),
        (of("Deployment", spec={"replicas": 2}, generation=2, **DONE), "its controller has not seen it yet"),
        (of("Deployment", spec={"replicas": 3}, **DONE), "updatedReplicas 2 of 3"),
        (of("Deployment", spec={"replicas": 2}, **{**DONE, "availableReplicas": 1}), "availableReplicas 1 of 2"),
        (of("StatefulSet", spec={}, **{**DONE, "readyReplicas": 0}), "readyReplicas 0 of 1"),
        (of("DaemonSet", **{**ON_NODES, "numberAvailable": 2}), "numberAvailable 2 of 3"),
        (of("Pod", phase="Pending"), "phase Pending"),
        (
            of("Pod", phase="Running", conditions=[said("Ready", "False", reason="ContainersNotReady", message="it")]),
            "Ready False ContainersNotReady it",
        ),
        (of("Job", conditions=[]), "Complete not told yet"),
        (of("CustomResourceDefinition"), "Established not told yet"),
        (of("Prometheus", conditions=BOTH[:1]), "Available not told yet"),
        (
            of("Prometheus", conditions=[BOTH[0], said("Available", "Degraded", reason="SomePodsNotReady")]),
            "Available Degraded",
        ),
        (of("Alertmanager", conditions=BOTH, generation=2), "Reconciled True"),
    ],
)
def test_not_ready(found, why):
    state = readiness(found)
    assert not state.ready
    assert not state.failed
    assert state.why.startswith(why)


def test_failed():
    for found in (
        of("Pod", phase="Failed", reason="Evicted"),
        of("Job", conditions=[said("Failed", "True", message="BackoffLimitExceeded")]),
    ):
        assert readiness(found).failed


def test_a_condition_that_is_not_there_is_empty():
    assert condition(of("Pod", conditions=[said("Ready", "True")]), "Initialized") == {}
