"""The `operator` way to a platform's foundations: the bundle that the pinned prometheus-operator module ships.

The bundle is applied as it is but for what `operator_manifests` changes. The exporters are among the platform's own
objects (fixtures/platform/workloads).
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fawkes.harness.errors import ToolchainError
from fawkes.harness.eventually import Clock
from fawkes.harness.images.catalogue import reference
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.kubernetes.apply import apply
from fawkes.harness.kubernetes.documents import read_documents
from fawkes.harness.kubernetes.waiting import wait_ready
from fawkes.harness.operator.objects import Manifest
from fawkes.harness.toolchain.modules import module_directory
from fawkes.harness.toolchain.pins import pins

OPERATOR_NAMESPACE: Final = "fawkes-operator"
"""Of its own: the platform's namespaces come and go."""
_MODULE: Final = "github.com/prometheus-operator/prometheus-operator"
NAMESPACE: Final[Manifest] = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": OPERATOR_NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
}
_DEPLOYMENT: Final[Manifest] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "prometheus-operator", "namespace": OPERATOR_NAMESPACE},
}
_APPLIED: Final = "fawkes.io/applied"
"""Annotation with a digest of what has been applied to its end."""
_RESOURCES: Final = {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}
"""The bundle's limit of 0.2 CPU makes it take seconds to write what takes it a quarter of one."""
_INSTALLED_WITHIN_S: Final = 120.0
"""6 s on two cores, with its image at hand."""


def provide_bundle(*, environ: Mapping[str, str], clock: Clock, progress: Callable[[str], None]) -> Path:
    """bundle.yaml of the pinned module. ToolchainError if the module can't be had, or has none."""
    pin = pins()["prometheus-operator"]
    module = module_directory(pin.module, _MODULE, environ=environ, clock=clock, progress=progress)
    if not (module / "bundle.yaml").is_file():
        raise ToolchainError(f"{module} has no bundle.yaml; is it still prometheus-operator as {pin.module} pins it?")
    return module / "bundle.yaml"


def operator_manifests(bundle: Path, watched: Sequence[str]) -> list[Manifest]:
    """Everything that is applied, in the bundle's order: definitions, RBAC, Deployment.

    Changed: its namespace; images, to the pinned ones; it looks into the namespaces `watched` only and leaves the
    kubelets' Endpoints in kube-system alone; resources; probes, which the bundle has none of.
    """
    return [NAMESPACE, *(_changed(one, watched) for one in read_documents(bundle.read_text()))]


def install_operator(
    api: Api, bundle: Path, watched: Sequence[str], *, clock: Clock, within_s: float = _INSTALLED_WITHIN_S
) -> None:
    """Apply and wait until it runs. Errors as of `apply` and `wait_ready`.

    Where all of it was applied already, which its namespace tells, it is only waited for: to read the bundle and to
    apply it takes 2 s.
    """
    stamp = _stamp(bundle, watched)
    found = api.get("v1", "Namespace", OPERATOR_NAMESPACE) or NAMESPACE
    there = found["metadata"].get("annotations", {}).get(_APPLIED) == stamp
    if not there:
        apply(api, operator_manifests(bundle, watched), clock=clock, within_s=within_s)
    wait_ready(api, [_DEPLOYMENT], clock=clock, within_s=within_s)
    if not there:
        stamped = {**NAMESPACE["metadata"], "annotations": {_APPLIED: stamp}}
        apply(api, [{**NAMESPACE, "metadata": stamped}], clock=clock, within_s=within_s)


def _stamp(bundle: Path, watched: Sequence[str]) -> str:
    """Another one for everything else that would be applied: the bundle, and how it is changed."""
    images = [reference(name) for name in ("prometheus-operator", "prometheus-config-reloader")]
    changes = "\n".join([*sorted(watched), *images, Path(__file__).read_text()])
    return hashlib.sha256(bundle.read_bytes() + changes.encode()).hexdigest()


def _changed(manifest: Manifest, watched: Sequence[str]) -> Manifest:
    changed = copy.deepcopy(dict(manifest))
    if "namespace" in changed["metadata"]:
        changed["metadata"]["namespace"] = OPERATOR_NAMESPACE
    for subject in changed.get("subjects", ()):
        subject["namespace"] = OPERATOR_NAMESPACE
    if changed["kind"] == "Deployment":
        pod = changed["spec"]["template"]["spec"]
        pod["containers"] = [_container(one, watched) for one in pod["containers"]]
    return changed


def _container(container: Mapping[str, Any], watched: Sequence[str]) -> dict[str, Any]:
    args = [
        f"--namespaces={','.join(sorted(watched))}",
        f"--prometheus-config-reloader={reference('prometheus-config-reloader')}",
        # Three to five of them stand beside the platform's parts: by default each would ask for 10m and 50Mi.
        "--config-reloader-cpu-request=5m",
        "--config-reloader-cpu-limit=0",
        "--config-reloader-memory-request=16Mi",
        "--config-reloader-memory-limit=64Mi",
        "--enable-config-reloader-probes=true",
    ]
    probe = {"httpGet": {"path": "/healthz", "port": "http"}}
    return {
        **container,
        "args": args,
        "image": reference("prometheus-operator"),
        "resources": _RESOURCES,
        "startupProbe": {**probe, "periodSeconds": 1, "failureThreshold": 60},
        "readinessProbe": {**probe, "periodSeconds": 5},
        "livenessProbe": {**probe, "periodSeconds": 10, "failureThreshold": 6},
    }
