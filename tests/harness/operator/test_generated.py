"""How the operator's objects are read. What a real operator writes is in tests/harness/observe/test_rendered_equal.py."""

import base64
import gzip
import uuid

import pytest
import yaml

from fawkes.harness.operator.generated import as_pod_reads, read_generated

CORE = {"kind": "Prometheus", "metadata": {"name": "core", "namespace": "mon"}}
MAIN = {"kind": "Alertmanager", "metadata": {"name": "main", "namespace": "mon"}}


def packed(config):
    return base64.b64encode(gzip.compress(yaml.safe_dump(config).encode())).decode()


def stateful_set(name, containers, *config_maps):
    spec = {
        "containers": [
            *containers,
            {"name": "config-reloader", "env": [{"name": "SHARD", "value": "0"}, {"name": "POD_NAME"}]},
        ],
        "volumes": [{"name": one, "configMap": {"name": one}} for one in config_maps] + [{"name": "x", "emptyDir": {}}],
    }
    template = {"metadata": {"labels": {"prometheus": "core"}}, "spec": spec}
    return {"metadata": {"name": name}, "spec": {"replicas": 2, "template": template}}


def cluster():
    containers = [
        {"name": "prometheus", "args": ["--a=1"]},
        {"name": "thanos-sidecar", "args": ["sidecar"]},
        {"name": "other"},
    ]
    rules = "prometheus-core-rulefiles-0"
    return {
        ("apps/v1", "StatefulSet", "prometheus-core"): stateful_set("prometheus-core", containers, rules, "unrelated"),
        ("v1", "Secret", "prometheus-core"): {"data": {"prometheus.yaml.gz": packed({"global": {"x": "$(POD_NAME)"}})}},
        ("v1", "ConfigMap", rules): {"data": {f"mon-alerts-{uuid.uuid4()}.yaml": "groups: []\n"}},
        ("apps/v1", "StatefulSet", "alertmanager-main"): stateful_set("alertmanager-main", [{"name": "alertmanager"}]),
        ("v1", "Secret", "alertmanager-main-generated"): {"data": {"alertmanager.yaml.gz": packed({"route": {}})}},
    }


def read(owner, objects):
    def get(api_version, kind, name, namespace):
        assert namespace == "mon"
        return objects.get((api_version, kind, name))

    return read_generated(owner, get)


def test_a_prometheus_is_read_from_its_secret_its_rule_files_and_its_stateful_set():
    assert read(CORE, cluster()) == {
        "config": {"global": {"x": "$(POD_NAME)"}},
        "rules": {"mon-alerts": {"groups": []}},
        "args": {"prometheus": ["--a=1"], "thanos-sidecar": ["sidecar"]},
        "env": {"SHARD": "0"},
        "labels": {"prometheus": "core"},
        "replicas": 2,
    }


def test_an_alertmanager_has_no_rule_files():
    made = read(MAIN, cluster())
    assert (made["config"], made["args"], "rules" in made) == ({"route": {}}, {"alertmanager": []}, False)


@pytest.mark.parametrize("missing", [key for key in cluster() if "core" in key[2]])
def test_as_long_as_a_part_is_missing_there_is_nothing(missing):
    objects = cluster()
    del objects[missing]
    assert read(CORE, objects) is None


def test_a_secret_that_is_still_empty_is_nothing():
    assert read(CORE, {**cluster(), ("v1", "Secret", "prometheus-core"): {}}) is None


def test_the_reloaders_variables_are_filled_in_wherever_they_stand():
    config = {"a": ["$(POD_NAME)", {"b": "$(SHARD);|$(OTHER)", "c": 1}]}
    read = as_pod_reads(config, {"POD_NAME": "prometheus-core-1", "SHARD": "0"})
    assert read == {"a": ["prometheus-core-1", {"b": "0;|$(OTHER)", "c": 1}]}
