"""A crowd of fake nodes and pods on a kind cluster: seconds until they run, and what kube-state-metrics makes of them.

Example: .venv/bin/python bench/kube_state.py --nodes 200 --pods 5000
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.kubernetes.api import Api, asked_again
from fawkes.harness.kubernetes.apply import apply, delete_namespaces
from fawkes.harness.kubernetes.waiting import wait_ready
from fawkes.harness.operator.objects import Manifest, labels_of, load_objects
from fawkes.harness.places import PLATFORM
from fawkes.harness.providers.kind.cluster import Cluster
from fawkes.harness.providers.kind.node import rss_bytes
from fawkes.harness.providers.kind.session import kind_cluster
from fawkes.harness.signals import listen
from fawkes.load.kwok import crowd

_EXPORTER = "kube-state-metrics"
_SCRAPE = 'exec 3<>/dev/tcp/{}/8080; printf "GET /metrics HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3'
"""From the node, as a Prometheus on it would: nothing between but the pod network."""
_LABELS = ",".join(f"{key}={value}" for key, value in crowd.FAKE.items())
_WITHIN_S = 600.0
_THREADS = 8
"""Requests under way: more don't make two cores' API server faster."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=200)
    parser.add_argument("--pods", type=int, default=5000)
    parser.add_argument("--reuse", metavar="CLUSTER", help="a running cluster of the harness, left running")
    wish = parser.parse_args()
    listen()
    clock = RealClock()
    run_id = f"bench-{os.getpid()}"
    with kind_cluster(
        run_id, reuse=wish.reuse, fixed_ports={}, environ=os.environ, clock=clock, progress=_say
    ) as cluster:
        api = Api(cluster.kubeconfig)
        _install(api, clock)
        _tell(cluster, api, "as it is without a crowd")
        _timed(f"{wish.nodes} nodes Ready", lambda: _crowd(api, crowd.nodes(wish.nodes), _ready_nodes, clock))
        pods = crowd.pods(wish.pods, wish.nodes)
        _timed(f"{wish.pods} pods Running", lambda: _crowd(api, pods, _running_pods, clock))
        _tell(cluster, api, f"with {wish.nodes} nodes and {wish.pods} pods")
        _timed("the crowd is gone", lambda: _end(api, clock))
        api.close()


def _install(api: Api, clock: RealClock) -> None:
    """kwok, and kube-state-metrics as the platform has it, in its namespaces."""
    exporter = [one for one in load_objects(PLATFORM / "workloads") if labels_of(one).get("fawkes.io/app") == _EXPORTER]
    manifests = [*load_objects(PLATFORM).of("Namespace"), *exporter, *crowd.kwok()]
    apply(api, manifests, clock=clock)
    _timed("kwok and kube-state-metrics ready", lambda: wait_ready(api, manifests, clock=clock))


def _crowd(api: Api, manifests: Sequence[Manifest], there: Callable[[Api], int], clock: RealClock) -> None:
    began_s = time.monotonic()
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(api.apply, manifests):
            pass
    _say(f"  all applied{'':33} {time.monotonic() - began_s:7.1f} s")
    eventually(
        f"all {len(manifests)} to be up",
        asked_again(lambda: there(api)),
        lambda count: count == len(manifests),
        within_s=_WITHIN_S,
        every_s=1.0,
        clock=clock,
    )


def _ready_nodes(api: Api) -> int:
    return sum(
        condition["type"] == "Ready" and condition["status"] == "True"
        for node in _fakes(api, "Node")
        for condition in node.get("status", {}).get("conditions", [])
    )


def _running_pods(api: Api) -> int:
    return sum(pod["status"].get("phase") == "Running" for pod in _fakes(api, "Pod"))


def _fakes(api: Api, kind: str) -> list[dict[str, Any]]:
    return api.list("v1", kind, labels=_LABELS)


def _tell(cluster: Cluster, api: Api, when: str) -> None:
    """Medians of five scrapes."""
    (pod,) = api.list("v1", "Pod", "fawkes-monitoring", labels=f"app.kubernetes.io/name={_EXPORTER}")
    seconds, page = [], ""
    for _ in range(5):
        began_s = time.monotonic()
        page = cluster.node_exec(["bash", "-c", _SCRAPE.format(pod["status"]["podIP"])], within_s=60.0).stdout
        seconds.append(time.monotonic() - began_s)
    series = sum(line[:5] == "kube_" for line in page.splitlines())
    memory = {where.namespace: used for where, used in rss_bytes(cluster, ["fawkes-monitoring", "fawkes-kwok"]).items()}
    _say(
        f"{when}: {series} series, {len(page) / 2**20:.1f} MiB in {statistics.median(seconds):.2f} s; memory in MiB: "
        f"kube-state-metrics {memory['fawkes-monitoring'] / 2**20:.0f}, kwok {memory['fawkes-kwok'] / 2**20:.0f}"
    )


def _end(api: Api, clock: RealClock) -> None:
    """Pods by force: nobody but the API server has ever known them."""

    def left() -> int:
        for kind, namespace in (("Pod", crowd.NAMESPACE), ("Node", "")):
            if found := len(_fakes(api, kind)):
                api.delete_all("v1", kind, namespace, labels=_LABELS, grace_s=0)
                return found
        return 0

    eventually("the crowd to be gone", asked_again(left), lambda count: count == 0, within_s=_WITHIN_S, clock=clock)
    delete_namespaces(api, [crowd.NAMESPACE, "fawkes-kwok"], clock=clock)


def _timed(what: str, act: Callable[[], None]) -> None:
    began_s = time.monotonic()
    act()
    _say(f"{what:44} {time.monotonic() - began_s:7.1f} s")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
