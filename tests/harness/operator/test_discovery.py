import json

import pytest

from fawkes.harness.errors import UsageError
from fawkes.harness.operator.discovery import Pod, service_targets, target_files
from fawkes.harness.operator.objects import Objects

SERVICE = {
    "kind": "Service",
    "metadata": {
        "name": "web",
        "namespace": "ns",
        "labels": {"app.kubernetes.io/name": "web"},
        "annotations": {"owner": "me"},
    },
    "spec": {"selector": {"app": "web"}, "ports": [{"name": "metrics", "port": 80, "targetPort": "http"}]},
}
POD = Pod("ns", "web-0", {"app": "web", "version": "2"}, "server", {"http": 4001, "admin": 4002})


def test_a_target_carries_what_kubernetes_would_have_told():
    first, second = service_targets(SERVICE, [POD])
    assert first["targets"] == ["127.0.0.1:4001"]
    meta = {k.removeprefix("__meta_kubernetes_"): v for k, v in first["labels"].items()}
    assert meta == {
        "namespace": "ns",
        "service_name": "web",
        "service_label_app_kubernetes_io_name": "web",
        "service_labelpresent_app_kubernetes_io_name": "true",
        "service_annotation_owner": "me",
        "service_annotationpresent_owner": "true",
        "endpoints_name": "web",
        "endpoints_label_app_kubernetes_io_name": "web",
        "endpoints_labelpresent_app_kubernetes_io_name": "true",
        "endpoints_label_endpoints_kubernetes_io_managed_by": "endpoint-controller",
        "endpoints_labelpresent_endpoints_kubernetes_io_managed_by": "true",
        "endpoint_port_name": "metrics",
        "endpoint_port_protocol": "TCP",
        "endpoint_ready": "true",
        "endpoint_address_target_kind": "Pod",
        "endpoint_address_target_name": "web-0",
        "pod_name": "web-0",
        "pod_label_app": "web",
        "pod_labelpresent_app": "true",
        "pod_label_version": "2",
        "pod_labelpresent_version": "true",
        "pod_ip": "127.0.0.1",
        "pod_ready": "true",
        "pod_phase": "Running",
        "pod_container_name": "server",
        "pod_container_port_name": "http",
        "pod_container_port_number": "4001",
        "pod_container_port_protocol": "TCP",
        "pod_container_init": "false",
    }
    # The container's other port is a target too, but no endpoint's.
    assert second["targets"] == ["127.0.0.1:4002"]
    assert second["labels"]["__meta_kubernetes_pod_container_port_name"] == "admin"
    assert not [name for name in second["labels"] if "endpoint_" in name]


@pytest.mark.parametrize(
    "other",
    [
        Pod("elsewhere", "web-0", POD.labels, "server", POD.ports),
        Pod("ns", "web-0", {"app": "db"}, "server", POD.ports),
        Pod("ns", "web-0", POD.labels, "server", {"other": 4001}),
    ],
)
def test_pods_of_another_namespace_label_or_port_stand_behind_nothing(other):
    assert service_targets(SERVICE, [other]) == []


def test_a_service_without_selector_has_no_pods():
    headless = {**SERVICE, "spec": {**SERVICE["spec"], "selector": None}}
    assert service_targets(headless, [POD]) == []


def test_two_containers_of_one_pod_are_told_apart():
    sidecar = Pod("ns", "web-0", POD.labels, "sidecar", {"grpc": 4003})
    found = [
        (t["targets"][0], t["labels"]["__meta_kubernetes_pod_container_name"])
        for t in service_targets(SERVICE, [POD, sidecar])
    ]
    assert found == [("127.0.0.1:4001", "server"), ("127.0.0.1:4002", "server"), ("127.0.0.1:4003", "sidecar")]


@pytest.mark.parametrize("port", [{"name": "x", "port": 80}, {"port": 80, "targetPort": "http"}])
def test_ports_must_be_named(port):
    with pytest.raises(UsageError, match="Service ns/web has a port without name or targetPort"):
        service_targets({**SERVICE, "spec": {**SERVICE["spec"], "ports": [port]}}, [POD])


def test_every_namespace_has_a_file_also_an_empty_one():
    namespaces = [{"kind": "Namespace", "metadata": {"name": name}} for name in ("ns", "empty")]
    files = target_files(Objects((*namespaces, SERVICE)), [POD])
    assert sorted(files) == ["targets/empty.json", "targets/ns.json"]
    assert json.loads(files["targets/empty.json"]) == []
    assert len(json.loads(files["targets/ns.json"])) == 2


def test_endpoints_of_a_headless_service_say_so():
    headless = {**SERVICE, "spec": {**SERVICE["spec"], "clusterIP": "None"}}
    label = "__meta_kubernetes_endpoints_labelpresent_service_kubernetes_io_headless"
    assert service_targets(headless, [POD])[0]["labels"][label] == "true"
    assert label not in service_targets(SERVICE, [POD])[0]["labels"]
