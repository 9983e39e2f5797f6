"""What the node does to a pod, as its neighbours and its users see it."""

import contextlib
import json
import os
import socket

import httpx
import pytest

from fawkes.harness.errors import ProviderError, UsageError
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.providers.kind.node import (
    PodRef,
    continue_processes,
    cordon,
    cpu_s,
    cut,
    join,
    kill_container,
    kill_processes,
    rss_bytes,
    stop_container,
    stop_processes,
    uncordon,
)

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

LIGHT, HEAVY, OTHER, FAR = PodRef("one", "light"), PodRef("one", "heavy"), PodRef("one", "other"), PodRef("two", "far")
HEAVY_BYTES = 200 << 20


def answers(cluster, number, timeout_s=5.0):
    url = f"http://127.0.0.1:{cluster.host_ports[30_100 + number]}"
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(url, trust_env=False, timeout=timeout_s).status_code == 200
    return False


def reaches(cluster, pod, address, port):
    code = f"import socket; socket.create_connection(({address!r}, {port}), 2).close(); print('yes')"
    with contextlib.suppress(ProviderError):
        return "yes" in cluster.call_kubectl(["exec", "-n", pod.namespace, pod.name, "--", "python3", "-c", code])
    return False


def address_of(cluster, pod):
    return json.loads(cluster.call_kubectl(["get", "pod", pod.name, "-n", pod.namespace, "-o", "json"]))["status"][
        "podIP"
    ]


def test_a_stopped_pod_accepts_and_says_nothing_until_it_goes_on(cluster):
    assert answers(cluster, 0)
    stop_processes(cluster, LIGHT)
    try:
        with socket.create_connection(("127.0.0.1", cluster.host_ports[30_100]), 2):
            pass
        assert not answers(cluster, 0, timeout_s=1)
        assert answers(cluster, 2), "its neighbour goes on"
    finally:
        continue_processes(cluster, LIGHT)
    assert answers(cluster, 0)


def test_pods_that_are_cut_lose_each_other_and_nobody_else(cluster):
    paths = [
        (LIGHT, address_of(cluster, FAR), 8000),
        (FAR, address_of(cluster, LIGHT), 8000),
        (LIGHT, "far.two", 80),
        (FAR, "light.one", 80),
    ]
    assert [reaches(cluster, *path) for path in paths] == [True] * 4
    for _ in range(2):  # a cut that is made twice is one cut
        cut(cluster, [LIGHT, FAR])
    try:
        assert [reaches(cluster, *path) for path in paths] == [False] * 4
        assert reaches(cluster, LIGHT, "other.one", 80)
        assert reaches(cluster, OTHER, "far.two", 80)
        assert answers(cluster, 0)
        assert answers(cluster, 3)
    finally:
        join(cluster, [LIGHT, FAR])
    assert [reaches(cluster, *path) for path in paths] == [True] * 4


def test_memory_is_told_by_pod_with_all_its_processes(cluster):
    sizes = rss_bytes(cluster, ["one", "two"])
    assert set(sizes) >= {LIGHT, HEAVY, OTHER, FAR}
    assert 0 < sizes[LIGHT] < 60 << 20
    assert HEAVY_BYTES < sizes[HEAVY] < HEAVY_BYTES + (60 << 20)
    assert set(rss_bytes(cluster, ["two"])) == {FAR}


def test_what_a_pod_computes_counts_as_the_nodes(cluster):
    before_s = cpu_s(cluster)
    code = "import time\nwhile time.process_time() < 2: pass"
    cluster.call_kubectl(["exec", "-n", "one", "light", "--", "python3", "-c", code])
    assert cpu_s(cluster) - before_s >= 2


def test_a_container_that_is_killed_alone_comes_back_in_its_pod(cluster):
    address, asked = address_of(cluster, OTHER), ["get", "pod", "other", "-n", "one", "-o"]
    restarts = [*asked, "jsonpath={.status.containerStatuses[0].restartCount}"]
    (name,) = cluster.call_kubectl([*asked, "jsonpath={.spec.containers[*].name}"]).split()
    before = int(cluster.call_kubectl(restarts))
    stop_container(cluster, OTHER, name)
    kill_container(cluster, OTHER, name)
    eventually(
        "a restart", lambda: int(cluster.call_kubectl(restarts)), lambda n: n > before, within_s=60, clock=RealClock()
    )
    assert address_of(cluster, OTHER) == address
    with pytest.raises(UsageError, match="pod other runs no container nothing"):
        kill_container(cluster, OTHER, "nothing")


def test_a_cordoned_node_takes_no_pod_until_it_is_uncordoned(cluster):
    name = f"waits-{os.getpid()}"
    phase = ["get", "pod", name, "-o", "jsonpath={.status.phase}"]
    cordon(cluster)
    try:
        run = ["run", name, "--image=fawkes/services:local", "--image-pull-policy=Never", "--command", "--"]
        cluster.call_kubectl([*run, "sleep", "infinity"])
        why = [*phase[:-1], "jsonpath={.status.conditions[0].reason}"]
        eventually(
            "it is not scheduled",
            lambda: cluster.call_kubectl(why),
            lambda reason: reason == "Unschedulable",
            within_s=30,
            clock=RealClock(),
        )
    finally:
        uncordon(cluster)
    eventually(
        "it to run", lambda: cluster.call_kubectl(phase), lambda said: said == "Running", within_s=60, clock=RealClock()
    )
    cluster.call_kubectl(["delete", "pod", name, "--now"])


def test_killed_processes_are_started_anew_by_the_kubelet(cluster):
    restarts = ["get", "pod", "other", "-n", "one", "-o", "jsonpath={.status.containerStatuses[0].restartCount}"]
    before = int(cluster.call_kubectl(restarts))
    kill_processes(cluster, OTHER)
    eventually(
        "a restart", lambda: int(cluster.call_kubectl(restarts)), lambda n: n > before, within_s=60, clock=RealClock()
    )


@pytest.mark.parametrize("deed", [stop_processes, continue_processes, kill_processes])
def test_a_pod_that_does_not_run_is_told(deed, cluster):
    with pytest.raises(UsageError, match=r"no pod nobody runs in namespace one"):
        deed(cluster, PodRef("one", "nobody"))
