"""Targets found by our discovery and relabelling, against those of real Prometheus with the operator's configuration.

API server, controllers, operator and Prometheus are real; what a kubelet would say of pods the test says. Nothing that
Prometheus scrapes is there: each request goes to a proxy on loopback that doesn't exist, so none leaves this machine.
"""

import contextlib
from typing import Final

import pytest
import yaml

from control_plane import control_plane
from fawkes.harness.checks.meant_differences import MEANT
from fawkes.harness.checks.targets_equal import TargetsEqualExpectation, check_targets_equal
from fawkes.harness.components.exporter import exporter
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.history import HistoryWriter, read_history
from fawkes.harness.inventory import SAMPLE_SERVICES
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.kubernetes.apply import apply
from fawkes.harness.kubernetes.pods import component_manifests
from fawkes.harness.kubernetes.whereabouts import Whereabouts
from fawkes.harness.model import Stage, Verdict
from fawkes.harness.mutants import MUTANTS
from fawkes.harness.observe.rendered_equal import generated
from fawkes.harness.observe.targets_equal import observe_targets_equal, targets
from fawkes.harness.operator import scrape
from fawkes.harness.operator.generated import as_pod_reads
from fawkes.harness.operator.objects import Objects, load_objects, name_of, namespace_of
from fawkes.harness.operator.pods import pod_name, replicas
from fawkes.harness.places import PLATFORM, WORKLOADS
from free_ports import free_ports
from live_world import LiveWorld, built
from operator_process import operator

pytestmark = [pytest.mark.platform, pytest.mark.slow]

SHIPPED = load_objects(PLATFORM)
WITHIN_S = 120
"""A few seconds on an idle machine."""
NOBODY = "http://127.0.0.1:9"
"""The discard port, where nobody listens."""
PODS = 5 + 10 + 8
"""Of the operator's objects, of the workloads, and of the harness."""


def stand_ins():
    """The harness' own pods: the sample services and the beacon."""
    apps = {**SAMPLE_SERVICES, "beacon": ("fawkes-platform", "beacon")}
    for app, (namespace, name) in apps.items():
        part = exporter(f"{app}-0", app=app, port=8080, metrics=[])
        where = Whereabouts(namespace, {}, name, {"http": 8080})
        yield from component_manifests(part, where, {"app.kubernetes.io/name": name}, {})


class Node:
    """Runs every pod, in words alone."""

    METADATA: Final = {"name": "nowhere", "labels": {"kubernetes.io/os": "linux"}}

    def __init__(self, http, api):
        self._http, self._api, self._running = http, api, []
        api.apply({"apiVersion": "v1", "kind": "Node", "metadata": self.METADATA})

    def run_pods(self):
        """How many run now."""
        for pod in (pod for one in SHIPPED.of("Namespace") for pod in self._api.list("v1", "Pod", name_of(one))):
            if pod["metadata"]["uid"] not in self._running:
                self._run(pod)
        return len(self._running)

    def _run(self, pod):
        """What the scheduler and a kubelet would say."""
        self._running.append(pod["metadata"]["uid"])
        path = f"/api/v1/namespaces/{namespace_of(pod)}/pods/{name_of(pod)}"
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name_of(pod)}}
        node = {"apiVersion": "v1", "kind": "Node", "name": self.METADATA["name"]}
        self._http.post(f"{path}/binding", json={**binding, "target": node}).raise_for_status()
        ready = {"status": "True", "lastTransitionTime": "2026-01-02T03:04:05Z"}
        conditions = [{"type": one, **ready} for one in ("Ready", "ContainersReady")]
        addresses = {"podIP": f"10.244.0.{len(self._running)}", "hostIP": "10.0.0.1"}
        status = {"status": {"phase": "Running", "conditions": conditions, **addresses}}
        patch = {"Content-Type": "application/merge-patch+json"}
        self._http.patch(f"{path}/status", json=status, headers=patch).raise_for_status()


def of_this_machine(config, kubeconfig):
    """The operator's configuration with the way to the API server in it, and to nobody else."""
    for job in [*config["scrape_configs"], *config["alerting"]["alertmanagers"]]:
        job["proxy_url"] = NOBODY
        for discovery in job["kubernetes_sd_configs"]:
            discovery["kubeconfig_file"] = str(kubeconfig)
    del config["rule_files"]
    return config


class ClusterWorld(LiveWorld):
    def __init__(self, stack, directory, ports, api, intended):
        super().__init__(stack, directory, ports, built("prometheus"), clock_factor=1.0)
        self._api, self.intended = api, intended

    def objects(self):
        return self.intended

    def kubernetes(self):
        return self._api


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    parts = [(one, replica) for one in SHIPPED.of("Prometheus") for replica in range(replicas(one))]
    with contextlib.ExitStack() as stack:
        plane = stack.enter_context(control_plane(tmp_path_factory.mktemp("plane")))
        api = Api(plane.kubeconfig)
        stack.callback(api.close)
        stack.enter_context(operator(plane, api, [name_of(one) for one in SHIPPED.of("Namespace")]))
        apply(api, [*SHIPPED, *load_objects(WORKLOADS), *stand_ins()], clock=RealClock())
        node = Node(plane.http, api)
        eventually("pods", node.run_pods, lambda count: count == PODS, within_s=WITHIN_S, clock=RealClock())
        ports = dict(zip((pod_name(*one) for one in parts), free_ports(len(parts)), strict=True))
        world = ClusterWorld(stack, tmp_path_factory.mktemp("parts"), ports, api, SHIPPED)
        for owner, replica in parts:
            part = pod_name(owner, replica)
            config = as_pod_reads(generated(api, owner)["config"], {"POD_NAME": part, "SHARD": "0"})
            text = yaml.safe_dump(of_this_machine(config, plane.kubeconfig))
            argv = [world.binary("prometheus"), "--config.file=p.yml", "--storage.tsdb.path=data"]
            argv += [f"--web.listen-address=127.0.0.1:{ports[part]}", "--scrape.discovery-reload-interval=100ms"]
            world.start(part, argv, {"p.yml": text})
        yield world


@pytest.fixture
def judge(world, tmp_path):
    def judge(intended, within_s=WITHIN_S):
        world.intended = intended
        expect = TargetsEqualExpectation(name="targets", within=f"{within_s}s")
        writer = HistoryWriter(tmp_path / "history.jsonl")
        observe_targets_equal(expect, world, writer)
        writer.close()
        return check_targets_equal(expect, read_history(tmp_path / "history.jsonl"))

    return judge


def test_every_target_carries_the_labels_that_we_render(judge):
    found = judge(SHIPPED)
    assert found.verdict is Verdict.PASS, [line for line in found.evidence if not line.ok]
    assert found.expected == found.observed > 1000, "labels of 51 targets"
    met = {line.note.partition("; meant: ")[2] for line in found.evidence}
    assert {one.why for one in MEANT if one.where[0] == "target"} <= met


def test_a_label_that_we_render_otherwise_is_told(judge, monkeypatch):
    monkeypatch.setattr(scrape, "_copy", lambda source, target: {"target_label": target, "replacement": "other"})
    found = judge(SHIPPED, within_s=1)
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.PROMETHEUS)
    assert 'dojo-lab-0/http > labels > job is "other" here and "dojo-lab" on a cluster' in found.reason


def test_a_target_that_only_one_side_has_is_told(judge):
    without = Objects(tuple(one for one in SHIPPED if (one["kind"], name_of(one)) != ("ServiceMonitor", "jenkins")))
    found = judge(without, within_s=1)
    assert (found.verdict, found.observed) == (Verdict.FAIL, "absent")
    assert "prometheus-core-0: for the cluster's pods > serviceMonitor/fawkes-cicd/jenkins/0 is" in found.reason


def test_a_service_that_is_another_on_the_cluster_is_told(judge, world):
    mutant = MUTANTS["service_renamed"]

    def jobs(objects, job):
        apply(world.kubernetes(), objects.items, clock=RealClock())
        seen = lambda: {target["labels"]["job"] for target in targets(world, "prometheus-core-0")}  # noqa: E731
        world.eventually(f"job {job}", seen, lambda names: job in names, within_s=WITHIN_S)

    jobs(mutant.change(SHIPPED), "registry")
    found = judge(SHIPPED, within_s=1)
    jobs(SHIPPED, "harbor")
    assert (found.verdict, found.stage) == (Verdict.FAIL, mutant.stage)
    assert (found.expected, found.observed) == ("registry", "harbor")
