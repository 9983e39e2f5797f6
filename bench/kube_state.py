"""A crowd of fake nodes and pods on a kind cluster: seconds until they run, and what kube-state-metrics makes of them.

Example: .venv/bin/python bench/kube_state.py --nodes 200 --pods 5000
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.kubernetes.apply import apply
from fawkes.harness.kubernetes.waiting import wait_ready
from fawkes.harness.operator.objects import labels_of, load_objects
from fawkes.harness.places import PLATFORM
from fawkes.harness.providers.kind.cluster import Cluster
from fawkes.harness.providers.kind.node import rss_bytes
from fawkes.harness.providers.kind.session import kind_cluster
from fawkes.harness.signals import listen
from fawkes.load.kwok import life

_EXPORTER = "kube-state-metrics"
_SCRAPE = 'exec 3<>/dev/tcp/{}/8080; printf "GET /metrics HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3'
"""From the node, as a Prometheus on it would: nothing between but the pod network."""


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
        wait = partial(eventually, every_s=1.0, clock=clock)
        _timed("kwok ready", lambda: life.kwok_comes(api, wait))
        _timed(f"{wish.nodes} nodes Ready", lambda: life.nodes_come(api, wish.nodes, wait))
        _timed(f"{wish.pods} pods Running", lambda: life.pods_come(api, wish.pods, wish.nodes, wait))
        _tell(cluster, api, f"with {wish.nodes} nodes and {wish.pods} pods")
        _timed("the crowd is gone", lambda: life.all_go(api, wait))
        api.close()


def _install(api: Api, clock: RealClock) -> None:
    """kube-state-metrics as the platform has it, in its namespaces."""
    exporter = [one for one in load_objects(PLATFORM / "workloads") if labels_of(one).get("fawkes.io/app") == _EXPORTER]
    manifests = [*load_objects(PLATFORM).of("Namespace"), *exporter]
    apply(api, manifests, clock=clock)
    _timed("kube-state-metrics ready", lambda: wait_ready(api, manifests, clock=clock))


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


def _timed(what: str, act: Callable[[], None]) -> None:
    began_s = time.monotonic()
    act()
    _say(f"{what:44} {time.monotonic() - began_s:7.1f} s")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
