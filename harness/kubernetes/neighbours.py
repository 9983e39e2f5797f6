"""What is otherwise for a platform that shares its cluster: it takes no port of a node, and tells only of its own."""

from __future__ import annotations

import copy
from typing import Any, Final

from fawkes.harness.operator.objects import Manifest, name_of
from fawkes.harness.prefix import Prefix

_STATE: Final = ("Deployment", "kube-state-metrics")
_NODES: Final = ("DaemonSet", "node-exporter")
_RESOURCES: Final = "--resources="
_NOT_OURS: Final = ("namespaces", "nodes", "persistentvolumes", "storageclasses")
"""Resources without a namespace. kube-state-metrics would tell of each once for every namespace that it is given."""


def considerate(manifest: Manifest, prefix: Prefix) -> Manifest:
    """The object as it may be applied beside others'."""
    known = (manifest["kind"], name_of(manifest))
    if known == _STATE:
        return _of_ours_alone(manifest, prefix)
    if known == _NODES:
        return _off_the_nodes_ports(manifest)
    return manifest


def _of_ours_alone(deployment: Manifest, prefix: Prefix) -> Manifest:
    """kube-state-metrics would hold all of a cluster in memory, and alerts would fire for others' pods."""
    changed: dict[str, Any] = copy.deepcopy(dict(deployment))
    for container in changed["spec"]["template"]["spec"]["containers"]:
        container["args"] = [
            *map(_without_the_clusters, container["args"]),
            f"--namespaces={','.join(prefix.namespaces())}",
        ]
    return changed


def _without_the_clusters(arg: str) -> str:
    if not arg.startswith(_RESOURCES):
        return arg
    kept = [one for one in arg.removeprefix(_RESOURCES).split(",") if one not in _NOT_OURS]
    return _RESOURCES + ",".join(kept)


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
