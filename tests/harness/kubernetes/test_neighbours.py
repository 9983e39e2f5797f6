"""A platform that shares its cluster takes nothing that is there once."""

from fawkes.harness.kubernetes.neighbours import considerate
from fawkes.harness.operator.objects import load_objects, name_of
from fawkes.harness.places import PLATFORM, WORKLOADS
from fawkes.harness.prefix import Prefix

ALICE = Prefix.parse("alice", (name_of(one) for one in load_objects(PLATFORM).of("Namespace")))


def changed(kind, namespace, name):
    return considerate(ALICE.manifest(load_objects(WORKLOADS).get(kind, namespace, name)), ALICE)


def pod_of(manifest):
    return manifest["spec"]["template"]["spec"]


def test_kube_state_metrics_tells_of_our_namespaces_and_of_nothing_that_has_none():
    (container,) = pod_of(changed("Deployment", "fawkes-monitoring", "kube-state-metrics"))["containers"]
    flags = dict(arg.removeprefix("--").split("=", 1) for arg in container["args"])
    assert flags["namespaces"].split(",") == ALICE.namespaces()
    assert "pods" in flags["resources"].split(",")
    assert not {"nodes", "namespaces", "persistentvolumes", "storageclasses"} & set(flags["resources"].split(","))


def test_node_exporter_leaves_the_nodes_port_to_the_one_that_has_it():
    pod = pod_of(changed("DaemonSet", "fawkes-nodes", "node-exporter"))
    assert "hostNetwork" not in pod
    assert pod["hostPID"]
    assert not [port for one in pod["containers"] for port in one["ports"] if "hostPort" in port]


def test_all_else_is_as_it_is_alone():
    others = [one for one in load_objects(WORKLOADS) if name_of(one) not in ("kube-state-metrics", "node-exporter")]
    assert others
    assert all(considerate(one, ALICE) is one for one in others)
