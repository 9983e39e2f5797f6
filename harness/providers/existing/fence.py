"""A cluster's API for a run that is a guest there: what it writes bears the run's mark, and it writes nowhere else."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from fawkes.harness.errors import ProviderError
from fawkes.harness.kubernetes.api import Api, Json
from fawkes.harness.operator.objects import Manifest, labels_of, name_of, namespace_of

RUN: Final = "fawkes.io/run"
"""Label of every namespace, and of every object without one, that a run has made: whose they are, and may delete."""
MANAGED: Final = "app.kubernetes.io/managed-by"
"""Label that tells an administrator who to ask; its value is HARNESS."""
HARNESS: Final = "fawkes-harness"
RBAC: Final = "rbac.authorization.k8s.io/v1"
CRD: Final = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
_NO_NAMESPACE: Final = {
    ("v1", "Namespace"),
    (RBAC, "ClusterRole"),
    (RBAC, "ClusterRoleBinding"),
    CRD,
}
"""Kinds without a namespace that a run may make."""


class Fence(Api):
    """Refuses, with ProviderError, to change or delete what the run hasn't made, whatever the caller's rights.

    Reading is not held back. `images` says by which other name this cluster has an image.
    """

    def __init__(
        self,
        kubeconfig: Path,
        context: str,
        *,
        run_id: str,
        images: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(kubeconfig, context)
        self.run_id, self._images = run_id, images
        self._ours: set[str] = set()
        """Namespaces that have been seen to bear the run's mark."""

    def apply(self, manifest: Manifest, *, dry_run: bool = False) -> Json:
        api_version, kind = str(manifest["apiVersion"]), str(manifest["kind"])
        self._guard(api_version, kind, name_of(manifest), namespace_of(manifest))
        return super().apply(self._marked(manifest), dry_run=dry_run)

    def patch(self, api_version: str, kind: str, name: str, body: Mapping[str, Any], namespace: str = "") -> Json:
        self._guard(api_version, kind, name, namespace)
        return super().patch(api_version, kind, name, body, namespace)

    def add_container(self, namespace: str, pod: str, container: Mapping[str, Any]) -> Json:
        self._guard("v1", "Pod", pod, namespace)
        return super().add_container(namespace, pod, self._with_our_images(container))

    def delete(
        self, api_version: str, kind: str, name: str, namespace: str = "", *, grace_s: int | None = None
    ) -> bool:
        if namespace and not self._is_ours(namespace):
            return False
        self._guard(api_version, kind, name, namespace)
        if kind == "Namespace":
            self._ours.discard(name)
        return super().delete(api_version, kind, name, namespace, grace_s=grace_s)

    def delete_all(
        self, api_version: str, kind: str, namespace: str, *, labels: str = "", grace_s: int | None = None
    ) -> None:
        if self._is_ours(namespace):
            super().delete_all(api_version, kind, namespace, labels=labels, grace_s=grace_s)

    def _guard(self, api_version: str, kind: str, name: str, namespace: str) -> None:
        if namespace:
            if not self._is_ours(namespace):
                raise ProviderError(f"there is no namespace {namespace}; apply it first, then what is to be in it")
            return
        if (api_version, kind) not in _NO_NAMESPACE:
            raise ProviderError(
                f"{kind} {name} is all of the cluster's, which others use too; only namespaces that this run has made "
                "are written in. Run the scenario with --on kind"
            )
        found = self.get(api_version, kind, name)
        if found is not None:
            self._refuse_strange(found)

    def _is_ours(self, namespace: str) -> bool:
        """Whether it is there; ProviderError if it is somebody else's."""
        if namespace in self._ours:
            return True
        found = self.get("v1", "Namespace", namespace)
        if found is None:
            return False
        self._refuse_strange(found)
        self._ours.add(namespace)
        return True

    def _refuse_strange(self, found: Json) -> None:
        whose = labels_of(found).get(RUN)
        if whose == self.run_id:
            return
        what = f"{found['kind']} {name_of(found)} is there already"
        if whose is None:
            raise ProviderError(f"{what}, and no harness has made it; choose another --namespace-prefix")
        raise ProviderError(
            f"{what}, of run {whose}; `harness gc` removes it if that run has crashed on this machine, else choose "
            "another --namespace-prefix"
        )

    def _marked(self, manifest: Manifest) -> Manifest:
        marked: dict[str, Any] = self._with_our_images(copy.deepcopy(dict(manifest)))
        if not namespace_of(marked):
            labels = marked["metadata"].setdefault("labels", {})
            labels |= {RUN: self.run_id, MANAGED: HARNESS}
        return marked

    def _with_our_images(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {
                key: self._images.get(one, one)
                if key == "image" and isinstance(one, str)
                else self._with_our_images(one)
                for key, one in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._with_our_images(one) for one in value]
        return value
