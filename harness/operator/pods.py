"""The pods that prometheus-operator v0.85.0 makes of its objects, Prometheus and Alertmanager alike."""

from __future__ import annotations

from fawkes.harness.operator.objects import Manifest, name_of


def replicas(owner: Manifest) -> int:
    """How many pods the object asks for: `spec.replicas`, 1 by default."""
    return int(owner["spec"].get("replicas", 1))


def pod_name(owner: Manifest, replica: int) -> str:
    """`prometheus-core-0` for the first replica of the Prometheus object `core`."""
    return f"{owner['kind'].lower()}-{name_of(owner)}-{replica}"
