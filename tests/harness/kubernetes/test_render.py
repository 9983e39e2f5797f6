"""What is printed is what would be applied, and an API server takes it; nothing in it is a password."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fawkes.harness.errors import UsageError
from fawkes.harness.eventually import RealClock
from fawkes.harness.kubernetes.apply import apply
from fawkes.harness.kubernetes.chart import Chart
from fawkes.harness.kubernetes.documents import read_documents
from fawkes.harness.kubernetes.render import as_yaml, with_chart, with_operator
from fawkes.harness.operator.objects import Manifest, Objects, display_name, name_of, namespace_of
from tiny_chart import helm, write_chart

pytestmark = pytest.mark.slow

Render = Callable[..., list[Manifest]]


@pytest.fixture(scope="module")
def from_operator(bundle: Path) -> Render:
    def render(*parts: str) -> list[Manifest]:
        return with_operator(parts, environ=os.environ, clock=RealClock(), progress=lambda _: None)

    return render


@pytest.fixture(scope="module")
def whole(from_operator: Render) -> list[Manifest]:
    return from_operator()


@pytest.fixture
def from_chart(tmp_path) -> Render:
    def render(*parts: str, grafana: bool = False) -> list[Manifest]:
        environ = {**os.environ, "FAWKES_BIN_HELM": str(helm())}
        chart = Chart(str(write_chart(tmp_path)))
        return with_chart(parts, chart, built_images=False, grafana=grafana, environ=environ, progress=lambda _: None)

    return render


@pytest.mark.cluster
def test_an_api_server_takes_what_is_printed(whole, api):
    printed = read_documents(as_yaml(whole))

    assert printed == whole
    apply(api, printed, clock=RealClock())
    assert api.get("monitoring.coreos.com/v1", "Prometheus", "core", "fawkes-monitoring")


def test_what_others_need_comes_first(whole):
    names = [display_name(one) for one in whole]
    for place, manifest in enumerate(whole):
        if namespace_of(manifest):
            assert names.index(f"Namespace /{namespace_of(manifest)}") < place
    definitions = [place for place, one in enumerate(whole) if one["kind"] == "CustomResourceDefinition"]
    theirs = [place for place, one in enumerate(whole) if one["apiVersion"].startswith("monitoring.coreos.com/")]
    assert max(definitions) < min(theirs)


def test_secrets_are_placeholders(whole):
    found = {display_name(m): m["stringData"] for m in whole if m["kind"] == "Secret"}

    assert found["Secret fawkes-platform/postgres-credentials"] == {"password": "RANDOM-PER-RUN-postgres-password"}
    made = [name for name in found if name.endswith(("credentials", "dora-config"))]
    assert len(made) == 6
    for name in made:
        assert all("PER-RUN-" in value for value in found[name].values())


def test_only_the_parts_that_are_wanted_and_what_they_need(from_operator):
    few = Objects(tuple(from_operator("alertmanager-main")))

    assert few.get("Alertmanager", "fawkes-monitoring", "main")
    assert few.get("Deployment", "fawkes-operator", "prometheus-operator")
    assert not few.of("Prometheus")
    assert not few.of("DaemonSet")


def test_a_part_that_there_is_not(from_operator):
    with pytest.raises(UsageError, match="did you mean 'dora'"):
        from_operator("dorra")


def test_the_platform_is_the_same_whoever_brings_the_operator(whole, from_chart):
    """But for what the chart brings."""

    def ours(manifests: list[Manifest]) -> list[Manifest]:
        theirs = ("", "fawkes-operator", "fawkes-nodes")
        return [m for m in manifests if namespace_of(m) not in theirs and name_of(m) != "kube-state-metrics"]

    assert ours(from_chart()) == ours(whole)


def test_the_charts_exporter_comes_instead_of_ours(from_chart):
    (one,) = [m for m in from_chart() if m["kind"] == "Deployment" and name_of(m) == "kube-state-metrics"]
    assert "spec" not in one  # the tiny chart's has none


def test_an_exporter_that_is_not_wanted_is_not_taken_from_the_chart(from_chart):
    assert not [m for m in from_chart("dora") if m["kind"] == "Deployment" and name_of(m) == "kube-state-metrics"]


def test_grafana_comes_with_its_secret(from_chart):
    names = [display_name(m) for m in from_chart(grafana=True)]
    assert names.index("Secret fawkes-monitoring/grafana-admin") < names.index("Deployment fawkes-monitoring/grafana")


def test_text_stays_text_for_yaml_1_2():
    """kubectl takes 1e3 for a number, PyYAML doesn't."""
    assert as_yaml([{"a": "1e3", "b": "yes", "c": "="}]) == "---\na: \"1e3\"\nb: 'yes'\nc: '='\n"


def test_text_of_several_lines_can_be_read():
    assert as_yaml([{"rules": "first\n  second\n"}]) == "---\nrules: |\n  first\n    second\n"
