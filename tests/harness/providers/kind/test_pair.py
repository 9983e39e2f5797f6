"""Which of two clusters gets what: objects by their namespace, parts by where they were placed."""

import pytest
import yaml

from fawkes.harness.errors import ProviderError
from fawkes.harness.eventually import RealClock
from fawkes.harness.images.docker import Docker
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.kubernetes.node_ports import NodePorts
from fawkes.harness.kubernetes.whereabouts import Whereabouts
from fawkes.harness.operator.objects import display_name, load_objects, namespace_of
from fawkes.harness.places import PLATFORM, WORKLOADS
from fawkes.harness.providers.kind.cluster import Cluster
from fawkes.harness.providers.kind.pair import DOJO, Pair, PairReach, _apart
from fawkes.harness.providers.kind.provider import KindProvider
from fawkes.harness.providers.kind.record import Record

ALL = [*load_objects(PLATFORM), *load_objects(WORKLOADS)]


def test_the_dojos_objects_go_there_and_all_others_to_the_platform():
    here, there = _apart(ALL)
    assert {namespace_of(one) for one in there} == {DOJO, ""}
    assert DOJO not in {namespace_of(one) for one in here}
    assert [one["metadata"]["name"] for one in there if one["kind"] == "Namespace"] == [DOJO]
    assert DOJO not in [one["metadata"]["name"] for one in here if one["kind"] == "Namespace"]


def test_nothing_is_forgotten_and_only_what_has_no_namespace_is_in_both():
    here, there = ({display_name(one) for one in some} for some in _apart(ALL))
    assert here | there == {display_name(one) for one in ALL}
    both = {display_name(one) for one in ALL if not namespace_of(one) and one["kind"] != "Namespace"}
    assert both
    assert here & there == both


@pytest.fixture
def reach():
    made = PairReach(NodePorts({30100: 41000}), NodePorts({30100: 42000, 30101: 42001}))
    made.placed(["learner-0"])
    return made


def test_each_part_is_reached_by_the_node_of_its_own_cluster(reach):
    assert reach.address("core-0", "http") == "127.0.0.1:41000"
    assert reach.address("learner-0", "http") == "127.0.0.1:42000"
    assert reach.address("learner-0", "grpc") == "127.0.0.1:42001"
    (service,) = reach.manifests("learner-0", Whereabouts(DOJO, {"part": "x"}, "x", {"http": "web", "grpc": "grpc"}))
    assert [one["nodePort"] for one in service["spec"]["ports"]] == [30100, 30101]


def test_the_ports_of_one_cluster_are_no_ports_of_the_other(reach):
    reach.address("core-0", "http")
    with pytest.raises(ProviderError, match="no port is left for other-0"):
        reach.address("other-0", "http")


def test_a_port_of_the_node_is_the_one_that_leads_to_the_part():
    ports = NodePorts({30100: 42000, 30101: 42001})
    assert ports.node_port("learner-0", "grpc") == 30100
    assert ports.host_port("learner-0", "grpc") == 42000


def test_volumes_are_claimed_ahead_on_the_node_of_the_cluster_that_their_pods_are_in(tmp_path, reach):
    """No server is asked for that."""
    kubeconfig = tmp_path / "config"
    user = {"name": "it", "user": {"token": "none"}}
    server = {"name": "it", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "it", "context": {"cluster": "it", "user": "it"}}
    lists = {"clusters": [server], "contexts": [context], "users": [user]}
    kubeconfig.write_text(yaml.safe_dump({**lists, "current-context": "it"}))

    def cluster(name):
        record = Record(name, name, None, "image", "services.tar", "kind", "kubectl")
        return Cluster(name, kubeconfig, f"{name}-node", {}, Docker("docker", {}), record)

    api, made = Api(kubeconfig), {"binaries": {}, "clock": RealClock()}
    here, there = cluster("here"), cluster("there")
    dojo = KindProvider(api, there, reach=NodePorts({}), **made)
    pair = Pair(api, here, reach=reach, dojo=dojo, dojo_cluster=there, **made)
    nodes = {(namespace_of(one), *one["metadata"]["annotations"].values()) for one in pair.claims_ahead(ALL)}
    api.close()
    assert {node for space, node in nodes if space == DOJO} == {"there-node"}
    assert {node for space, node in nodes if space != DOJO} == {"here-node"}
