"""Names that kind and Kubernetes accept, ports that only this machine reaches."""

import pytest
import yaml

from fawkes.harness.providers.kind.config import NODE_PORTS, cluster_name, kind_config, node_name


@pytest.mark.parametrize(
    ("run_id", "suffix", "name"),
    [
        ("20261128-041403-k3f9", "", "fawkes-20261128-041403-k3f9"),
        ("20261128-041403-k3f9", "dojo", "fawkes-20261128-041403-k3f9-dojo"),
        ("Up_Ünder/x", "", "fawkes-up-nder-x"),
    ],
)
def test_a_cluster_is_called_after_its_run(run_id, suffix, name):
    assert cluster_name(run_id, suffix) == name


@pytest.mark.parametrize("run_id", ["r" * 100, "ab-" * 40, "a" * 41 + "-b"])
def test_its_node_is_a_host_name(run_id):
    node = node_name(cluster_name(run_id))
    assert len(node) <= 63
    assert "--" not in node


def test_every_node_port_leads_to_loopback_and_wanted_ones_to_what_is_wanted():
    (node,) = yaml.safe_load(kind_config({30_101: 9090}))["nodes"]
    mappings = {mapping["containerPort"]: mapping["hostPort"] for mapping in node["extraPortMappings"]}
    assert mappings == {port: 9090 if port == 30_101 else -1 for port in NODE_PORTS}
    assert {mapping["listenAddress"] for mapping in node["extraPortMappings"]} == {"127.0.0.1"}
