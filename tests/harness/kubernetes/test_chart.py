"""What the real helm makes of a chart with our values, and what is said when it can't."""

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import yaml

from fawkes.harness.errors import ProviderError, UsageError
from fawkes.harness.eventually import RealClock
from fawkes.harness.images import catalogue
from fawkes.harness.kubernetes.apply import apply
from fawkes.harness.kubernetes.chart import VALUES, Chart, FromChart, overrides, render_chart
from fawkes.harness.kubernetes.stack import OPERATOR_NAMESPACE
from fawkes.harness.operator.objects import Manifest, load_objects, name_of, namespace_of
from fawkes.harness.places import PLATFORM
from pod_of import pod_of
from tiny_chart import PINNED_OPERATOR, helm, write_chart

WORKLOADS = PLATFORM / "workloads"
BOTH = ("kube-state-metrics", "node-exporter")
WATCHED = ("fawkes-monitoring", "fawkes-dojo")


@pytest.fixture
def render(tmp_path) -> Callable[..., FromChart]:
    environ = {**os.environ, "HELM_CACHE_HOME": str(tmp_path / "helm")}

    def call(reference: object, version: str | None = None, **different) -> FromChart:
        wish = {"exporters": BOTH, "watched": WATCHED, "built_images": False, "kubernetes": "v1.34.3", **different}
        return render_chart(Chart(str(reference), version), helm(), environ=environ, **wish)

    return call


def names(manifests: tuple[Manifest, ...]) -> list[str]:
    return [f"{m['kind']} {namespace_of(m)}/{name_of(m)}" for m in manifests]


def one(manifests: tuple[Manifest, ...], kind: str, name: str) -> Manifest:
    (found,) = [m for m in manifests if m["kind"] == kind and name_of(m) == name]
    return found


@pytest.mark.slow
class TestAChartOnDisk:
    def test_its_objects_come_apart_by_how_long_they_stay(self, render, tmp_path):
        got = render(write_chart(tmp_path))

        assert names(got.operator) == [
            f"Namespace /{OPERATOR_NAMESPACE}",
            "CustomResourceDefinition /prometheuses.monitoring.coreos.com",
            f"Deployment {OPERATOR_NAMESPACE}/prometheus-operator",
        ]
        # Without its Service, which is ours, and without hooks.
        assert names(got.platform) == ["Deployment fawkes-monitoring/kube-state-metrics"]

    def test_it_gets_our_values_and_those_of_the_cluster(self, render, tmp_path):
        got = render(write_chart(tmp_path), built_images=True)

        told = one(got.operator, "Deployment", "prometheus-operator")["metadata"]["annotations"]
        assert told == {
            "webhooks": "false",
            "watched": "fawkes-monitoring,fawkes-dojo",
            "image": catalogue.reference("prometheus-operator"),
        }

    def test_its_own_images_are_left_alone(self, render, tmp_path):
        told = one(render(write_chart(tmp_path)).operator, "Deployment", "prometheus-operator")["metadata"]
        assert "image" not in told["annotations"]

    def test_an_exporter_that_is_not_wanted_is_not_there(self, render, tmp_path):
        assert not render(write_chart(tmp_path), exporters=["node-exporter"]).platform

    def test_grafana_comes_by_a_switch(self, render, tmp_path):
        assert "Deployment fawkes-monitoring/grafana" in names(render(write_chart(tmp_path), grafana=True).platform)

    def test_it_is_for_the_version_of_kubernetes_that_is_given(self, render, tmp_path):
        asks = 'apiVersion: v2\nname: tiny\nversion: 77.0.0\nkubeVersion: ">=1.25.0-0"\n'
        chart = write_chart(tmp_path, **{"Chart.yaml": asks})

        assert render(chart, kubernetes="v1.25.0").operator
        with pytest.raises(UsageError, match=r"incompatible with Kubernetes v1\.24\.9"):
            render(chart, kubernetes="v1.24.9")

    def test_an_archive_is_as_good_as_a_directory(self, render, tmp_path):
        chart = write_chart(tmp_path)
        subprocess.run([helm(), "package", chart, "--destination", tmp_path], check=True, capture_output=True)

        assert render(tmp_path / "tiny-77.0.0.tgz") == render(chart)


@pytest.fixture
def repository(tmp_path) -> Iterator[str]:
    """The address of a real one, with the chart in version 77.0.0."""
    about = {"Chart.yaml": "apiVersion: v2\nname: kube-prometheus-stack\nversion: 77.0.0\n"}
    served = tmp_path / "served"
    for words in (["package", write_chart(tmp_path, **about), "--destination", served], ["repo", "index", served]):
        subprocess.run([helm(), *words], check=True, capture_output=True)
    handler = partial(QuietHandler, directory=str(served))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args) -> None:
        pass


@pytest.mark.slow
class TestAChartInARepository:
    def test_it_is_fetched(self, render, repository, tmp_path):
        assert render(repository, "77.0.0") == render(tmp_path / "tiny")

    def test_its_archive_is_fetched(self, render, repository, tmp_path):
        assert render(f"{repository}/kube-prometheus-stack-77.0.0.tgz") == render(tmp_path / "tiny")

    def test_a_version_that_it_does_not_have(self, render, repository):
        with pytest.raises(ProviderError, match=r"(?s)88\.1\.0.*not found.*use --stack operator"):
            render(repository, "88.1.0")


@pytest.mark.slow
class TestWhatCanNotBeUsed:
    def test_a_chart_that_refuses_the_values(self, render, tmp_path):
        schema = {"properties": {"grafana": {"properties": {"enabled": {"const": True}}}}}
        chart = write_chart(tmp_path, **{"values.schema.json": json.dumps(schema)})

        with pytest.raises(UsageError, match=r"(?s)grafana.*values\.yaml, is wrong"):
            render(chart)

    def test_a_chart_whose_template_fails(self, render, tmp_path):
        chart = write_chart(tmp_path, **{"templates/fails.yaml": '{{ fail "not with these" }}'})

        with pytest.raises(UsageError, match="not with these"):
            render(chart)

    def test_a_chart_without_the_charts_it_is_made_of(self, render, tmp_path):
        needs = "dependencies: [{name: grafana, version: 1.0.0, repository: 'https://charts.invalid'}]\n"
        chart = write_chart(tmp_path, **{"Chart.yaml": f"apiVersion: v2\nname: tiny\nversion: 77.0.0\n{needs}"})

        with pytest.raises(UsageError, match=f"helm dependency build {chart}"):
            render(chart)

    def test_another_chart(self, render, tmp_path):
        with pytest.raises(UsageError, match="is it kube-prometheus-stack"):
            render(write_chart(tmp_path, **{"templates/operator.yaml": ""}))

    def test_what_is_no_yaml(self, render, tmp_path):
        # helm itself lets a kind pass that isn't the last key.
        chart = write_chart(tmp_path, **{"crds/broken.yaml": "kind: X\na: [\n"})

        with pytest.raises(UsageError, match="makes no YAML"):
            render(chart)

    def test_crds_of_another_operator_than_the_image_that_is_built(self, render, tmp_path):
        with pytest.raises(UsageError, match=rf"is for operator 0\.93\.0.*holds {PINNED_OPERATOR}"):
            render(write_chart(tmp_path, "0.93.0"), built_images=True)

        assert render(write_chart(tmp_path, "0.93.0"), built_images=False).operator

    def test_grafana_where_no_image_can_be_pulled(self, render, tmp_path):
        with pytest.raises(UsageError, match="leave out --grafana"):
            render(write_chart(tmp_path), built_images=True, grafana=True)


@pytest.mark.slow
@pytest.mark.parametrize("reference", ["oci://127.0.0.1:{port}/charts/it", "http://127.0.0.1:{port}/charts"])
def test_a_registry_that_does_not_answer(render, reference):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(ProviderError, match=r"(?s)connection refused.*use --stack operator"):
        render(reference.format(port=port), version="77.14.0")


@pytest.mark.parametrize(
    ("reference", "arguments"),
    [
        ("oci://registry.invalid/charts/x", ["oci://registry.invalid/charts/x", "--version", "88.1.0"]),
        (
            "https://charts.invalid",
            ["kube-prometheus-stack", "--repo", "https://charts.invalid", "--version", "88.1.0"],
        ),
        ("community/kube-prometheus-stack", ["community/kube-prometheus-stack", "--version", "88.1.0"]),
    ],
)
def test_a_reference_is_given_to_helm_as_it_wants_it(reference, arguments):
    assert Chart(reference, "88.1.0").arguments() == arguments


@pytest.mark.parametrize("reference", ["/nowhere/kube-prometheus-stack", "./nowhere", "nowhere"])
def test_a_path_that_is_not_there(reference):
    with pytest.raises(UsageError, match="there is no chart at"):
        Chart(reference).arguments()


def test_a_path_has_its_own_version(tmp_path):
    with pytest.raises(UsageError, match="leave out --chart-version 88"):
        Chart(str(tmp_path), "88").arguments()


def test_an_archive_at_an_address_has_its_own_version():
    assert Chart("https://charts.invalid/it-88.1.0.tgz").arguments() == ["https://charts.invalid/it-88.1.0.tgz"]


def test_the_images_of_the_overrides_are_those_that_are_built():
    values = overrides(watched=[], exporters=BOTH, built_images=True, grafana=False)
    told = [
        values["prometheusOperator"]["image"],
        values["prometheusOperator"]["prometheusConfigReloader"]["image"],
        values["prometheusOperator"]["thanosImage"],
        values["kube-state-metrics"]["image"],
        values["prometheus-node-exporter"]["image"],
    ]
    parts = ("prometheus-operator", "prometheus-config-reloader", "thanos", "kube-state-metrics", "node-exporter")
    assert [f"{i['registry']}/{i['repository']}:{i['tag']}" for i in told] == [catalogue.reference(p) for p in parts]


def test_nothing_is_overridden_that_values_yaml_decides():
    """Two files that say different things of one value: whoever reads values.yaml would be misled."""

    def leaves(value: object, path: str = "") -> set[str]:
        if not isinstance(value, dict):
            return {path}
        return {leaf for key, below in value.items() for leaf in leaves(below, f"{path}.{key}")}

    ours = overrides(watched=WATCHED, exporters=BOTH, built_images=True, grafana=True)
    assert leaves(ours) & leaves(yaml.safe_load(VALUES.read_text())) == {".grafana.enabled"}


def test_the_chart_starts_the_exporters_as_we_do():
    """Or their series would differ by who installed them."""
    values, ours = yaml.safe_load(VALUES.read_text()), load_objects(WORKLOADS)
    state, node = (container(one) for one in exporters(ours))

    told = values["kube-state-metrics"]
    assert f"--resources={','.join(told['collectors'])}" in state["args"]
    assert told["resources"] == state["resources"]
    assert set(values["prometheus-node-exporter"]["extraArgs"]) < set(node["args"])
    assert values["prometheus-node-exporter"]["resources"] == node["resources"]


def exporters(manifests) -> list[Manifest]:
    """kube-state-metrics, node-exporter."""
    found = [m for m in manifests if m["kind"] in ("Deployment", "DaemonSet") and name_of(m) in BOTH]
    return sorted(found, key=name_of)


def container(workload: Manifest) -> dict:
    (only,) = workload["spec"]["template"]["spec"]["containers"]
    return only


@pytest.mark.slow
@pytest.mark.skipif("FAWKES_CHART" not in os.environ, reason="FAWKES_CHART names no kube-prometheus-stack on this disk")
class TestTheRealChart:
    @pytest.fixture(params=["the chart's images", "ours"])
    def got(self, request, render) -> FromChart:
        reference, built = os.environ["FAWKES_CHART"], request.param == "ours"
        try:
            return render(reference, built_images=built)
        except UsageError as error:
            if built and "is for operator" in str(error):
                pytest.skip(str(error))
            raise

    def test_of_the_operators_objects_it_brings_only_their_definitions(self, got):
        everything = (*got.operator, *got.platform)
        assert not [m for m in everything if m["apiVersion"].startswith("monitoring.coreos.com/")]
        assert not [m for m in everything if m["kind"].endswith("WebhookConfiguration")]
        assert sum(m["kind"] == "CustomResourceDefinition" for m in got.operator) >= 10

    def test_it_stays_in_its_namespaces(self, got):
        assert {namespace_of(m) for m in got.operator} == {"", OPERATOR_NAMESPACE}
        assert {namespace_of(m) for m in got.platform} == {"fawkes-monitoring", "fawkes-nodes"}

    def test_the_operator_watches_our_namespaces_without_certificates(self, got):
        args = container(one(got.operator, "Deployment", "prometheus-operator"))["args"]
        assert f"--namespaces={','.join(WATCHED)}" in args
        assert not [arg for arg in args if arg.startswith(("--web.enable-tls", "--kubelet-service"))]

    def test_targets_are_named_and_labelled_as_with_our_own_exporters(self, got):
        ours = load_objects(WORKLOADS)
        for theirs, own in zip(exporters(got.platform), exporters(ours), strict=True):
            assert (name_of(theirs), namespace_of(theirs)) == (name_of(own), namespace_of(own))
            assert container(theirs)["name"] == container(own)["name"]
            assert port(theirs, "http") == port(own, "http")
            pods = [one["spec"]["template"]["spec"] for one in (theirs, own)]
            assert pods[0].get("hostNetwork", False) == pods[1].get("hostNetwork", False)

    def test_our_services_find_its_exporters(self, got):
        services = load_objects(PLATFORM)
        for exporter in exporters(got.platform):
            service = services.get("Service", namespace_of(exporter), name_of(exporter))
            labels = exporter["spec"]["template"]["metadata"]["labels"]
            assert service["spec"]["selector"].items() <= labels.items()
            assert port(exporter, service["spec"]["ports"][0]["targetPort"])

    @pytest.mark.cluster
    def test_an_api_server_takes_it_and_its_pods(self, got, api):
        """A server judges by Pod Security what a workload's controller would make."""
        apply(api, [*got.operator[:1], *load_objects(PLATFORM).of("Namespace")], clock=RealClock())
        workloads = [m for m in (*got.operator, *got.platform) if m["kind"] in ("Deployment", "DaemonSet")]
        assert len(workloads) == 3
        for one in workloads:
            api.apply(one, dry_run=True)
            api.apply(pod_of(one, namespace_of(one)), dry_run=True)

    def test_its_exporters_replace_ours(self, got):
        workloads = got.among(load_objects(WORKLOADS))
        assert [m in got.platform for m in exporters(workloads)] == [True, True]
        assert workloads.get("Deployment", "fawkes-monitoring", "thanos-query")


def port(workload: Manifest, name: str) -> int:
    return next(one["containerPort"] for one in container(workload)["ports"] if one["name"] == name)
