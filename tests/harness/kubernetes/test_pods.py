"""A component as a pod."""

import sys
from pathlib import Path

import pytest

from fawkes.harness.components.exporter import exporter
from fawkes.harness.errors import ProviderError
from fawkes.harness.images.catalogue import SERVICES, reference
from fawkes.harness.kubernetes.pods import component_manifests, is_held, killed
from fawkes.harness.kubernetes.whereabouts import of_component
from fawkes.harness.model import Component, Ready

BINARIES = {"prometheus": Path("/cache/prometheus/prometheus")}


def manifests(part, **kwargs):
    return component_manifests(part, of_component(part), {"app.kubernetes.io/name": "x"}, BINARIES, **kwargs)


def made(**fields):
    values = {"name": "one-0", "app": "one", "argv": (sys.executable, "-c", "pass"), "ready": Ready(by="http")}
    return Component(**{**values, **fields})


def test_the_pod_has_the_parts_name_and_the_labels_by_which_services_find_it():
    _, pod = manifests(exporter("jenkins-0", app="jenkins", port=8080, metrics="x 1\n"))
    assert pod["metadata"]["name"] == "jenkins-0"
    assert pod["metadata"]["labels"] == {"app.kubernetes.io/name": "x", "fawkes.io/part": "jenkins-0"}


def test_python_runs_in_our_image_and_a_binary_in_its_own():
    _, pod = manifests(made())
    (container,) = pod["spec"]["containers"]
    assert (container["image"], container["command"]) == (SERVICES, ["python3", "-c", "pass"])
    _, pod = manifests(made(argv=(str(BINARIES["prometheus"]), "--help")))
    (container,) = pod["spec"]["containers"]
    assert (container["image"], container["command"]) == (reference("prometheus"), ["/bin/prometheus", "--help"])


def test_a_program_that_no_image_has_is_refused():
    with pytest.raises(ProviderError, match="/no/such"):
        manifests(made(argv=("/no/such",)))


def test_files_are_in_the_secret_alone_and_appear_in_the_working_directory():
    secret, pod = manifests(made(files={"rules/a.yaml": "hush"}))
    assert secret["stringData"] == {"rules_a.yaml": "hush"}
    (container,) = pod["spec"]["containers"]
    mounts = {mount["mountPath"]: mount.get("subPath") for mount in container["volumeMounts"]}
    assert mounts == {"/part": None, "/part/rules/a.yaml": "rules_a.yaml"}
    assert "hush" not in str(pod)


def test_its_data_is_a_volume_where_there_is_one():
    _, pod = manifests(made(), claim="one-data")
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "one-data"}} in pod["spec"]["volumes"]


def test_a_job_runs_once_and_has_no_probe():
    _, job = manifests(made(ready=Ready(by="exit")))
    pod = job["spec"]["template"]["spec"]
    assert (job["kind"], job["spec"]["backoffLimit"], pod["restartPolicy"]) == ("Job", 0, "Never")
    assert "readinessProbe" not in pod["containers"][0]


def test_who_is_killed_keeps_its_pod_and_asks_for_an_image_in_vain():
    _, pod = manifests(made())
    dead = killed(pod)
    (before,), (after,) = pod["spec"]["containers"], dead["spec"]["containers"]
    assert {key for key in before if before[key] != after[key]} == {"image"}, (
        "nothing else may change in a pod that runs"
    )

    def told(**state):
        return {**dead, "status": {"containerStatuses": [{"name": "one", "state": state}]}}

    assert not is_held(dead)
    assert not is_held(told(running={}))
    assert not is_held(told(terminated={"exitCode": 137}))
    assert is_held(told(waiting={"reason": "ImagePullBackOff"}))


@pytest.mark.parametrize(
    ("ready", "probe"),
    [
        (Ready(by="http", path="/readyz"), {"httpGet": {"port": "http", "path": "/readyz"}}),
        (Ready(by="tcp", port="cluster"), {"tcpSocket": {"port": "cluster"}}),
        (Ready(by="command", command=("ask", "it")), {"exec": {"command": ["ask", "it"]}}),
    ],
)
def test_readiness_is_asked_as_the_component_says(ready, probe):
    _, pod = manifests(made(ready=ready))
    asked = dict(pod["spec"]["containers"][0]["readinessProbe"])
    assert asked.pop("periodSeconds") == 1
    assert asked == probe


def test_a_namespace_that_admits_restricted_pods_only_admits_it():
    _, pod = manifests(made())
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["spec"]["containers"]
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_its_servers_listen_for_the_pods_neighbours():
    _, pod = manifests(made(env={"A": "b"}))
    assert pod["spec"]["containers"][0]["env"] == [
        {"name": "FAWKES_LISTEN_HOST", "value": "0.0.0.0"},
        {"name": "A", "value": "b"},
    ]
