"""What the local provider would run, in the operator's words."""

import pytest

from fawkes.harness.errors import UsageError
from fawkes.harness.inventory import with_replicas
from fawkes.harness.local_rendering import flags, local_rendering
from fawkes.harness.operator.objects import load_objects
from fawkes.harness.places import PLATFORM

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
