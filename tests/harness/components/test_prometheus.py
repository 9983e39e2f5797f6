from pathlib import Path

import pytest

import fawkes.fixtures
from fawkes.harness.components.prometheus import operator_settings, prometheus
from fawkes.harness.operator.objects import load_objects

PLATFORM = load_objects(Path(fawkes.fixtures.__file__).parent / "platform")


def spec_of(namespace, name):
    return PLATFORM.get("Prometheus", namespace, name)["spec"]


def part(spec):
    return prometheus(
        "prometheus-core-1",
        binary=Path("/opt/prometheus"),
        directory=Path("/run/part"),
        ports={"http": 4090},
        spec=spec,
        config="global: {}\n",
        rule_files={"rules/r.yaml": "groups: []\n"},
        target_files={"targets/ns.json": "[]"},
    )


def test_the_part_is_a_replica_of_its_app_with_its_files_beside_it():
    made = part(spec_of("fawkes-monitoring", "core"))
    assert (made.name, made.app, made.ready.path) == ("prometheus-core-1", "prometheus-core", "/-/ready")
    assert made.files == {
        "prometheus.yml": "global: {}\n",
        "rules/r.yaml": "groups: []\n",
        "targets/ns.json": "[]",
    }


def test_flags_are_the_operators_and_those_a_local_process_needs():
    made = part(spec_of("fawkes-monitoring", "core"))
    assert set(made.argv) == {
        "/opt/prometheus",
        "--config.file=/run/part/prometheus.yml",
        "--web.enable-lifecycle",
        "--web.route-prefix=/",
        "--storage.tsdb.retention.time=30d",
        "--storage.tsdb.retention.size=50GB",
        "--storage.tsdb.max-block-duration=2h",
        "--storage.tsdb.min-block-duration=2h",
        "--storage.tsdb.path=/run/part/data",
        "--web.listen-address=127.0.0.1:4090",
        "--scrape.discovery-reload-interval=100ms",
    }


@pytest.mark.parametrize(
    ("namespace", "name", "retention"),
    [("fawkes-monitoring", "core", "30d"), ("fawkes-monitoring", "apps", "15d"), ("fawkes-dojo", "learner", "7d")],
)
def test_local_retention_is_what_the_adr_promises(namespace, name, retention):
    assert operator_settings(spec_of(namespace, name))["storage.tsdb.retention.time"] == retention


def test_retention_defaults_only_where_neither_time_nor_size_is_given():
    assert operator_settings({}) == {"storage.tsdb.retention.time": "24h"}
    assert operator_settings({"retentionSize": "1GB"}) == {"storage.tsdb.retention.size": "1GB"}


def test_a_prometheus_whose_sidecar_uploads_nothing_may_compact():
    assert "storage.tsdb.max-block-duration" not in operator_settings({"thanos": {}})


def test_blocks_may_be_of_another_size():
    """The field is called blockSize, whatever the flags are called."""
    thanos = {"objectStorageConfig": {}, "blockSize": "1h"}
    settings = operator_settings({"thanos": thanos})
    assert settings["storage.tsdb.min-block-duration"] == settings["storage.tsdb.max-block-duration"] == "1h"


def test_what_the_operator_takes_for_not_set_is_no_flag():
    settings = operator_settings({"query": {"maxConcurrency": 1, "maxSamples": 0}})
    assert not [flag for flag in settings if flag.startswith("query.")]
    assert operator_settings({"query": {"maxConcurrency": 2}})["query.max-concurrency"] == "2"


def test_other_settings_become_flags_too():
    spec = {
        "retention": "1d",
        "enableFeatures": ["a", "b"],
        "query": {"lookbackDelta": "1m", "maxSamples": 10},
        "enableRemoteWriteReceiver": True,
    }
    assert operator_settings(spec) == {
        "storage.tsdb.retention.time": "1d",
        "enable-feature": "a,b",
        "query.lookback-delta": "1m",
        "query.max-samples": "10",
    }
    assert "--web.enable-remote-write-receiver" in part(spec).argv
