"""What is otherwise for a platform that shares its cluster: it takes no node port, and stores only what is its own."""

from __future__ import annotations

import copy
from typing import Any, Final

from fawkes.harness.operator.objects import Manifest, name_of
from fawkes.harness.prefix import Prefix

_STATE: Final = ("ServiceMonitor", "kube-state-metrics")
_NODES: Final = ("DaemonSet", "node-exporter")


def considerate(manifest: Manifest, prefix: Prefix) -> Manifest:
    """The object as it may be applied beside others'."""
    known = (manifest["kind"], name_of(manifest))
    if known == _STATE:
        return _of_ours_alone(manifest, prefix)
    if known == _NODES:
        return _off_the_nodes_ports(manifest)
    return manifest


def _of_ours_alone(monitor: Manifest, prefix: Prefix) -> Manifest:
    """kube-state-metrics tells of all namespaces; what it says of others' is not stored, and alerts nobody here.

    Its own `--namespaces` won't do: it then tells of nodes and volumes once for each namespace.
    """
    changed: dict[str, Any] = copy.deepcopy(dict(monitor))
    keep = {"action": "keep", "sourceLabels": ["namespace"], "regex": "|".join(prefix.namespaces())}
    for endpoint in changed["spec"]["endpoints"]:
        endpoint["metricRelabelings"] = [*endpoint.get("metricRelabelings", ()), keep]
    return changed


def _off_the_nodes_ports(daemons: Manifest) -> Manifest:
    """Most clusters have a node-exporter on port 9100 of their nodes; ours listens in the pod's own network.

    It sees the host's memory, disks and processes as before, and of the network only its own.
    """
    changed: dict[str, Any] = copy.deepcopy(dict(daemons))
    pod = changed["spec"]["template"]["spec"]
    pod.pop("hostNetwork", None)
    for container in pod["containers"]:
        for port in container["ports"]:
            port.pop("hostPort", None)
    return changed
