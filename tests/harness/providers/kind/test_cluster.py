"""A real cluster: ready when it is said to be, reached from here, in nobody's way, and gone without a trace."""

import json
import os
import socket
import stat
from pathlib import Path

import httpx
import pytest

from fawkes.harness.errors import ProviderError
from fawkes.harness.eventually import RealClock
from fawkes.harness.images.provide import ClusterImages
from fawkes.harness.ledger import state_directory
from fawkes.harness.providers.kind.cluster import attach, create
from fawkes.harness.providers.kind.config import NODE_PORTS
from fawkes.harness.providers.kind.session import cluster_beside
from fawkes.harness.toolchain import pins

CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: probe}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: probe}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: probe
      image: fawkes/services:local
      command: [python3, -c]
      args: ["import fawkes.fixtures.services.dora.app, time; open('/data/it', 'w'); time.sleep(3600)"]
      readinessProbe: {exec: {command: [test, -e, /data/it]}, periodSeconds: 1}
      volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: probe}}]
"""

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def test_names_are_resolved_and_volumes_have_a_default_class(cluster):
    resolve = "import socket; print(socket.gethostbyname('far.two.svc.cluster.local'))"
    printed = cluster.call_kubectl(["exec", "-n", "one", "light", "--", "python3", "-c", resolve])
    services = json.loads(cluster.call_kubectl(["get", "service", "far", "-n", "two", "-o", "json"]))
    assert printed.strip() == services["spec"]["clusterIP"]
    (storage,) = json.loads(cluster.call_kubectl(["get", "storageclass", "-o", "json"]))["items"]
    assert storage["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"


def test_a_name_that_the_cluster_does_not_know_is_asked_of_nobody_outside(cluster):
    ask = "import socket\ntry: print(socket.getaddrinfo({!r}, 80))\nexcept OSError as error: print(error.errno)"
    for name in ("example.org", "gone.two.svc", cluster.node):
        told = cluster.call_kubectl(["exec", "-n", "one", "light", "--", "python3", "-c", ask.format(name)])
        assert int(told) == socket.EAI_NONAME, f"{name}: an answer, at once, that there is no such name"


def test_who_asks_for_a_service_that_nobody_serves_yet_is_refused_and_does_not_hang(cluster):
    ask = (
        "import socket\ntry: socket.create_connection(('10.96.255.254', 80), 5)\nexcept OSError as error: print(error)"
    )
    told = cluster.call_kubectl(["exec", "-n", "one", "light", "--", "python3", "-c", ask])
    assert "refused" in told


def test_a_service_of_ours_imports_what_it_needs_and_writes_on_a_volume(cluster):
    cluster.call_kubectl(["apply", "-f", "-"], CLAIM)
    cluster.call_kubectl(["wait", "pod/probe", "--for=condition=Ready", "--timeout=120s"], within_s=150)
    claim = json.loads(cluster.call_kubectl(["get", "pvc", "probe", "-o", "json"]))
    assert claim["status"]["phase"] == "Bound"


def test_the_node_is_of_the_pinned_version_and_everything_of_the_system_runs(cluster):
    (node,) = json.loads(cluster.call_kubectl(["get", "nodes", "-o", "json"]))["items"]
    pods = json.loads(cluster.call_kubectl(["get", "pods", "-A", "-o", "json"]))["items"]
    assert node["status"]["nodeInfo"]["kubeletVersion"] == f"v{pins()['kubelet'].version}"
    assert {"coredns", "kube-proxy", "etcd", "local-path-provisioner"} <= {
        container["name"]
        for pod in pods
        if pod["status"]["phase"] == "Running"
        for container in pod["spec"]["containers"]
    }


def test_every_node_port_leads_here_and_one_of_them_to_a_pod(cluster, wanted_port, call):
    assert set(cluster.host_ports) == set(NODE_PORTS)
    assert cluster.host_ports[30_101] == wanted_port
    assert httpx.get(f"http://127.0.0.1:{cluster.host_ports[30_100]}", trust_env=False).status_code == 200
    (told,) = call("inspect", "--format", "{{json .NetworkSettings.Ports}}", cluster.node)
    assert {bound["HostIp"] for ports in json.loads(told).values() for bound in ports} == {"127.0.0.1"}


def test_its_files_are_private_and_below_the_state_directory(cluster, state):
    directory = state_directory(state) / "clusters" / cluster.name
    assert stat.S_IMODE(cluster.kubeconfig.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert cluster.kubeconfig.parent == directory
    assert not list(Path(state["HOME"]).iterdir()), "nothing in ~/.kube"
    assert not Path(".pytest-kind").exists(), "pytest-kind works in a directory of the cluster's"


def test_who_attaches_sees_the_same_and_takes_nothing_away(cluster, state):
    seen = attach(cluster.name, environ=state)
    assert (seen.node, seen.host_ports, seen.kubeconfig) == (cluster.node, cluster.host_ports, cluster.kubeconfig)
    seen.close()
    assert cluster.call_kubectl(["get", "nodes", "-o", "name"]).strip() == f"node/{cluster.node}"


def test_a_command_in_the_node_tells_how_it_ended(cluster):
    ran = cluster.node_exec(["sh", "-c", "cat; echo oh >&2; exit 3"], "given", within_s=10)
    assert ran == (3, "given", "oh\n")
    with pytest.raises(ProviderError, match=r"sleep 60 did not end within 1 s"):
        cluster.node_exec(["sleep", "60"], within_s=1)


def test_what_kubectl_refuses_is_told_in_its_words(cluster):
    with pytest.raises(ProviderError, match=r'get pod nobody.*pods "nobody" not found'):
        cluster.call_kubectl(["get", "pod", "nobody"])


def test_a_cluster_beside_another_is_reached_from_its_pods_and_leaves_nothing(cluster, state, everything):
    before, files = everything(), sorted(Path(state["XDG_STATE_HOME"]).rglob("*"))
    with cluster_beside(cluster, "b", environ=state, clock=RealClock(), progress=lambda _: None) as second:
        assert second.name == f"{cluster.name}-b"
        reach = f"import socket; socket.create_connection(({second.address()!r}, 6443), 5).close(); print('reached')"
        told = cluster.call_kubectl(["exec", "-n", "one", "light", "--", "python3", "-c", reach])
        assert told.strip() == "reached"
        assert attach(second.name, environ=state).host_ports.keys() == cluster.host_ports.keys()
    assert everything() == before
    assert sorted(Path(state["XDG_STATE_HOME"]).rglob("*")) == files
    second.close()


def test_a_cluster_that_cannot_be_made_is_told_in_kinds_words_and_leaves_nothing(stock, state, everything):
    before, files = everything(), sorted(Path(state["XDG_STATE_HOME"]).rglob("*"))
    with pytest.raises(ProviderError, match=r"(?s)create failed.*nowhere"):
        create(
            f"fawkes-test-{os.getpid()}-never",
            docker=stock.docker,
            images=ClusterImages("nowhere.invalid/node:1", stock.images.services),
            binaries=stock.binaries,
            fixed_ports={},
            environ=state,
            clock=RealClock(),
            progress=lambda _: None,
        )
    assert everything() == before
    assert sorted(Path(state["XDG_STATE_HOME"]).rglob("*")) == files
