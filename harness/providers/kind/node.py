"""What only the node can do to a pod: stop its processes, cut its network, weigh its memory."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from fawkes.harness.errors import ProviderError, UsageError
from fawkes.harness.providers.kind.cluster import Cluster

_WITHIN_S: Final = 30.0
"""A few commands in the node; a loaded machine takes seconds to start one."""


class PodRef(NamedTuple):
    """One pod."""

    namespace: str
    name: str


# Processes of a pod or a container, by its control group. The ids are the node's own, because the node reads them.
_PIDS: Final = """\
pids() { find /sys/fs/cgroup -type d \\( -name "$1" -o -name "$2" \\) | while read -r group; do
  find "$group" -name cgroup.procs -exec cat {} + ; done | sort -un; }
"""
_SIGNAL: Final = (
    _PIDS
    + """\
seen=
while now=$(pids "$2" "$3") && [ "$now" != "$seen" ]; do kill -s "$1" $now 2>/dev/null; seen=$now; done
[ -n "$seen" ]
"""
)
"""Again until nothing new is there: a process may fork before the signal reaches it."""
_KILL: Final = _PIDS + 'now=$(pids "$1" "$2") && [ -n "$now" ] && { kill -s KILL $now 2>/dev/null || true; }'
"""One of them may end by itself before its turn."""
_CHAIN: Final = "FAWKES-CUT"
_NETWORK: Final = (
    _PIDS
    + f"""\
set -e
deed=$1; shift
pid=$(pids "$1" "$2" | head -n 1); shift 2
[ -n "$pid" ]
tables() {{ nsenter --target "$pid" --net iptables --wait "$@"; }}
tables --new-chain {_CHAIN} 2>/dev/null || true
for way in INPUT OUTPUT; do
  tables --check $way --jump {_CHAIN} 2>/dev/null || tables --insert $way --jump {_CHAIN}
done
if [ "$deed" = join ]; then tables --flush {_CHAIN}; fi
for address; do
  tables --append {_CHAIN} --source "$address" --jump DROP
  tables --append {_CHAIN} --destination "$address" --jump DROP
done
"""
)
"""In the pod's own network, so that it does not matter how its packets travel."""
_BORDER: Final = """\
for way in INPUT FORWARD; do
  while iptables --wait --delete $way --source "$2" --jump DROP 2>/dev/null; do :; done
  if [ "$1" = cut ]; then iptables --wait --insert $way --source "$2" --jump DROP; fi
done
"""
"""In the node's own network, before what kube-proxy lets through."""
_MEMORY: Final = """\
find /sys/fs/cgroup -name cgroup.procs -path "*pod*" -exec awk '{print FILENAME, $1}' {} +
awk '/^VmRSS:/ {print FILENAME, $2}' /proc/[0-9]*/status 2>/dev/null
true
"""
"""Which process is in which group, then which has how many KiB; processes come and go meanwhile."""


_CPU_NS: Final = """\
cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null || awk '/^usage_usec/ {print $2 "000"}' /sys/fs/cgroup/cpu.stat
"""
"""Of version 1 of control groups, else of version 2; the node sees its own as the root."""


def stop_processes(cluster: Cluster, pod: PodRef) -> None:
    """From now on the pod does nothing; its connections stay open and unanswered. UsageError if it does not run."""
    _signal(cluster, pod, "STOP")


def continue_processes(cluster: Cluster, pod: PodRef) -> None:
    """It goes on where it was. UsageError if it does not run."""
    _signal(cluster, pod, "CONT")


def kill_processes(cluster: Cluster, pod: PodRef) -> None:
    """They end at once, as on SIGKILL; whoever owns the pod may start its containers again. UsageError if none runs."""
    _in_node(cluster, _KILL, _groups(_pod(cluster, pod)))


def stop_container(cluster: Cluster, pod: PodRef, container: str) -> None:
    """From now on this container does nothing; the pod's others do. UsageError if it does not run."""
    _in_node(cluster, _SIGNAL, ["STOP", *_groups_of_container(_pod(cluster, pod), container)])


def kill_container(cluster: Cluster, pod: PodRef, container: str) -> None:
    """Its processes end at once; the pod keeps its address, and its other containers. UsageError if it does not run."""
    _in_node(cluster, _KILL, _groups_of_container(_pod(cluster, pod), container))


def cut(cluster: Cluster, pods: Sequence[PodRef]) -> None:
    """From now on what one of them sends to another is lost, also by way of a Service, until `join`.

    A pod that is started anew has a new network and is not cut. UsageError if one does not run.
    """
    found = [_pod(cluster, pod) for pod in pods]
    for one in found:
        others = [other["status"]["podIP"] for other in found if other is not one]
        _in_node(cluster, _NETWORK, ["cut", *_groups(one), *others])


def join(cluster: Cluster, pods: Sequence[PodRef]) -> None:
    """Each of them reaches everybody again. UsageError if one does not run."""
    for pod in pods:
        _in_node(cluster, _NETWORK, ["join", *_groups(_pod(cluster, pod))])


def cut_off(cluster: Cluster, address: str) -> None:
    """From now on what comes from that address to the node, or by way of it to a pod, is lost, until `join_again`."""
    _in_node(cluster, _BORDER, ["cut", address])


def join_again(cluster: Cluster, address: str) -> None:
    """What comes from there arrives again."""
    _in_node(cluster, _BORDER, ["join", address])


def cordon(cluster: Cluster) -> None:
    """From now on no pod is given to the node; those that a controller wants wait."""
    cluster.call_kubectl(["cordon", cluster.node])


def uncordon(cluster: Cluster) -> None:
    """The node takes pods again."""
    cluster.call_kubectl(["uncordon", cluster.node])


def rss_bytes(cluster: Cluster, namespaces: Sequence[str]) -> Mapping[PodRef, int]:
    """Resident memory of every pod there, all its processes together."""
    pods = itertools.chain.from_iterable(_items(cluster, namespace) for namespace in namespaces)
    by_uid = {pod["metadata"]["uid"]: PodRef(pod["metadata"]["namespace"], pod["metadata"]["name"]) for pod in pods}
    said = _in_node(cluster, _MEMORY, [])
    kib = {int(pid): int(size) for pid, size in re.findall(r"^/proc/(\d+)/status (\d+)$", said, re.MULTILINE)}
    groups = set(re.findall(r"^/sys/.*pod([0-9a-f_-]{36})\S* (\d+)$", said, re.MULTILINE))
    found: Counter[PodRef] = Counter()
    for uid, pid in {(uid.replace("_", "-"), int(pid)) for uid, pid in groups}:
        if (pod := by_uid.get(uid)) is not None:
            found[pod] += kib.get(pid, 0) * 1024
    return found


def cpu_s(cluster: Cluster) -> float:
    """CPU seconds that the node has used since it runs, with everything in it."""
    return int(_in_node(cluster, _CPU_NS, [])) / 1e9


def _signal(cluster: Cluster, pod: PodRef, name: str) -> None:
    _in_node(cluster, _SIGNAL, [name, *_groups(_pod(cluster, pod))])


def _items(cluster: Cluster, namespace: str) -> list[dict[str, Any]]:
    listed = json.loads(cluster.call_kubectl(["get", "pods", "--namespace", namespace, "--output", "json"]))
    return [pod for pod in listed["items"] if pod["status"]["phase"] == "Running"]


def _pod(cluster: Cluster, pod: PodRef) -> dict[str, Any]:
    """The running pod as the API tells it."""
    for one in _items(cluster, pod.namespace):
        if one["metadata"]["name"] == pod.name:
            return one
    raise UsageError(f"no pod {pod.name} runs in namespace {pod.namespace} of cluster {cluster.name}; start it first")


def _groups(pod: Mapping[str, Any]) -> tuple[str, str]:
    """How the pod's control group is called: where the kubelet made it, and where systemd did."""
    uid = str(pod["metadata"]["uid"])
    return f"*pod{uid}", f"*pod{uid.replace('-', '_')}.slice"


def _groups_of_container(pod: Mapping[str, Any], container: str) -> tuple[str, str]:
    """The same for one of its containers. UsageError if it does not run."""
    for status in pod["status"].get("containerStatuses", ()):
        if status["name"] == container and "running" in status["state"]:
            own = str(status["containerID"]).rpartition("/")[2]
            return own, f"*{own}.scope"
    raise UsageError(f"pod {pod['metadata']['name']} runs no container {container}; start it first")


def _in_node(cluster: Cluster, script: str, words: Sequence[str]) -> str:
    ran = cluster.node_exec(["sh", "-c", script, "sh", *words], within_s=_WITHIN_S)
    if ran.exit_code != 0:
        why = ran.stderr.strip() or "the pod has no process"
        raise ProviderError(f"{cluster.node}: a script in it ended with {ran.exit_code}: {why}; does the pod run?")
    return ran.stdout
