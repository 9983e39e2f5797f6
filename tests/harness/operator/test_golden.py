"""Our rendering against the operator's own output (golden/main.go says how it was made)."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from fawkes.harness.operator.objects import Objects, load_objects, name_of
from fawkes.harness.operator.prometheus import prometheus_config

GOLDEN = Path(__file__).parent / "golden"
REPLICA = 1


@pytest.fixture(scope="module")
def objects(tmp_path_factory) -> Objects:
    directory = tmp_path_factory.mktemp("objects")
    (directory / "objects.yaml").write_text((GOLDEN / "objects.yaml").read_text())
    return load_objects(directory)


@pytest.fixture(scope="module")
def theirs() -> dict[str, Any]:
    """The operator leaves two variables to its config reloader, which fills them in inside the pod."""
    text = (GOLDEN / "operator.yaml").read_text()
    return yaml.safe_load(text.replace("$(POD_NAME)", f"prometheus-all-{REPLICA}").replace("$(SHARD)", "0"))


@pytest.fixture(scope="module")
def ours(objects) -> dict[str, Any]:
    return prometheus_config(objects.get("Prometheus", "mon", "all"), REPLICA, objects)


def without_discovery(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if not key.endswith("_sd_configs")}


def test_the_global_section_is_the_operators(ours, theirs):
    assert ours["global"] == theirs["global"]


def test_the_scrape_configurations_are_the_operators(ours, theirs):
    assert [one["job_name"] for one in ours["scrape_configs"]] == [one["job_name"] for one in theirs["scrape_configs"]]
    for mine, operators in zip(ours["scrape_configs"], theirs["scrape_configs"], strict=True):
        assert without_discovery(mine) == without_discovery(operators)


def test_the_alerting_section_is_the_operators(ours, theirs):
    assert ours["alerting"]["alert_relabel_configs"] == theirs["alerting"]["alert_relabel_configs"]
    for mine, operators in zip(ours["alerting"]["alertmanagers"], theirs["alerting"]["alertmanagers"], strict=True):
        assert without_discovery(mine) == without_discovery(operators)


def test_targets_come_from_the_namespaces_the_operator_discovers_in(ours, theirs, objects):
    everywhere = [name_of(one) for one in objects.of("Namespace")]
    pairs = [
        *zip(ours["scrape_configs"], theirs["scrape_configs"], strict=True),
        *zip(ours["alerting"]["alertmanagers"], theirs["alerting"]["alertmanagers"], strict=True),
    ]
    for mine, operators in pairs:
        discovery = operators["kubernetes_sd_configs"][0]
        assert discovery["role"] == "endpoints"
        namespaces = discovery.get("namespaces", {}).get("names", everywhere)
        assert mine["file_sd_configs"] == [{"files": [f"targets/{name}.json" for name in namespaces]}]


def test_nothing_else_is_there(ours, theirs):
    assert ours.keys() == theirs.keys()
