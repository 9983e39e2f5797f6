"""What a cluster is called and which ports of this machine lead into it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

import yaml

NODE_PORTS: Final = range(30_100, 30_164)
"""Ports of the node that can be reached from here, for Services of type NodePort. A platform with everything joined
has about 40 addresses."""
PREFIX: Final = "fawkes-"
"""Every cluster of ours is called so."""
_OFTEN: Final = {"kube-api-qps": "200", "kube-api-burst": "400"}
_HURRIED: Final = (
    {
        "kind": "ClusterConfiguration",
        "controllerManager": {"extraArgs": _OFTEN},
        "scheduler": {"extraArgs": _OFTEN},
    },
    {"kind": "KubeProxyConfiguration", "iptables": {"minSyncPeriod": "200ms"}},
)
"""By default these may ask the API server 20 and 50 times a second, and rules are written once a second: meant for
large clusters, and seconds of a platform's start, which is five hundred objects at once."""
_NAME_LENGTH: Final = 63 - len("-control-plane")
"""kind appends this to name the node, and host names end at 63 characters."""


def cluster_name(run_id: str, suffix: str = "") -> str:
    """A name that kind accepts and that says whose cluster it is."""
    name = PREFIX + re.sub(r"[^a-z0-9-]+", "-", f"{run_id}-{suffix}".lower()).strip("-")
    return name[:_NAME_LENGTH].rstrip("-")


def node_name(cluster: str) -> str:
    """What kind calls the node of a cluster, in Docker and in Kubernetes."""
    return f"{cluster}-control-plane"


def kind_config(fixed_ports: Mapping[int, int], node_ports: Iterable[int] = NODE_PORTS) -> str:
    """One node whose ports lead to ports of 127.0.0.1: those of `fixed_ports` (node port -> ours), else free ones."""
    mappings = [
        {
            "containerPort": port,
            "hostPort": fixed_ports.get(port, -1),  # -1: Docker itself takes a free one, so nobody comes between
            "listenAddress": "127.0.0.1",
        }
        for port in node_ports
    ]
    node = {"role": "control-plane", "extraPortMappings": mappings}
    config = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "nodes": [node],
        "kubeadmConfigPatches": [yaml.safe_dump(one) for one in _HURRIED],
    }
    return yaml.safe_dump(config, sort_keys=False)
