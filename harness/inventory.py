"""Which parts the platform has, by name: known from its objects before anything has an address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fawkes.harness.errors import UsageError
from fawkes.harness.operator.objects import Manifest, Objects, name_of
from fawkes.harness.operator.pods import pod_name, replicas
from fawkes.harness.scenario.loading import did_you_mean

SAMPLE_SERVICES: Final[Mapping[str, tuple[str, str]]] = {
    "argocd": ("fawkes-cicd", "argocd-server"),
    "jenkins": ("fawkes-cicd", "jenkins"),
    "harbor": ("fawkes-cicd", "harbor"),
    "backstage": ("fawkes-platform", "backstage"),
    "mattermost": ("fawkes-platform", "mattermost"),
    "focalboard": ("fawkes-platform", "focalboard"),
    "dojo-lab": ("fawkes-dojo", "dojo-lab"),
}
"""Services of the platform that only show metrics here: app -> (namespace, app.kubernetes.io/name)."""

SINGLE: Final = (
    *("postgres", "dora", "receivers", "beacon", *SAMPLE_SERVICES),
    *("minio", "thanos-store", "thanos-store-learner", "thanos-query", "thanos-compactor", "thanos-compactor-learner"),
)


@dataclass(frozen=True, slots=True)
class PrometheusReplica:
    """One replica of a Prometheus object and the sidecar beside it."""

    manifest: Manifest
    replica: int

    @property
    def name(self) -> str:
        return pod_name(self.manifest, self.replica)

    @property
    def sidecar(self) -> str:
        return f"thanos-sidecar-{name_of(self.manifest)}-{self.replica}"

    @property
    def bucket(self) -> str:
        """`learner` has a bucket of its own; the others share `core`."""
        return "learner" if name_of(self.manifest) == "learner" else "core"


class Inventory:
    """App -> names of its parts."""

    def __init__(self, objects: Objects) -> None:
        self.prometheus = [
            PrometheusReplica(manifest, replica)
            for manifest in objects.of("Prometheus")
            for replica in range(replicas(manifest))
        ]
        self.alertmanagers = [
            (manifest, pod_name(manifest, replica))
            for manifest in objects.of("Alertmanager")
            for replica in range(replicas(manifest))
        ]
        self._joined: set[str] = set()
        self._apps: dict[str, list[str]] = {app: [f"{app}-0"] for app in SINGLE}
        for one in self.prometheus:
            self._add(one.name)
            self._add(one.sidecar)
        for _, name in self.alertmanagers:
            self._add(name)

    def replicas(self, app: str) -> Sequence[str]:
        """Names of an app's parts. UsageError, with the nearest name, if there is no such app."""
        if app not in self._apps:
            raise UsageError(f"the platform has no app {app!r}{did_you_mean(app, self._apps)}")
        return self._apps[app]

    def apps(self) -> Sequence[str]:
        return list(self._apps)

    def joined(self, app: str, part: str) -> None:
        """A driver adds a part, or plays one of the sample services. UsageError for a part that there is already."""
        parts = self._apps.setdefault(app, [])
        if part in self._joined or (part in parts and app not in SAMPLE_SERVICES):
            raise UsageError(f"there is a part {part} already; give the new one another replica number")
        self._joined.add(part)
        if part not in parts:
            parts.append(part)

    def _add(self, name: str) -> None:
        self._apps.setdefault(name.rpartition("-")[0], []).append(name)
