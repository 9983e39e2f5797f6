"""From objects, names and secrets to what is applied to a cluster: the GitOps files, and what an installer adds."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import yaml

from fawkes.harness import senders
from fawkes.harness.components.minio import env_file
from fawkes.harness.components.postgres import dsn
from fawkes.harness.inventory import BUCKET_APPS, PrometheusReplica
from fawkes.harness.kubernetes.neighbours import considerate
from fawkes.harness.operator.alertmanager import CONFIG_KEY, config_secret, read_config
from fawkes.harness.operator.objects import Manifest, Objects, display_name, labels_of, name_of, namespace_of
from fawkes.harness.plan import Plan

APP: Final = "fawkes.io/app"
"""Label of every object of fixtures/platform/workloads that belongs to one app."""
SMTP_HOST: Final = "smtp-relay.fawkes-platform.svc"
"""As the platform's alertmanager.yaml says it."""
_PAGERDUTY_URL: Final = "http://receivers.fawkes-platform.svc:8080/v2/enqueue"
_MATTERMOST_URL: Final = "http://receivers.fawkes-platform.svc:8080/hooks/{}"
_POSTGRES: Final = "postgres.fawkes-platform.svc:5432"
_STORES: Final = ("minio", "postgres")
_QUERIES: Final = ("thanos-query",)
_GATEWAYS: Final = tuple(app for apps in BUCKET_APPS.values() for app in apps)
_WORKLOADS: Final = ("Deployment", "StatefulSet", "DaemonSet", "Pod")
_OWNED: Final = ("Prometheus", "Alertmanager")

SMALL: Final = {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "4Gi"}}
"""In place of what a Prometheus or Alertmanager asks for in production, on a cluster of one small node."""
_SMALL_CLAIM: Final = "1Gi"
_STORE_LOOKS: Final = "1s"
"""How often the store gateway looks for blocks (default 15m): what waits for a block waits for this."""


@dataclass(frozen=True, slots=True)
class Stages:
    """What is applied, in order."""

    base: tuple[Manifest, ...]
    """Namespaces, RBAC, secrets, monitors, rules, Services, policies."""
    stores: tuple[Manifest, ...]
    """Object store and database."""
    services: tuple[Manifest, ...]
    """What is watched."""
    alerting: tuple[Manifest, ...]
    """Alertmanager, once it can be told whom to trust."""
    gateways: tuple[Manifest, ...]
    """What needs buckets: store gateways and compactors."""
    prometheus: tuple[Manifest, ...]
    """Comes when what it alerts on is there, or each start would be an outage on a compressed clock."""
    queries: tuple[Manifest, ...]
    """Thanos Query, once those it asks have names."""

    def everything(self) -> list[Manifest]:
        return [one for stage in self._all() for one in stage]

    def each(self, change: Callable[[Manifest], Manifest]) -> Stages:
        """The same stages with every object changed."""
        return Stages(*(tuple(map(change, stage)) for stage in self._all()))

    def _all(self) -> Iterator[tuple[Manifest, ...]]:
        return (getattr(self, field.name) for field in fields(self))


def stages(plan: Plan, workloads: Objects) -> Stages:
    """The platform, as far as the inventory has it. `workloads`: the objects of fixtures/platform/workloads."""
    made = _stages(plan, workloads)
    if not plan.prefix:
        return made
    return made.each(lambda one: considerate(plan.prefix.manifest(one), plan.prefix))


def _stages(plan: Plan, workloads: Objects) -> Stages:
    wanted = [one for one in workloads if _is_wanted(one, plan)]
    running = [_fitted(one, plan) for one in wanted if one["kind"] in _WORKLOADS]
    owned = [one for kind in _OWNED for one in plan.objects.of(kind)]
    base = [one for one in plan.objects if one not in owned and not _is_configuration(one, plan.objects)]
    return Stages(
        base=(
            *base,
            *(one for one in wanted if one["kind"] not in _WORKLOADS),
            *_configurations(plan),
            *_credentials(plan),
        ),
        stores=_of(running, _STORES),
        services=tuple(one for one in running if labels_of(one).get(APP) not in (*_STORES, *_GATEWAYS, *_QUERIES)),
        alerting=tuple(_fitted_alertmanager(one) for one in _distinct(m for m, _ in plan.inventory.alertmanagers)),
        gateways=_of(running, _GATEWAYS),
        prometheus=tuple(
            _fitted_prometheus(one, plan) for one in _distinct(r.manifest for r in plan.inventory.prometheus)
        ),
        queries=_of(running, _QUERIES),
    )


def notification_credentials(plan: Plan, smtp_authority: str) -> list[Manifest]:
    """What Alertmanager mounts; `smtp_authority` is the certificate (PEM) of whom to trust when sending mail."""
    made = [
        _secret(
            namespace_of(manifest),
            "notification-credentials",
            {
                "mattermost-url": _MATTERMOST_URL.format(plan.secrets["mattermost-token"]),
                "pagerduty-routing-key": plan.secrets["pagerduty-routing-key"],
                "smtp-password": plan.secrets["smtp-password"],
                "smtp-authority": smtp_authority,
            },
        )
        for manifest in _distinct(m for m, _ in plan.inventory.alertmanagers)
    ]
    return list(map(plan.prefix.manifest, made))


def _is_wanted(manifest: Manifest, plan: Plan) -> bool:
    app = labels_of(manifest).get(APP)
    if app is None:
        return True
    played = manifest["kind"] in _WORKLOADS and plan.inventory.plays(app)
    return plan.inventory.has(app) and not played


def _of(manifests: Sequence[Manifest], apps: Sequence[str]) -> tuple[Manifest, ...]:
    return tuple(one for one in manifests if labels_of(one).get(APP) in apps)


def _distinct(manifests: Any) -> list[Manifest]:
    """Each once: an object has several replicas."""
    return list({display_name(one): one for one in manifests}.values())


# --- what is fitted to a small cluster and to the run ---------------------------------------------------------


def _fitted(manifest: Manifest, plan: Plan) -> Manifest:
    fitted = copy.deepcopy(dict(manifest))
    app = labels_of(manifest).get(APP, "")
    if app == "dora":
        fitted["spec"]["replicas"] = len(plan.inventory.replicas("dora"))
    if app.startswith("thanos-store"):
        _set_flag(_container(fitted, app)["args"], "sync-block-duration", _STORE_LOOKS)
    return fitted


def _set_flag(args: list[str], flag: str, value: str) -> None:
    args[:] = [one for one in args if not one.startswith(f"--{flag}=")] + [f"--{flag}={value}"]


def _container(workload: Mapping[str, Any], name: str) -> dict[str, Any]:
    containers: list[dict[str, Any]] = workload["spec"]["template"]["spec"]["containers"]
    return next(one for one in containers if one["name"] == name)


def _fitted_prometheus(manifest: Manifest, plan: Plan) -> Manifest:
    fitted = copy.deepcopy(dict(manifest))
    spec = fitted["spec"]
    spec["resources"] = SMALL
    # Hidden, 5s by default: how long the scraper collects discovery's updates. As on the local provider.
    spec["additionalArgs"] = [{"name": "scrape.discovery-reload-interval", "value": "100ms"}]
    _shrink_claim(spec)
    if not plan.inventory.has(PrometheusReplica(manifest, 0).sidecar_app):
        spec.pop("thanos", None)
        spec["containers"] = [one for one in spec["containers"] if one["name"] != "thanos-sidecar"]
    return fitted


def _fitted_alertmanager(manifest: Manifest) -> Manifest:
    fitted = copy.deepcopy(dict(manifest))
    fitted["spec"]["resources"] = SMALL
    # Its log tells when each alert came in, which nothing else does.
    fitted["spec"]["logLevel"] = "debug"
    _shrink_claim(fitted["spec"])
    return fitted


def _shrink_claim(spec: dict[str, Any]) -> None:
    claim = spec.get("storage", {}).get("volumeClaimTemplate", {}).get("spec", {})
    if "resources" in claim:
        claim["resources"]["requests"]["storage"] = _SMALL_CLAIM


# --- what an installer adds -----------------------------------------------------------------------------------


def _is_configuration(manifest: Manifest, objects: Objects) -> bool:
    """Whether it is an Alertmanager's configuration, which is applied with this run's addresses in it."""
    return any(manifest is config_secret(one, objects) for one in objects.of("Alertmanager"))


def _configurations(plan: Plan) -> list[Manifest]:
    """Each alertmanager.yaml, telling the receivers of this run instead of a PagerDuty of the world."""
    made: list[Manifest] = []
    for secret in _distinct(config_secret(one, plan.objects) for one in plan.objects.of("Alertmanager")):
        config = read_config(secret)
        config.setdefault("global", {})["pagerduty_url"] = _PAGERDUTY_URL
        text = yaml.safe_dump(config, sort_keys=False, width=120)
        made.append({**secret, "stringData": {**secret["stringData"], CONFIG_KEY: text}})
    return made


def _credentials(plan: Plan) -> list[Manifest]:
    """The Secrets that the workloads name and Git does not hold (fixtures/platform/workloads/README.md)."""
    keys = {
        "credentials": (
            "[default]\n"
            f"aws_access_key_id = {plan.secrets['minio-access-key']}\n"
            f"aws_secret_access_key = {plan.secrets['minio-secret-key']}\n"
        )
    }
    owners = {"core": "fawkes-monitoring", "learner": "fawkes-dojo"}
    return [
        *(_secret(namespace, f"thanos-objstore-{name}-credentials", keys) for name, namespace in owners.items()),
        _secret(
            "fawkes-monitoring",
            "minio-credentials",
            {"config.env": env_file(plan.secrets["minio-access-key"], plan.secrets["minio-secret-key"])},
        ),
        _secret("fawkes-platform", "postgres-credentials", {"password": plan.secrets["postgres-password"]}),
        _secret("fawkes-platform", "dora-config", {"dora.yaml": yaml.safe_dump(_dora_settings(plan))}),
    ]


def _dora_settings(plan: Plan) -> dict[str, Any]:
    known = senders.settings(plan.run_id, plan.secrets.__getitem__) if plan.native_senders else {}
    return {
        "dsn": dsn(address=_POSTGRES, password=plan.secrets["postgres-password"]),
        "webhook_secrets": [plan.secrets["dora-webhook"]],
        **known,
    }


def _secret(namespace: str, name: str, data: Mapping[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": dict(data),
    }


def namespaces(*groups: Sequence[Manifest]) -> list[str]:
    """The names of the namespaces among these objects."""
    return [name_of(one) for group in groups for one in group if one["kind"] == "Namespace"]
