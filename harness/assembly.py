"""From objects, names and addresses to components: what the local provider runs, and what discovery sees of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from fawkes.harness import senders
from fawkes.harness.components import thanos
from fawkes.harness.components.alertmanager import alertmanager
from fawkes.harness.components.buckets import buckets
from fawkes.harness.components.dora import dora
from fawkes.harness.components.exporter import beacon, exporter
from fawkes.harness.components.link import link, link_name
from fawkes.harness.components.minio import minio
from fawkes.harness.components.postgres import dsn, postgres
from fawkes.harness.components.prometheus import DATA, prometheus
from fawkes.harness.components.receivers import AUTHORITY_FILE, receivers
from fawkes.harness.errors import UsageError
from fawkes.harness.inventory import BUCKET_APPS, SAMPLE_SERVICES, Inventory, PrometheusReplica
from fawkes.harness.model import Component
from fawkes.harness.mutants.mutant import Mutant
from fawkes.harness.operator import alertmanager as am
from fawkes.harness.operator import prometheus as prom
from fawkes.harness.operator.discovery import Pod
from fawkes.harness.operator.objects import Manifest, Objects, labels_of, namespace_of
from fawkes.harness.operator.objstore import ObjectStore, bucket, objstore_secret, render_objstore
from fawkes.harness.oracle.beacon import beacon_value
from fawkes.harness.scenario.loading import did_you_mean
from fawkes.harness.secrets import Secrets

_LEARNER_RETENTION: Final = thanos.BucketRetention(raw="90d", five_minutes="90d", one_hour="90d")
"""ADR-012: 90 days in Thanos for the Learner; the others keep for ever."""
SERVICE_LABEL: Final = "fawkes.io/service"
"""The label that says what a Service is, and becomes the job of its targets."""
_TEAMS: Final = ("platform", "payments", "search")
"""Whose leads have a mailbox: the platform's own team and two that are its users."""
_BEHIND: Final = "behind"
"""Port name of a part whose own port is taken by a tampering proxy."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything an assembly is made from."""

    run_id: str
    seed: int
    objects: Objects
    inventory: Inventory
    secrets: Secrets
    port: Callable[[str, str], int]
    """(part, port name) -> the port that its neighbours dial."""
    directory: Callable[[str], Path]
    """part -> its own directory."""
    binaries: Mapping[str, Path]
    mutant: Mutant | None
    given_dsn: str | None
    """Database on a server that somebody else runs; None when PostgreSQL is a part of the platform here."""
    native_senders: bool
    """Whether the DORA service knows GitHub, GitLab, Argo CD and Jenkins."""


def assemble(plan: Plan, joined: Sequence[Component]) -> list[Component]:
    """Components of the whole platform and of what drivers have `joined` to it."""
    pods = _pods(plan)
    pods += _joined_pods(plan, joined, pods)
    jobs = [part for part in joined if part.ready.by == "exit"]
    services = [*_services(plan, joined), *(part for part in joined if part not in jobs)]
    alerting = _alerting(plan)
    # Prometheus comes last. What it alerts on would otherwise be down at each start, for minutes of a compressed clock.
    watched = tuple(part.name for part in (*services, *alerting))
    parts = [
        *_stores(plan),
        *alerting,
        *services,
        *jobs,
        *(replace(_prometheus(one, plan, pods), after=watched) for one in plan.inventory.prometheus),
        *_thanos(plan, after_jobs=tuple(job.name for job in jobs)),
    ]
    return [piece for part in parts for piece in _tampered(part, plan)]


def object_store(plan: Plan) -> ObjectStore:
    """Where this run's MinIO is, with its keys."""
    endpoint = f"127.0.0.1:{plan.port('minio-0', 'http')}"
    return ObjectStore(endpoint, plan.secrets["minio-access-key"], plan.secrets["minio-secret-key"])


def objstore_yaml(name: str, plan: Plan) -> str:
    """objstore.yml of the bucket `core` or `learner`, with keys."""
    return render_objstore(_bucket_secret(name, plan), object_store(plan))


def postgres_dsn(plan: Plan) -> str:
    """libpq URL of the DORA service's database."""
    own = dsn(port=plan.port("postgres-0", "postgres"), password=plan.secrets["postgres-password"])
    return plan.given_dsn or own


def _bucket_secret(name: str, plan: Plan) -> Manifest:
    """The Secret with the objstore.yml of the bucket `core` or `learner`, whoever of its owners runs here."""
    owner = next(one for one in plan.objects.of("Prometheus") if PrometheusReplica(one, 0).bucket == name)
    return objstore_secret(owner, plan.objects)


def _stores(plan: Plan) -> list[Component]:
    databases = _postgres(plan) if plan.inventory.has("postgres") else ()
    if not plan.inventory.has("minio"):
        return list(databases)
    names = sorted(bucket(_bucket_secret(name, plan)) for name in BUCKET_APPS)
    return [
        *databases,
        minio(
            "minio-0",
            binary=plan.binaries["minio"],
            directory=plan.directory("minio-0"),
            ports=_ports(plan, "minio-0", "http", "console"),
            access_key=plan.secrets["minio-access-key"],
            secret_key=plan.secrets["minio-secret-key"],
        ),
        buckets(
            "buckets", directory=plan.directory("buckets"), store=object_store(plan), names=names, after=("minio-0",)
        ),
    ]


def _postgres(plan: Plan) -> Sequence[Component]:
    if plan.given_dsn is not None:
        return ()
    return postgres(
        port=plan.port("postgres-0", "postgres"),
        password=plan.secrets["postgres-password"],
        directory=plan.directory("postgres-0"),
    )


def _prometheus(one: PrometheusReplica, plan: Plan, pods: Sequence[Pod]) -> Component:
    rendered = prom.render_prometheus(one.manifest, one.replica, plan.objects, pods)
    return prometheus(
        one.name,
        binary=plan.binaries["prometheus"],
        directory=plan.directory(one.name),
        ports=_ports(plan, one.name, "http"),
        spec=one.manifest["spec"],
        config=rendered.config,
        rule_files=rendered.rule_files,
        target_files=rendered.target_files,
    )


def _alerting(plan: Plan) -> list[Component]:
    if not plan.inventory.has("receivers"):
        return []
    http, smtp = plan.port("receivers-0", "http"), plan.port("receivers-0", "smtp")
    parts = [
        receivers(
            http_port=http,
            smtp_port=smtp,
            smtp_password=plan.secrets["smtp-password"],
            mattermost_token=plan.secrets["mattermost-token"],
            mattermost_channels=[f"{team}-alerts" for team in _TEAMS],
            pagerduty_routing_key=plan.secrets["pagerduty-routing-key"],
            email_recipients=[f"{team}-leads@fawkes.example" for team in _TEAMS],
        )
    ]
    for manifest, name in plan.inventory.alertmanagers:
        files = am.render_alertmanager(
            manifest,
            plan.objects,
            addresses=am.ReceiverAddresses(f"127.0.0.1:{smtp}", f"http://127.0.0.1:{http}/v2/enqueue"),
            secrets={
                "notification-credentials/mattermost-url": (
                    f"http://127.0.0.1:{http}/hooks/{plan.secrets['mattermost-token']}"
                ),
                "notification-credentials/pagerduty-routing-key": plan.secrets["pagerduty-routing-key"],
                "notification-credentials/smtp-password": plan.secrets["smtp-password"],
                "notification-credentials/smtp-authority": plan.directory("receivers-0") / AUTHORITY_FILE,
            },
            directory=plan.directory(name),
        )
        parts += _alertmanager(name, manifest, files, plan)
    return parts


def _alertmanager(name: str, manifest: Manifest, files: Mapping[str, str], plan: Plan) -> list[Component]:
    """One replica; where there are several, with the relay through which the others reach it."""
    names = [other for owner, other in plan.inventory.alertmanagers if owner is manifest]
    peers = {other: plan.port(link_name(other), "cluster") for other in names} if len(names) > 1 else {}
    part = alertmanager(
        name,
        binary=plan.binaries["alertmanager"],
        directory=plan.directory(name),
        ports=_ports(plan, name, "http", *(["cluster"] if peers else [])),
        spec=manifest["spec"],
        files=files,
        peers=[f"127.0.0.1:{port}" for port in peers.values()],
        advertise=f"127.0.0.1:{peers[name]}" if peers else "",
    )
    part = replace(part, after=("receivers-0", *map(link_name, peers)))
    return [part, link(name, listen_port=peers[name], target_port=part.ports["cluster"])] if peers else [part]


def _thanos(plan: Plan, after_jobs: tuple[str, ...]) -> list[Component]:
    binary = plan.binaries["thanos"]
    sidecars = [
        thanos.sidecar(
            one.sidecar,
            binary=binary,
            directory=plan.directory(one.sidecar),
            ports=_ports(plan, one.sidecar, "http", "grpc"),
            prometheus_name=one.name,
            prometheus_url=f"http://127.0.0.1:{plan.port(one.name, 'http')}",
            tsdb=plan.directory(one.name) / DATA,
            objstore=objstore_yaml(one.bucket, plan),
        )
        for one in plan.inventory.prometheus
        if plan.inventory.has(one.sidecar_app)
    ]
    sidecars = [replace(part, after=(*part.after, "buckets")) for part in sidecars]
    stores, compactors = [], []
    for name, (store_app, compactor_app) in BUCKET_APPS.items():
        if plan.inventory.has(store_app):
            stores.append(_store(name, f"{store_app}-0", plan, after_jobs))
        if plan.inventory.has(compactor_app):
            compactors.append(_compactor(name, f"{compactor_app}-0", plan, after_jobs))
    if not plan.inventory.has("thanos-query"):
        return [*sidecars, *stores, *compactors]
    asked = [part.name for part in (*sidecars, *stores)]
    query = thanos.query(
        "thanos-query-0",
        binary=binary,
        ports={"http": _own_port(plan, "thanos-query-0", "thanos-query"), "grpc": plan.port("thanos-query-0", "grpc")},
        endpoints=[f"127.0.0.1:{plan.port(part, 'grpc')}" for part in asked],
        after=asked,
    )
    return [*sidecars, *stores, *compactors, query]


def _store(name: str, part: str, plan: Plan, after_jobs: tuple[str, ...]) -> Component:
    return thanos.store(
        part,
        binary=plan.binaries["thanos"],
        directory=plan.directory(part),
        ports=_ports(plan, part, "http", "grpc"),
        objstore=objstore_yaml(name, plan),
        after=("buckets", *after_jobs),
    )


def _compactor(name: str, part: str, plan: Plan, after_jobs: tuple[str, ...]) -> Component:
    return thanos.compactor(
        part,
        binary=plan.binaries["thanos"],
        directory=plan.directory(part),
        ports=_ports(plan, part, "http"),
        objstore=objstore_yaml(name, plan),
        retention=_LEARNER_RETENTION if name == "learner" else thanos.BucketRetention(),
        after=("buckets", *after_jobs),
    )


def _services(plan: Plan, joined: Sequence[Component]) -> list[Component]:
    played = {part.name for part in joined}
    shown = [
        exporter(
            f"{app}-0",
            app=app,
            port=plan.port(f"{app}-0", "http"),
            metrics=[{"name": "fawkes_service_info", "type": "gauge", "labels": {"service": app}, "value": 1}],
        )
        for app in filter(plan.inventory.has, SAMPLE_SERVICES)
        if f"{app}-0" not in played
    ]
    if plan.inventory.has("beacon"):
        shown.append(beacon(port=plan.port("beacon-0", "http"), run_id=plan.run_id, value=beacon_value(plan.seed)))
    if plan.inventory.has("dora"):
        shown += [_dora(name, plan) for name in plan.inventory.replicas("dora")]
    return shown


def _dora(name: str, plan: Plan) -> Component:
    return dora(
        name,
        port=_own_port(plan, name, "dora"),
        dsn=postgres_dsn(plan),
        webhook_secret=plan.secrets["dora-webhook"],
        after=() if plan.given_dsn else ("postgres-0",),
        senders=senders.settings(plan.run_id, plan.secrets.__getitem__) if plan.native_senders else {},
    )


# --- what discovery sees ------------------------------------------------------------------------------------


def _pods(plan: Plan) -> list[Pod]:
    def pod(namespace: str, part: str, labels: Mapping[str, str], container: str, **ports: str) -> Pod:
        return Pod(namespace, part, labels, container, {name: plan.port(part, own) for name, own in ports.items()})

    pods = []
    for one in plan.inventory.prometheus:
        namespace, labels = namespace_of(one.manifest), prom.pod_labels(one.manifest)
        pods.append(pod(namespace, one.name, labels, "prometheus", web="http"))
        if plan.inventory.has(one.sidecar_app):
            pods.append(Pod(namespace, one.name, labels, "thanos-sidecar", _ports(plan, one.sidecar, "http", "grpc")))
    for manifest, name in plan.inventory.alertmanagers:
        pods.append(pod(namespace_of(manifest), name, am.pod_labels(manifest), "alertmanager", web="http"))
    apps = dict(SAMPLE_SERVICES)
    apps |= {app: ("fawkes-platform", app) for app in ("dora", "beacon")}
    apps |= {app: ("fawkes-monitoring", app) for app in ("minio", "thanos-query", *BUCKET_APPS["core"])}
    apps |= {app: ("fawkes-dojo", app) for app in BUCKET_APPS["learner"]}
    for app in filter(plan.inventory.has, apps):
        namespace, name = apps[app]
        for part in plan.inventory.replicas(app):
            pods.append(pod(namespace, part, {"app.kubernetes.io/name": name}, name, http="http"))
    return pods


def _joined_pods(plan: Plan, joined: Sequence[Component], known: Sequence[Pod]) -> list[Pod]:
    """Where a joined part stands: in the namespace of its app's Service, which selects it."""
    names = {pod.name for pod in known}
    new = [part for part in joined if part.ports and part.discovered and part.name not in names]
    return [
        Pod(
            namespace_of(service),
            part.name,
            service["spec"]["selector"],
            part.app,
            {"http": part.ports["http"]},
        )
        for part in new
        for service in [_service_of(part.app, plan.objects)]
    ]


def _service_of(app: str, objects: Objects) -> Manifest:
    """The Service that selects an app's pods. UsageError if none or several have the app in fawkes.io/service."""
    found = [one for one in objects.of("Service") if labels_of(one).get(SERVICE_LABEL) == app]
    if len(found) != 1:
        known = sorted({labels_of(one).get(SERVICE_LABEL, "") for one in objects.of("Service")} - {""})
        raise UsageError(
            f"{len(found)} Services of the platform have the label {SERVICE_LABEL}: {app}"
            f"{did_you_mean(app, known)}; add one, with a ServiceMonitor, to fixtures/platform"
        )
    return found[0]


def _ports(plan: Plan, part: str, *names: str) -> dict[str, int]:
    return {name: plan.port(part, name) for name in names}


# --- mutants that sit between two parts ---------------------------------------------------------------------


def _own_port(plan: Plan, part: str, app: str) -> int:
    """Where a part itself listens: on another port than the one neighbours dial when a proxy stands before it."""
    tampered = plan.mutant is not None and plan.mutant.tampers_with == app
    return plan.port(part, _BEHIND if tampered else "http")


def _tampered(part: Component, plan: Plan) -> list[Component]:
    """The part, changed as the mutant says, under another name where the mutant's proxy takes its place."""
    if plan.mutant is None:
        return [part]
    part = plan.mutant.change_part(part)
    if plan.mutant.tampers_with != part.app:
        return [part]
    behind = replace(part, name=f"{part.name}-{_BEHIND}")
    listen = plan.port(part.name, "http")
    config = {"listen_port": listen, "upstream": f"http://127.0.0.1:{part.ports['http']}", **plan.mutant.tamper}
    proxy = Component(
        name=part.name,
        app=part.app,
        argv=(sys.executable, "-m", "fawkes.harness.tamper", "--config", "tamper.json"),
        ready=part.ready,
        ports={"http": listen},
        files={"tamper.json": json.dumps(config)},
        after=(behind.name,),
    )
    return [behind, proxy]
