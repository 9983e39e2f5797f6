"""What a crowd is made of; that it runs is shown by bench/kube_state.py, on a cluster."""

from collections import Counter

import pytest

from fawkes.harness.errors import UsageError
from fawkes.harness.images import catalogue
from fawkes.harness.operator.objects import labels_of, load_objects, name_of, namespace_of
from fawkes.harness.places import PLATFORM
from fawkes.load.kwok import crowd


def test_kwok_is_the_image_that_is_built():
    (deployment,) = [one for one in crowd.kwok() if one["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == catalogue.reference("kwok")


def test_kwok_plays_the_nodes_of_the_crowd_and_no_other():
    (deployment,) = [one for one in crowd.kwok() if one["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (annotation,) = {item for node in crowd.nodes(3) for item in node["metadata"]["annotations"].items()}
    assert f"--manage-nodes-with-annotation-selector={'='.join(annotation)}" in container["args"]


def test_every_node_has_its_share_of_pods():
    nodes, pods = crowd.nodes(4), crowd.pods(10, 4)
    shares = Counter(pod["spec"]["nodeName"] for pod in pods)
    assert shares.keys() == {name_of(node) for node in nodes}
    assert set(shares.values()) == {2, 3}
    assert len({name_of(pod) for pod in pods}) == 10


def test_the_crowd_has_a_namespace_of_its_own():
    """Pods that nobody plays any more stay: neither the platform's namespaces nor kwok's may wait for them."""
    made = {name_of(one) for one in crowd.kwok() if one["kind"] == "Namespace"}
    others = {namespace_of(one) for one in crowd.kwok()} | {name_of(n) for n in load_objects(PLATFORM).of("Namespace")}
    assert {namespace_of(pod) for pod in crowd.pods(3, 1)} == made - others


def test_no_daemon_set_runs_on_a_fake_node():
    """200 node-exporters that answer nobody would be 200 alerts."""
    sets = load_objects(PLATFORM / "workloads").of("DaemonSet")
    wanted = [one["spec"]["template"]["spec"]["nodeSelector"].items() for one in sets]
    assert wanted
    assert not [node for node in crowd.nodes(2) for labels in wanted if labels <= labels_of(node).items()]


@pytest.mark.parametrize("count", [0, 251])
def test_more_nodes_than_a_cluster_has_addresses_for(count):
    with pytest.raises(UsageError, match="1 to 250"):
        crowd.nodes(count)
