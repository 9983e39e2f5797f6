"""What the local provider would run, in the operator's words."""

import pytest

from fawkes.harness.assembly import assemble
from fawkes.harness.errors import UsageError
from fawkes.harness.inventory import with_replicas
from fawkes.harness.local_rendering import _Imagined, flags, local_rendering
from fawkes.harness.operator.objects import load_objects, name_of
from fawkes.harness.places import PLATFORM, WORKLOADS

OBJECTS = load_objects(PLATFORM)


@pytest.fixture(scope="module")
def rendered():
    return local_rendering(with_replicas(OBJECTS, {"alertmanager-main": 2}))


def test_every_replica_is_there(rendered):
    assert set(rendered) == {
        *("prometheus-core-0", "prometheus-core-1", "prometheus-apps-0", "prometheus-learner-0"),
        *("alertmanager-main-0", "alertmanager-main-1"),
    }


def test_addresses_and_files_are_those_of_a_pod(rendered):
    core, main = rendered["prometheus-core-1"]["flags"], rendered["alertmanager-main-1"]["flags"]["alertmanager"]
    assert core["prometheus"]["storage.tsdb.path"] == core["thanos-sidecar"]["tsdb.path"] == "/prometheus"
    assert core["thanos-sidecar"]["prometheus.url"] == "http://localhost:9090/"
    assert core["thanos-sidecar"]["sidecar"] is True
    assert main["cluster.peer"] == [f"alertmanager-main-{replica}.alertmanager-operated:9094" for replica in (0, 1)]
    assert main["cluster.listen-address"] == "[$(POD_IP)]:9094"


def test_discovery_is_in_the_namespaces_whose_files_are_read(rendered):
    jobs = {job["job_name"]: job for job in rendered["prometheus-core-0"]["config"]["scrape_configs"]}
    found = jobs["serviceMonitor/fawkes-monitoring/thanos/0"]["kubernetes_sd_configs"]
    assert found == [{"role": "endpoints", "namespaces": {"names": ["fawkes-monitoring", "fawkes-dojo"]}}]


def test_nothing_of_this_machine_is_left_but_what_is_meant_to_differ(rendered):
    def texts(value):
        if isinstance(value, dict | list):
            for one in value.values() if isinstance(value, dict) else value:
                yield from texts(one)
        else:
            yield str(value)

    left = {text for tree in rendered.values() for text in texts(tree) if "127.0.0.1" in text or "/of-the-run" in text}
    local = {tree["flags"]["thanos-sidecar"]["objstore.config-file"] for pod, tree in rendered.items() if "prom" in pod}
    settings = rendered["alertmanager-main-0"]["config"]["global"]
    local |= {settings["smtp_smarthost"], settings["pagerduty_url"]}
    local |= {
        tree["flags"]["alertmanager"]["cluster.advertise-address"] for pod, tree in rendered.items() if "alert" in pod
    }
    assert left <= local


def test_what_cannot_be_rendered_is_refused_here_too():
    broken = OBJECTS.edit("Prometheus", "fawkes-dojo", "learner", lambda one: one["spec"].update(remoteWrite=[]))
    with pytest.raises(UsageError, match="remoteWrite"):
        local_rendering(broken)


def test_flags_are_told_by_name():
    assert flags(["sidecar", "--a=1", "--b", "--c=2=3", "--d=", "--e=y", "--e=x"]) == {
        "sidecar": True,
        "a": "1",
        "b": True,
        "c": "2=3",
        "d": "",
        "e": ["x", "y"],
    }


PLACES = {"data-dir", "objstore.config-file", "http-address", "grpc-address", "endpoint"}
"""Where a part of Thanos keeps its data, listens and finds others."""
SIZES = {"chunk-pool-size", "index-cache-size", "index-cache.config"}
"""Smaller here; the test data is a few megabytes."""
INTERVALS = {"sync-block-duration", "wait-interval", "store.sd-dns-interval"}
"""How often it looks for blocks and for neighbours; what waits for a block waits for this."""
OF_THANOS = [
    one
    for one in load_objects(WORKLOADS)
    if one["kind"] in ("Deployment", "StatefulSet") and name_of(one).startswith("thanos")
]


@pytest.mark.parametrize("workload", OF_THANOS, ids=name_of)
def test_the_other_parts_of_thanos_are_told_the_same_on_a_cluster(workload):
    """Retention, downsampling, replica labels. No operator makes these parts, so each is written down twice."""
    parts = {part.name: part for part in assemble(_Imagined(OBJECTS).plan, [])}
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    theirs, ours = flags(container["args"]), flags(parts[f"{name_of(workload)}-0"].argv[1:])
    assert PLACES & theirs.keys() == PLACES & ours.keys()
    known = PLACES | SIZES | INTERVALS
    assert {one: value for one, value in theirs.items() if one not in known} == {
        one: value for one, value in ours.items() if one not in known
    }


def test_thanos_query_leaves_out_the_label_by_which_replicas_differ(rendered):
    (query,) = [one for one in OF_THANOS if name_of(one) == "thanos-query"]
    (container,) = query["spec"]["template"]["spec"]["containers"]
    labels = [rendered[f"prometheus-core-{replica}"]["config"]["global"]["external_labels"] for replica in (0, 1)]
    differ = {name for name in labels[0] if labels[0][name] != labels[1][name]}
    assert differ == {"prometheus_replica"}
    assert differ <= set(flags(container["args"])["query.replica-label"])
