"""Which parts the platform has, by name: known from its objects before anything has an address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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

SERVICES: Final = "services"
"""What a scenario's `platform.parts` calls all sample services together."""

BUCKET_APPS: Final[Mapping[str, tuple[str, str]]] = {
    "core": ("thanos-store", "thanos-compactor"),
    "learner": ("thanos-store-learner", "thanos-compactor-learner"),
}
"""Bucket -> its store gateway and its compactor."""

EXPORTERS: Final = ("kube-state-metrics", "node-exporter")
"""What only a cluster has."""

_SINGLE: Final = (
    *("postgres", "dora", "receivers", "beacon", *SAMPLE_SERVICES),
    *("minio", "thanos-query", *(app for apps in BUCKET_APPS.values() for app in apps)),
)
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "alertmanager-main": ("receivers",),
    "dora": ("postgres",),
    SERVICES: tuple(SAMPLE_SERVICES),
    **{app: ("minio",) for apps in BUCKET_APPS.values() for app in apps},
}
"""What an app can't start without."""


@dataclass(frozen=True, slots=True)
class PrometheusReplica:
    """One replica of a Prometheus object and the sidecar beside it."""

    manifest: Manifest
    replica: int

    @property
    def name(self) -> str:
        return pod_name(self.manifest, self.replica)

    @property
    def app(self) -> str:
        return self.name.rpartition("-")[0]

    @property
    def sidecar_app(self) -> str:
        return f"thanos-sidecar-{name_of(self.manifest)}"

    @property
    def sidecar(self) -> str:
        return f"{self.sidecar_app}-{self.replica}"

    @property
    def bucket(self) -> str:
        """`learner` has a bucket of its own; the others share `core`."""
        return "learner" if name_of(self.manifest) == "learner" else "core"


def with_replicas(objects: Objects, counts: Mapping[str, int]) -> Objects:
    """`objects` with `spec.replicas` of the Prometheus and Alertmanager objects that `counts` names by app."""
    for owner in (*objects.of("Prometheus"), *objects.of("Alertmanager")):
        count = counts.get(pod_name(owner, 0).rpartition("-")[0])
        if count is not None:
            objects = objects.replace({**owner, "spec": {**owner["spec"], "replicas": count}})
    return objects


class Inventory:
    """App -> names of its parts: of the whole platform, or of the apps in `parts` and what they need.

    `counts` (app -> replicas) is for the apps that are no object of their own; UsageError for one that can't have
    several, and for a name in `parts` that the platform doesn't have. `exporters`: whether there is a cluster, which
    has pods and nodes to tell of.
    """

    def __init__(
        self,
        objects: Objects,
        *,
        parts: Sequence[str] = (),
        counts: Mapping[str, int] | None = None,
        exporters: bool = False,
    ) -> None:
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
        counts = counts or {}
        self._joined: set[str] = set()
        self._apps: dict[str, list[str]] = {
            app: [f"{app}-{index}" for index in range(counts.get(app, 1))]
            for app in (*_SINGLE, *(EXPORTERS if exporters else ()))
        }
        for one in self.prometheus:
            self._apps.setdefault(one.app, []).append(one.name)
            self._apps.setdefault(one.sidecar_app, []).append(one.sidecar)
        for _, name in self.alertmanagers:
            self._apps.setdefault(name.rpartition("-")[0], []).append(name)
        self._refuse_counts(counts)
        if parts:
            self._keep_only(parts)

    def replicas(self, app: str) -> Sequence[str]:
        """Names of an app's parts. UsageError, with the nearest name, if there is no such app here."""
        if app not in self._apps:
            raise UsageError(f"the platform has no app {app!r}{did_you_mean(app, self._apps)}")
        return self._apps[app]

    def apps(self) -> Sequence[str]:
        return list(self._apps)

    def has(self, app: str) -> bool:
        return app in self._apps

    def joined(self, app: str, part: str) -> None:
        """A driver adds a part, or plays one of the sample services. UsageError for a part that there is already."""
        parts = self._apps.setdefault(app, [])
        if part in self._joined or (part in parts and app not in SAMPLE_SERVICES):
            raise UsageError(f"there is a part {part} already; give the new one another replica number")
        self._joined.add(part)
        if part not in parts:
            parts.append(part)

    def plays(self, app: str) -> bool:
        """Whether a driver plays the app, so that nothing else of that name runs."""
        return not self._joined.isdisjoint(self._apps.get(app, ()))

    def _refuse_counts(self, counts: Mapping[str, int]) -> None:
        owned = {one.app for one in self.prometheus} | {name.rpartition("-")[0] for _, name in self.alertmanagers}
        for app in counts.keys() - owned - {"dora"}:
            several = ", ".join(sorted(owned | {"dora"}))
            raise UsageError(f"platform.replicas: {app!r} can't have replicas; those that can: {several}")

    def _keep_only(self, parts: Sequence[str]) -> None:
        """Forget every app that is neither in `parts` nor needed by one that is."""
        for part in parts:
            if part != SERVICES and part not in self._apps:
                known = [SERVICES, *self._apps]
                raise UsageError(f"platform.parts: the platform has no app {part!r}{did_you_mean(part, known)}")
        kept: set[str] = set()
        waiting = list(parts)
        while waiting:
            app = waiting.pop()
            if app not in kept:
                kept.add(app)
                waiting += self._needed_by(app, parts)
        self._apps = {app: names for app, names in self._apps.items() if app in kept}
        self.prometheus = [one for one in self.prometheus if one.app in kept]
        self.alertmanagers = [(m, name) for m, name in self.alertmanagers if name.rpartition("-")[0] in kept]

    def _needed_by(self, app: str, parts: Sequence[str]) -> Iterator[str]:
        yield from _NEEDS.get(app, ())
        for one in self.prometheus:
            if app == one.sidecar_app:
                yield from (one.app, "minio")
            if app == "thanos-query" and one.app in parts:
                yield from (one.sidecar_app, BUCKET_APPS[one.bucket][0])
