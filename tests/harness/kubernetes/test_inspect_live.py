"""A look into the containers of real pods: of one that is as it should be, and of one that is not."""

import os

import pytest

from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.extras import lacking_of_kind
from fawkes.harness.images.catalogue import SERVICES, reference
from fawkes.harness.images.debian import lacking
from fawkes.harness.images.docker import Answering, look
from fawkes.harness.images.provide import BINARIES
from fawkes.harness.kubernetes import inspect
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.model import Verdict
from fawkes.harness.providers.kind.session import kind_cluster
from fawkes.harness.toolchain import Miss, cache_directory, find
from fawkes.harness.toolchain.pins import pins
from onlooker import SECRET, Onlooker

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

NOBODY = 65534
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
READY_WITHIN_S = 120.0
SERVE = f"""
import os, socket, time
sockets = [socket.create_server(("", port)) for port in (8080, 8081)]
open("/tmp/it.yaml", "w").write("x")
os.chmod("/tmp/it.yaml", 0o666)
os.environ["MADE"] = "{SECRET}"
os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "600")
time.sleep(600)
"""


def good_pod(name):
    """Prometheus, as restricted as can be, and an Alertmanager in the same pod; neither has a shell."""
    files = {"defaultMode": 0o440, "secretName": name}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "inside-good"},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": NOBODY,
                "runAsGroup": NOBODY,
                "fsGroup": NOBODY,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "prometheus",
                    "image": reference("prometheus"),
                    "args": ["--config.file=/etc/it/prometheus.yml", "--storage.tsdb.path=/data", "--storage.tsdb.retention.time=30d"],
                    "ports": [{"name": "web", "containerPort": 9090}],
                    "securityContext": RESTRICTED,
                    "volumeMounts": [{"name": "files", "mountPath": "/etc/it", "readOnly": True}, {"name": "data", "mountPath": "/data"}],
                },
                {
                    "name": "alertmanager",
                    "image": reference("alertmanager"),
                    "args": ["--config.file=/etc/it/alertmanager.yml", "--storage.path=/data/am", "--cluster.listen-address="],
                    "ports": [{"name": "web", "containerPort": 9093}],
                    "securityContext": RESTRICTED,
                    "volumeMounts": [{"name": "files", "mountPath": "/etc/it", "readOnly": True}, {"name": "data", "mountPath": "/data"}],
                },
            ],
            "volumes": [{"name": "files", "secret": files}, {"name": "data", "emptyDir": {}}],
        },
    }  # fmt: skip


def bad_pod(name):
    """Root, on a root file system that it may write to, with a token, a port too many, and a secret for all to see."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "inside-bad"},
        "spec": {
            "securityContext": {"runAsUser": 0},
            "containers": [
                {
                    "name": "it",
                    "image": SERVICES,
                    "command": ["python3", "-c", SERVE, "--keep=1d"],
                    "env": [{"name": "DSN", "value": f"postgresql://u:{SECRET}@h/db"}],
                    "ports": [{"name": "http", "containerPort": 8080}],
                }
            ],
        },
    }


def namespace(name, level):
    labels = {"pod-security.kubernetes.io/enforce": level}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


CONFIGURATION = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "good-0", "namespace": "inside-good"},
    "stringData": {
        "prometheus.yml": "global: {scrape_interval: 1m}",
        "alertmanager.yml": "{route: {receiver: none}, receivers: [{name: none}]}",
    },
}


class Cluster(Onlooker):
    """Both pods, in a cluster of the test's own. Parts are pods; Alertmanager is `beside-0`."""

    def __init__(self, api, kubectl):
        self.api, self.kubectl = api, kubectl
        self.places = {
            "good-0": ("inside-good", "good-0", "prometheus", {"http": "web"}),
            "beside-0": ("inside-good", "good-0", "alertmanager", {"http": "web"}),
            "bad-0": ("inside-bad", "bad-0", "it", {"http": "http"}),
        }
        super().__init__(self.see)
        self.parts = list(self.places)

    def see(self, part):
        namespace, pod, container, ports = self.places[part]
        return inspect.inside(
            self.api, self.kubectl, namespace=namespace, pod=pod, container=container, ports=ports, clock=RealClock()
        )

    def apply(self, *manifests):
        for manifest in manifests:
            self.api.apply(manifest)

    def pod(self, part):
        namespace, pod, *_ = self.places[part]
        return self.api.get("v1", "Pod", pod, namespace)

    def running(self, part):
        statuses = (self.pod(part) or {"status": {}})["status"].get("containerStatuses", ())
        return bool(statuses) and all("running" in one["state"] for one in statuses)


@pytest.fixture(scope="module")
def cluster():
    """Docker must answer, and all binaries be built: neither is a test's to do."""
    found = {name: find(name, environ=os.environ, cache_dir=cache_directory(os.environ)) for name in BINARIES}
    absent = [name for name, one in found.items() if isinstance(one, Miss)]
    if not isinstance(look(os.environ), Answering) or absent or lacking(os.environ) or lacking_of_kind():
        pytest.skip(f"no cluster here: Docker, or binaries ({', '.join(absent) or 'all built'}), see `harness doctor`")
    made_already = os.environ.get("FAWKES_TEST_CLUSTER")  # by a person who has one and no minute to wait
    with kind_cluster(
        f"inspect-{os.getpid()}",
        reuse=made_already,
        fixed_ports={},
        environ=os.environ,
        clock=RealClock(),
        progress=lambda _: None,
    ) as made:
        api = Api(made.kubeconfig)
        cluster = Cluster(api, [made.record.kubectl, "--kubeconfig", str(made.kubeconfig)])
        cluster.apply(namespace("inside-good", "restricted"), namespace("inside-bad", "privileged"), CONFIGURATION)
        # The service account, without which no pod may be made, comes a moment after its namespace.
        for space in ("inside-good", "inside-bad"):
            account = lambda space=space: api.get("v1", "ServiceAccount", "default", space)  # noqa: E731
            eventually("a service account", account, bool, within_s=READY_WITHIN_S, clock=RealClock())
        cluster.apply(good_pod("good-0"), bad_pod("bad-0"))
        for part in cluster.parts:
            up = lambda part=part: cluster.running(part)  # noqa: E731
            eventually(f"{part} to run", up, bool, within_s=READY_WITHIN_S, clock=RealClock())
        yield cluster
        for space in ("inside-good", "inside-bad"):
            api.delete("v1", "Namespace", space)
        api.close()


def test_a_part_that_is_as_it_should_be_is_seen_to_be(cluster):
    seen, finding = cluster.look(
        "good",
        binary="prometheus",
        flags={"storage.tsdb.retention.time": "30d", "web.enable-admin-api": False},
        listens=["http"],
        non_root=True,
        read_only_root=True,
        hides_secrets=True,
        files=[
            {"path": "/etc/it/prometheus.yml", "at_most": "0440"},
            {"path": "/data/wal", "owner": NOBODY},
            {"path": "/bin/sh", "exists": False},
        ],
        mounts={"/data": "rw", "/etc/it": "ro", TOKEN: "none"},
    )
    assert finding.verdict is Verdict.PASS, (finding.reason, seen)
    by_demand = {one["demand"]: one["seen"] for one in seen}
    assert by_demand["binary"]["version"] == pins()["prometheus"].version
    assert by_demand["non_root"] == [NOBODY]
    assert by_demand["listens"]["ports"] == {"http": 9090}
    assert by_demand["hides_secrets"]["words"] > 5


def test_a_container_is_told_from_the_one_beside_it(cluster):
    seen, finding = cluster.look(
        "beside", binary="alertmanager", listens=["web"], files=[{"path": "/bin/alertmanager"}]
    )
    assert finding.verdict is Verdict.PASS, (finding.reason, seen)
    assert cluster.look("beside", binary="prometheus")[1].verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("demand", "reason"),
    [
        ({"flags": {"keep": "30d"}}, "--keep is 1d instead of 30d"),
        ({"binary": "prometheus"}, "what runs tells no version of prometheus, pinned is"),
        ({"listens": ["http"]}, "listens on 8080, 8081, not on 8080"),
        ({"non_root": True}, "a process of it runs as root"),
        ({"read_only_root": True}, "its root file system can be written to"),
        ({"hides_secrets": True}, "shows password in "),
        ({"files": [{"path": "/tmp/it.yaml", "at_most": "0640"}]}, "/tmp/it.yaml has mode 0666"),
        ({"files": [{"path": "/tmp/it.yaml", "owner": NOBODY}]}, "/tmp/it.yaml belongs to user 0"),
        ({"mounts": {TOKEN: "none"}}, f"{TOKEN} is mounted ro, not none"),
    ],
)
def test_each_thing_that_is_wrong_is_seen(cluster, demand, reason):
    seen, finding = cluster.look("bad", **demand)
    assert finding.verdict is Verdict.FAIL, (finding.reason, seen)
    assert finding.reason.startswith(f"bad-0: {reason}")


def test_what_a_childs_environment_shows_is_found(cluster):
    seen, _ = cluster.look("bad", hides_secrets=True)
    assert {"secret": "password", "where": "variable MADE"} in seen[0]["seen"]["shown"]


def test_a_second_look_starts_no_second_container(cluster):
    cluster.see("good-0")
    cluster.see("beside-0")
    before = cluster.pod("good-0")["spec"]["ephemeralContainers"]
    assert {one["targetContainerName"] for one in before} == {"prometheus", "alertmanager"}
    cluster.see("good-0")
    assert cluster.pod("good-0")["spec"]["ephemeralContainers"] == before


def test_a_container_that_was_started_anew_is_looked_into_anew(cluster):
    def restarts():
        statuses = cluster.pod("good-0")["status"]["containerStatuses"]
        return next(one["restartCount"] for one in statuses if one["name"] == "prometheus")

    before = restarts()
    cluster.see("good-0").host.run("kill -TERM 1")
    eventually("a restart", restarts, lambda n: n > before, within_s=READY_WITHIN_S, clock=RealClock())
    eventually("it to run", lambda: cluster.running("good-0"), bool, within_s=READY_WITHIN_S, clock=RealClock())
    assert cluster.look("good", non_root=True)[1].verdict is Verdict.PASS
