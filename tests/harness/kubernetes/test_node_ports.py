"""Ports of a node for parts of the platform."""

import pytest

from fawkes.harness.errors import ProviderError
from fawkes.harness.kubernetes.node_ports import NodePorts
from fawkes.harness.kubernetes.whereabouts import Whereabouts

WHERE = Whereabouts("fawkes-platform", {"a": "b"}, "dora", {"http": "http", "grpc": 10901})


def test_a_part_keeps_its_address_and_no_other_has_it():
    ports = NodePorts({30100: 41, 30101: 42})
    assert ports.address("one", "http") == "127.0.0.1:41"
    assert ports.address("two", "http") == "127.0.0.1:42"
    assert ports.address("one", "http") == "127.0.0.1:41"


def test_when_no_port_is_left_the_part_is_named():
    ports = NodePorts({30100: 41})
    ports.address("one", "http")
    with pytest.raises(ProviderError, match="two"):
        ports.address("two", "http")


def test_the_service_leads_each_port_of_the_part_to_where_its_address_says():
    ports = NodePorts({30100: 41, 30101: 42, 30102: 43})
    asked_before = ports.address("dora-0", "grpc")
    (service,) = ports.manifests("dora-0", WHERE)
    assert service["metadata"]["namespace"] == "fawkes-platform"
    assert service["spec"]["selector"] == {"a": "b"}
    leads = {port["name"]: (port["targetPort"], port["nodePort"]) for port in service["spec"]["ports"]}
    assert leads == {"grpc": (10901, 30100), "http": ("http", 30101)}
    assert asked_before == "127.0.0.1:41"
    assert ports.address("dora-0", "http") == "127.0.0.1:42"


def test_no_monitor_can_select_the_service():
    (service,) = NodePorts({30100: 41, 30101: 42}).manifests("dora-0", WHERE)
    assert "labels" not in service["metadata"]


def test_a_part_without_ports_needs_no_way_in():
    assert NodePorts({}).manifests("job", Whereabouts("ns", {}, "job", {})) == []
