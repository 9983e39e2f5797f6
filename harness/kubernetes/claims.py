"""Claims of volumes ahead of the pods that want them, so that the volumes are there when those come. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fawkes.harness.kubernetes.seed import claim_of
from fawkes.harness.operator.objects import Manifest, name_of, namespace_of

_SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"
"""Set by the scheduler on the claim of a pod that it has a node for: then a volume is made, for a class that waits."""


def claims(manifests: Sequence[Manifest], node: str) -> list[Manifest]:
    """What StatefulSets, and the operator for Prometheus objects, claim for each replica; their names are known.

    They find these and make none. A pod of the provisioner's makes each volume: 3 to 6 s at a load of 30, 15 to 22 s
    for eight at once at a load of 70.
    """
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace_of(one), "annotations": {_SELECTED_NODE: node}},
            "spec": spec,
        }
        for one in manifests
        for name, spec in _claimed(one)
    ]


def _claimed(manifest: Manifest) -> Iterator[tuple[str, Mapping[str, Any]]]:
    owner, spec = name_of(manifest), manifest.get("spec", {})
    replicas = range(spec.get("replicas", 1))
    if manifest["kind"] == "StatefulSet":
        for template in spec.get("volumeClaimTemplates", ()):
            yield from ((f"{name_of(template)}-{owner}-{index}", template["spec"]) for index in replicas)
    if manifest["kind"] == "Prometheus" and "volumeClaimTemplate" in spec.get("storage", {}):
        wanted = spec["storage"]["volumeClaimTemplate"]["spec"]
        yield from ((claim_of(manifest, f"prometheus-{owner}-{index}"), wanted) for index in replicas)
