"""A scenario's platform on a cluster: applied as GitOps would apply it, with the harness' own parts beside it."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from fawkes.harness.blueprint import Blueprint
from fawkes.harness.components.buckets import buckets
from fawkes.harness.errors import HarnessError, UsageError
from fawkes.harness.eventually import RealClock
from fawkes.harness.inventory import BUCKET_APPS
from fawkes.harness.kubernetes.platform import SMTP_HOST, Stages, namespaces, notification_credentials, stages
from fawkes.harness.kubernetes.pods import EVERYWHERE, WORK
from fawkes.harness.kubernetes.provider import KubernetesProvider
from fawkes.harness.kubernetes.rollout import app_of, before
from fawkes.harness.kubernetes.seed import PROMETHEUS_FOLDER, claim_of, seed
from fawkes.harness.kubernetes.whereabouts import whereabouts
from fawkes.harness.model import Component
from fawkes.harness.mutants.mutant import Mutant
from fawkes.harness.operator.objects import Manifest, Objects, load_objects
from fawkes.harness.operator.objstore import bucket
from fawkes.harness.operator.prometheus import pod_labels
from fawkes.harness.places import WORKLOADS
from fawkes.harness.plan import Plan, bucket_secret, object_store
from fawkes.harness.pods import discovered
from fawkes.harness.providers.local.ports import Ports
from fawkes.harness.site import PlatformSite
from fawkes.harness.stand_ins import notified, sample_services

_PORTS: Final = {"http": 8080, "smtp": 8025, "grpc": 10901}
"""Where the harness' own parts listen: each pod has its own network, so all may have the same."""
_LOG_LINES: Final = 20_000
"""Kept of each part's log. The container runtime keeps 10 MB."""


def own_port(part: str, port: str) -> int:
    """Where a part of the harness listens in its pod; the same for all parts."""
    return _PORTS[port]


class ClusterSite(PlatformSite):
    """Namespaces, their objects and secrets. Drivers' jobs run on this machine: they read its files."""

    listen_host = EVERYWHERE

    def __init__(
        self,
        directory: Path,
        blueprint: Blueprint,
        *,
        clock: RealClock,
        binaries: Mapping[str, Path],
        provider: KubernetesProvider,
        kubectl: Sequence[str],
    ) -> None:
        super().__init__(directory, blueprint, clock=clock, binaries=binaries, ports=Ports(random.SystemRandom()))
        _refuse(blueprint.mutant)
        self._cluster, self._kubectl = provider, kubectl
        self.provider = provider
        self._seeded: dict[str, Path] = {}
        self._namespaces: list[str] = []
        self._shipped: list[Manifest] = []

    @cached_property
    def plan(self) -> Plan:
        return Plan(
            run_id=self.run_id,
            seed=self.seed,
            objects=self.blueprint.objects,
            inventory=self.blueprint.inventory,
            secrets=self.secrets,
            port=own_port,
            address=self._cluster.reach.address,
            directory=lambda part: WORK,
            binaries=self.binaries,
            mutant=self.blueprint.mutant,
            native_senders=self.blueprint.native_senders,
            prefix=self.blueprint.prefix,
        )

    def data_directory(self, part: str) -> Path:
        self._seeded[part] = super().data_directory(part)
        return self._seeded[part]

    def port(self, part: str, port: str = "http") -> int:
        return own_port(part, port)

    def start(self, joined: Sequence[Component]) -> None:
        jobs = [part for part in joined if part.ready.by == "exit"]
        pods = [part for part in joined if part not in jobs]
        shipped = stages(self.plan, self._workloads())
        self._shipped = shipped.everything()
        applied = shipped.each(lambda one: before(one, self.blueprint.older))
        self._namespaces = namespaces(applied.base)
        self._clear()  # what a scenario before this one may have left
        self._place(pods)
        first = [*applied.base, *self._ways_in(), *applied.stores, *applied.services]
        # Everybody waits for the stores, and they for volumes.
        self._cluster.apply([*self._cluster.claims_ahead(applied.stores), *first])
        self._seed()
        self._cluster.start(self._receivers())
        self._notify(applied)
        # When the stores have got theirs: volumes are made all at once.
        self._cluster.apply(self._cluster.claims_ahead([*applied.gateways, *applied.prometheus]))
        self._cluster.start([*sample_services(self.plan, pods), *pods])
        self._cluster.ready(applied.stores)
        self._cluster.reachable([part for part in self._cluster.parts() if part in ("minio-0", "postgres-0")])
        self._run_here(jobs)
        self._cluster.apply(applied.gateways)
        self._cluster.ready([*applied.services, *applied.alerting])
        self._cluster.apply(applied.prometheus)
        self._cluster.ready([*applied.prometheus, *applied.gateways])
        self._cluster.apply(applied.queries)
        self._cluster.ready(applied.queries)
        self._cluster.reachable(self._cluster.parts())

    def _workloads(self) -> Objects:
        shipped, mutant = load_objects(WORKLOADS), self.blueprint.mutant
        return mutant.change_workloads(shipped) if mutant else shipped

    def shipped(self, app: str) -> Sequence[Manifest]:
        return [one for one in self._shipped if app_of(one) == app]

    def urls(self) -> Mapping[str, str]:
        return {
            part: self._cluster.url(part) for part in self._cluster.parts() if "http" in self._cluster.where(part).ports
        }

    def close(self) -> None:
        self.http.close()
        self._here.close()
        self._save_logs()
        if not self.blueprint.keep_data:
            self._here.discard_data()
            self._clear()
            self._cluster.close()
        self.ledger.close()

    def _clear(self) -> None:
        self._cluster.clear(self._namespaces)

    def _place(self, joined: Sequence[Component]) -> None:
        self._cluster.place(whereabouts(self.plan, joined))
        self._cluster.labelled({pod.name: pod.labels for pod in discovered(self.plan, joined)})
        self._cluster.labelled({"receivers-0": {"app.kubernetes.io/name": "receivers"}})

    def _ways_in(self) -> list[Mapping[str, object]]:
        parts = {part: self._cluster.where(part) for part in self._cluster.parts()}
        return [one for part, where in parts.items() for one in self._cluster.reach.manifests(part, where)]

    def _receivers(self) -> list[Component]:
        """Before all others: Alertmanager waits for their certificate, and takes as long as those to get ready."""
        smtp_host = self.plan.prefix(SMTP_HOST)
        return [notified(self.plan, smtp_host=smtp_host)] if self.blueprint.inventory.has("receivers") else []

    def _seed(self) -> None:
        """What drivers have put into data directories goes into the parts' volumes."""
        owners = {one.name: one.manifest for one in self.blueprint.inventory.prometheus}
        for part, source in self._seeded.items():
            where, owner = self._cluster.where(part), owners.get(part)
            claim = claim_of(owner, part) if owner else f"{part}-data"
            seed(
                self._cluster.kubernetes(),
                self._kubectl,
                source,
                namespace=where.namespace,
                claim=claim,
                below=PROMETHEUS_FOLDER if owner else "",
                labels=pod_labels(owner) if owner else {},
                clock=self.clock,
            )
            if not owner:
                self._cluster.claimed(part, claim)

    def _notify(self, applied: Stages) -> None:
        """Alertmanager is told whom to trust when it sends mail: the receivers have made that up when they started."""
        if applied.alerting:
            authority = self.http.get(f"{self._cluster.url('receivers-0')}/smtp-authority").raise_for_status().text
            self._cluster.apply([*notification_credentials(self.plan, authority), *applied.alerting])

    def _run_here(self, jobs: Sequence[Component]) -> None:
        if self.blueprint.inventory.has("minio"):
            names = sorted(bucket(bucket_secret(name, self.plan)) for name in BUCKET_APPS)
            here = self._here.part_directory("buckets")
            self._here.start([buckets("buckets", directory=here, store=object_store(self.plan), names=names, after=())])
        self._here.start(jobs)

    def _save_logs(self) -> None:
        logs = self.directory / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        for part in self._cluster.parts():
            # A cluster that is away has no logs; that it is away is told elsewhere.
            with contextlib.suppress(HarnessError):
                if text := self._cluster.log_tail(part, _LOG_LINES):
                    (logs / f"{part}.log").write_text(text + "\n")


def _refuse(mutant: Mutant | None) -> None:
    if mutant is not None and not mutant.in_objects:
        raise UsageError(f"mutant {mutant.name} changes processes, not objects: run it on local processes (--on local)")
