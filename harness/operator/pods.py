"""The pods that prometheus-operator v0.85.0 makes of its objects, Prometheus and Alertmanager alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fawkes.harness.operator.objects import Manifest, name_of

_DEFAULT_VERSIONS: Final = {"Prometheus": "v3.5.0", "Alertmanager": "v0.28.1"}
"""pkg/operator/defaults.go, where an object names none."""


def replicas(owner: Manifest) -> int:
    """How many pods the object asks for: `spec.replicas`, 1 by default."""
    return int(owner["spec"].get("replicas", 1))


def pod_name(owner: Manifest, replica: int) -> str:
    """`prometheus-core-0` for the first replica of the Prometheus object `core`."""
    return f"{owner['kind'].lower()}-{name_of(owner)}-{replica}"


def labelled(owner: Manifest, selecting: Mapping[str, str]) -> dict[str, str]:
    """The labels of the object's pods: those that select them, before its own `podMetadata`, and the version."""
    spec = owner["spec"]
    version = str(spec.get("version", _DEFAULT_VERSIONS[owner["kind"]])).removeprefix("v")
    return {"app.kubernetes.io/version": version, **(spec.get("podMetadata") or {}).get("labels", {}), **selecting}
