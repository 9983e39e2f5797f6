"""The objects of a crowd: kwok itself, nodes that it plays, and pods bound to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from fawkes.harness.errors import UsageError
from fawkes.harness.operator.objects import Manifest

NAMESPACE: Final = "fawkes-crowd"
"""Of the pods alone: they end only as long as kwok runs, or by force."""
FAKE: Final = {"fawkes.io/fake": "crowd"}
"""Label of every fake node and pod."""
NODES_MAX: Final = 250
"""A controller gives each node 256 of the cluster's 65536 pod addresses; some are left for real nodes."""

_PLAYED: Final = "kwok.x-k8s.io/node"
_RESOURCES: Final = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}}


def kwok() -> list[Manifest]:
    """What plays the fake nodes, with its namespace and the pods'."""
    return list(yaml.safe_load_all(Path(__file__).with_name("kwok.yaml").read_text(encoding="utf-8")))


def nodes(count: int) -> list[Manifest]:
    """fake-000, fake-001, ...; UsageError for more than a cluster has addresses for."""
    if not 0 < count <= NODES_MAX:
        raise UsageError(f"{count} fake nodes; a cluster has addresses for 1 to {NODES_MAX}")
    return [
        {
            "apiVersion": "v1",
            "kind": "Node",
            # Without the label kubernetes.io/os, which every DaemonSet asks for: a fake node has no node-exporter.
            "metadata": {"name": _node(number), "annotations": {_PLAYED: "fake"}, "labels": FAKE},
            "spec": {"taints": [{"key": _PLAYED, "value": "fake", "effect": "NoSchedule"}]},
        }
        for number in range(count)
    ]


def pods(count: int, node_count: int) -> list[Manifest]:
    """fake-00000, fake-00001, ..., spread evenly.

    Each is bound to its node already: scheduler and ReplicaSets make 20 to 50 pods a second.
    """
    return [_pod(number, _node(number % node_count)) for number in range(count)]


def _node(number: int) -> str:
    return f"fake-{number:03}"


def _pod(number: int, node: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"fake-{number:05}", "namespace": NAMESPACE, "labels": FAKE},
        "spec": {
            "nodeName": node,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "fake",
                    "image": "fake:1",
                    "resources": _RESOURCES,
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }
