"""From objects, names and addresses to components: what the local provider runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from fawkes.harness import senders
from fawkes.harness.components import thanos
from fawkes.harness.components.alertmanager import alertmanager
from fawkes.harness.components.buckets import buckets
from fawkes.harness.components.dora import dora
from fawkes.harness.components.link import link, link_name
from fawkes.harness.components.minio import minio
from fawkes.harness.components.postgres import postgres
from fawkes.harness.components.prometheus import DATA, prometheus
from fawkes.harness.components.receivers import AUTHORITY_FILE
from fawkes.harness.inventory import BUCKET_APPS, PrometheusReplica
from fawkes.harness.model import Component
from fawkes.harness.operator import alertmanager as am
from fawkes.harness.operator import prometheus as prom
from fawkes.harness.operator.discovery import Pod
from fawkes.harness.operator.objects import Manifest, name_of, namespace_of
from fawkes.harness.operator.objstore import bucket
from fawkes.harness.plan import Plan, bucket_secret, object_store, objstore_yaml, postgres_dsn
from fawkes.harness.pods import discovered, ports_of
from fawkes.harness.stand_ins import notified, sample_services

_LEARNER_RETENTION: Final = thanos.BucketRetention(raw="90d", five_minutes="90d", one_hour="90d")
"""ADR-012: 90 days in Thanos for the Learner; the others keep for ever."""
_BEHIND: Final = "behind"
"""Port name of a part whose own port is taken by a tampering proxy."""


def assemble(plan: Plan, joined: Sequence[Component]) -> list[Component]:
    """Components of the whole platform and of what drivers have `joined` to it."""
    pods = discovered(plan, joined)
    jobs = [part for part in joined if part.ready.by == "exit"]
    services = [*sample_services(plan, joined), *_doras(plan), *(part for part in joined if part not in jobs)]
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


def _stores(plan: Plan) -> list[Component]:
    databases = _postgres(plan) if plan.inventory.has("postgres") else ()
    if not plan.inventory.has("minio"):
        return list(databases)
    names = sorted(bucket(bucket_secret(name, plan)) for name in BUCKET_APPS)
    return [
        *databases,
        minio(
            "minio-0",
            binary=plan.binaries["minio"],
            directory=plan.directory("minio-0"),
            ports=ports_of(plan, "minio-0", "http", "console"),
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
        ports=ports_of(plan, one.name, "http"),
        spec=one.manifest["spec"],
        config=rendered.config,
        rule_files=rendered.rule_files,
        target_files=rendered.target_files,
    )


def _alerting(plan: Plan) -> list[Component]:
    if not plan.inventory.has("receivers"):
        return []
    http, smtp = plan.address("receivers-0", "http"), plan.address("receivers-0", "smtp")
    parts = [notified(plan, smtp_host="127.0.0.1")]
    for manifest, name in plan.inventory.alertmanagers:
        files = am.render_alertmanager(
            manifest,
            plan.objects,
            addresses=am.ReceiverAddresses(smtp, f"http://{http}/v2/enqueue"),
            secrets={
                "notification-credentials/mattermost-url": (f"http://{http}/hooks/{plan.secrets['mattermost-token']}"),
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
        ports=ports_of(plan, name, "http", *(["cluster"] if peers else [])),
        spec=manifest["spec"],
        files=files,
        peers=[f"127.0.0.1:{port}" for port in peers.values()],
        advertise=f"127.0.0.1:{peers[name]}" if peers else "",
        cluster_label=f"{namespace_of(manifest)}/{name_of(manifest)}",
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
            ports=ports_of(plan, one.sidecar, "http", "grpc"),
            prometheus_name=one.name,
            prometheus_url=f"http://{plan.address(one.name, 'http')}",
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
        endpoints=[plan.address(part, "grpc") for part in asked],
        after=asked,
    )
    return [*sidecars, *stores, *compactors, query]


def _store(name: str, part: str, plan: Plan, after_jobs: tuple[str, ...]) -> Component:
    return thanos.store(
        part,
        binary=plan.binaries["thanos"],
        directory=plan.directory(part),
        ports=ports_of(plan, part, "http", "grpc"),
        objstore=objstore_yaml(name, plan),
        after=("buckets", *after_jobs),
    )


def _compactor(name: str, part: str, plan: Plan, after_jobs: tuple[str, ...]) -> Component:
    return thanos.compactor(
        part,
        binary=plan.binaries["thanos"],
        directory=plan.directory(part),
        ports=ports_of(plan, part, "http"),
        objstore=objstore_yaml(name, plan),
        retention=_LEARNER_RETENTION if name == "learner" else thanos.BucketRetention(),
        after=("buckets", *after_jobs),
    )


def _doras(plan: Plan) -> list[Component]:
    return [_dora(name, plan) for name in plan.inventory.replicas("dora")] if plan.inventory.has("dora") else []


def _dora(name: str, plan: Plan) -> Component:
    return dora(
        name,
        port=_own_port(plan, name, "dora"),
        dsn=postgres_dsn(plan),
        webhook_secret=plan.secrets["dora-webhook"],
        after=() if plan.given_dsn else ("postgres-0",),
        senders=senders.settings(plan.run_id, plan.secrets.__getitem__) if plan.native_senders else {},
    )


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
