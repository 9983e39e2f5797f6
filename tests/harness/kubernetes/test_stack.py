import contextlib
import os

import pytest

from fawkes.harness.errors import ProviderError
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.images.catalogue import reference
from fawkes.harness.kubernetes.apply import apply
from fawkes.harness.kubernetes.claims import claims
from fawkes.harness.kubernetes.stack import OPERATOR_NAMESPACE, install_operator, operator_manifests
from fawkes.harness.operator.objects import load_objects, name_of, namespace_of
from fawkes.harness.places import PLATFORM
from fawkes.harness.toolchain import cache_directory, find, pins
from free_ports import free_ports
from pod_of import pod_of

WATCHED = [name_of(one) for one in load_objects(PLATFORM).of("Namespace")]


@pytest.fixture(scope="module")
def manifests(bundle):
    return operator_manifests(bundle, WATCHED)


@pytest.fixture(scope="module")
def applied(api, manifests):
    objects = [*load_objects(PLATFORM), *load_objects(PLATFORM / "workloads")]
    apply(api, [*manifests, *objects], clock=RealClock())
    return [*manifests, *objects]


@pytest.fixture(scope="module")
def operator(plane, manifests):
    """The operator as a process, told what its pod would be told."""
    binary = find("prometheus-operator", environ=os.environ, cache_dir=cache_directory(os.environ))
    (container,) = deployment(manifests)["spec"]["template"]["spec"]["containers"]
    (port,) = free_ports(1)
    with plane.running(str(binary.path), *container["args"], f"--web.listen-address=127.0.0.1:{port}"):
        yield


def deployment(manifests):
    (found,) = [one for one in manifests if one["kind"] == "Deployment"]
    return found


@pytest.mark.slow
class TestManifests:
    def test_hold_every_definition_of_the_operator(self, manifests):
        names = {one["spec"]["names"]["kind"] for one in manifests if one["kind"] == "CustomResourceDefinition"}
        assert {"Prometheus", "Alertmanager", "ThanosRuler", "ServiceMonitor", "PodMonitor", "PrometheusRule"} <= names

    def test_stand_in_a_namespace_of_their_own(self, manifests):
        assert {namespace_of(one) for one in manifests} == {"", OPERATOR_NAMESPACE}
        assert [name_of(one) for one in manifests if one["kind"] == "Namespace"] == [OPERATOR_NAMESPACE]
        (binding,) = [one for one in manifests if one["kind"] == "ClusterRoleBinding"]
        assert [subject["namespace"] for subject in binding["subjects"]] == [OPERATOR_NAMESPACE]

    def test_start_the_pinned_images(self, manifests):
        (container,) = deployment(manifests)["spec"]["template"]["spec"]["containers"]
        assert container["image"] == reference("prometheus-operator")
        assert f"--prometheus-config-reloader={reference('prometheus-config-reloader')}" in container["args"]
        assert container["image"].endswith(f":v{pins()['prometheus-operator'].version}")

    def test_watch_the_platforms_namespaces_and_leave_the_kubelets_alone(self, manifests):
        (container,) = deployment(manifests)["spec"]["template"]["spec"]["containers"]
        assert f"--namespaces={','.join(sorted(WATCHED))}" in container["args"]
        assert not [arg for arg in container["args"] if "kubelet" in arg]

    def test_have_probes_and_small_requests(self, manifests):
        (container,) = deployment(manifests)["spec"]["template"]["spec"]["containers"]
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)
        assert container["resources"]["requests"]["cpu"] == "20m"


@pytest.mark.cluster
@pytest.mark.slow
class TestOnAServer:
    """Everything that ships, on a real API server: its schemas, the operator's definitions, Pod Security."""

    def test_is_taken_as_it_is(self, api, applied):
        for one in applied:
            found = api.get(one["apiVersion"], one["kind"], name_of(one), namespace_of(one))
            assert found is not None, name_of(one)

    def test_pods_satisfy_the_pod_security_of_their_namespaces(self, api, applied):
        """An API server judges Pods and only warns of what makes them."""
        templates = [one for one in applied if one["kind"] in ("Deployment", "StatefulSet", "DaemonSet")]
        assert len(templates) == 11
        for one in templates:
            api.apply(pod_of(one, namespace_of(one)), dry_run=True)
        (node_exporter,) = [one for one in templates if name_of(one) == "node-exporter"]
        with pytest.raises(ProviderError, match=r"violates PodSecurity \"restricted:latest\": host namespaces"):
            api.apply(pod_of(node_exporter, "fawkes-monitoring"), dry_run=True)

    def test_so_do_the_pods_that_the_operator_makes(self, api, applied, operator):
        """Of objects whose Secrets are all there; without a node they only wait."""
        apply(api, list(_secrets()), clock=RealClock())
        expected = {"prometheus-core-0", "prometheus-core-1", "prometheus-apps-0", "prometheus-learner-0"}
        expected |= {"alertmanager-main-0"}

        def pods():
            found = [*api.list("v1", "Pod", "fawkes-monitoring"), *api.list("v1", "Pod", "fawkes-dojo")]
            return {name_of(one): one["spec"]["containers"] for one in found}

        made = eventually("pods", pods, lambda names: expected <= set(names), within_s=60, clock=RealClock())
        (alertmanager,) = [one for one in made["alertmanager-main-0"] if one["name"] == "alertmanager"]
        assert alertmanager["startupProbe"]["periodSeconds"] == 1
        asked = {name: alertmanager["readinessProbe"][name] for name in ("initialDelaySeconds", "httpGet")}
        assert asked == {"initialDelaySeconds": 1, "httpGet": alertmanager["startupProbe"]["httpGet"]}
        for name in expected - {"alertmanager-main-0"}:
            for container in made[name]:
                assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container), container["name"]
                assert "memory" in container["resources"]["limits"], container["name"]
            (prometheus,) = [one for one in made[name] if one["name"] == "prometheus"]
            assert prometheus["startupProbe"]["periodSeconds"] == 1
            assert prometheus["startupProbe"]["httpGet"]["path"] == "/-/ready"

    @pytest.mark.usefixtures("operator")
    def test_the_volumes_that_are_claimed_ahead_are_those_that_all_of_these_claim(self, api, applied):
        def sizes(manifests):
            return {
                (namespace_of(one), name_of(one)): one["spec"]["resources"]["requests"]["storage"] for one in manifests
            }

        ahead = sizes(claims(applied, "node"))
        assert len(ahead) == 10
        eventually(
            "the same claims",
            lambda: sizes(one for one in api.list("v1", "PersistentVolumeClaim") if namespace_of(one) in WATCHED),
            lambda made: made == ahead,
            within_s=60,
            clock=RealClock(),
        )


def _secrets():
    """What an installer would make for the operator's pods."""
    for namespace, name, keys in (
        ("fawkes-monitoring", "notification-credentials", ("mattermost-url", "smtp-authority")),
        ("fawkes-monitoring", "thanos-objstore-core-credentials", ("credentials",)),
        ("fawkes-dojo", "thanos-objstore-learner-credentials", ("credentials",)),
    ):
        metadata = {"name": name, "namespace": namespace}
        yield {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": dict.fromkeys(keys, "none")}

    def test_it_is_applied_again_only_when_something_is_to_change(self, api, plane, bundle):
        class Kubelet(RealClock):
            def wait(self, seconds):
                for pod in api.list("v1", "Pod", OPERATOR_NAMESPACE):
                    with contextlib.suppress(ProviderError):  # one of the version before may be gone by now
                        ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
                        plane.set_status("pod", OPERATOR_NAMESPACE, name_of(pod), ready)
                super().wait(seconds)

        def applied(watched):
            counted = Counted(api)
            install_operator(counted, bundle, watched, clock=Kubelet())
            return counted.kinds

        assert "CustomResourceDefinition" in applied(["one"])
        assert applied(["one"]) == []
        assert "Deployment" in applied(["one", "two"]), "it looks into another namespace"
        api.patch("v1", "Namespace", OPERATOR_NAMESPACE, {"metadata": {"annotations": {"fawkes.io/applied": "half"}}})
        assert "Deployment" in applied(["one", "two"]), "an installation that was cut short"


class Counted:
    """The server, and the kinds of what is applied to it."""

    def __init__(self, api):
        self._api, self.kinds = api, []

    def apply(self, manifest):
        self.kinds.append(manifest["kind"])
        return self._api.apply(manifest)

    def __getattr__(self, name):
        return getattr(self._api, name)
