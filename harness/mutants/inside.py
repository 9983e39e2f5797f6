"""Broken platforms: what only a look inside the parts tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import yaml

from fawkes.harness.model import Component, Stage
from fawkes.harness.mutants.mutant import NAMESPACE, Mutant
from fawkes.harness.operator.objects import Objects
from fawkes.harness.toolchain.pins import pins

_PARTS: Final = "inside_the_parts"
_PODS: Final = "inside_the_pods"
_NO_CLUSTER: Final = "--cluster.listen-address="
_OLDER: Final = "0.30.0"


def _keeps_more(objects: Objects) -> Objects:
    def change(prometheus: dict[str, Any]) -> None:
        prometheus["spec"]["retentionSize"] = "60GB"

    return objects.edit("Prometheus", NAMESPACE, "core", change)


def _waits_for_peers(part: Component) -> Component:
    if part.app != "alertmanager-main":
        return part
    others = tuple(word for word in part.argv if word != _NO_CLUSTER)
    return replace(part, argv=(*others, f"{_NO_CLUSTER}127.0.0.1:0"))


def _older_alertmanager(part: Component) -> Component:
    """The same program, which says that it is an older one. Both versions are of one length."""
    if part.app != "alertmanager-main":
        return part
    pinned = pins()["alertmanager"].version.replace(".", r"\.")
    copy = f'LC_ALL=C sed "s/{pinned}/{_OLDER}/g" "$0" >older && chmod 700 older && exec ./older "$@"'
    return replace(part, argv=("/bin/sh", "-c", copy, *part.argv))


def _secret_in_environment(part: Component) -> Component:
    if part.app != "dora":
        return part
    secret = yaml.safe_load(part.files["dora.yaml"])["webhook_secrets"][0]
    return replace(part, env={**part.env, "DORA_WEBHOOK_SECRET": secret})


def _readable_by_all(part: Component) -> Component:
    if part.app != "dora":
        return part
    return replace(part, argv=("/bin/sh", "-c", 'chmod 644 dora.yaml && exec "$0" "$@"', *part.argv))


def _prometheus(change: Callable[[dict[str, Any]], None]) -> Callable[[Objects], Objects]:
    """Prometheus Core with another spec."""
    return lambda objects: objects.edit("Prometheus", NAMESPACE, "core", lambda one: change(one["spec"]))


def _alertmanager(**fields: Any) -> Callable[[Objects], Objects]:
    return lambda objects: objects.edit("Alertmanager", NAMESPACE, "main", lambda one: one["spec"].update(fields))


def _container(spec: dict[str, Any], name: str) -> dict[str, Any]:
    """What the object says beside the operator's own of a container."""
    containers: list[dict[str, Any]] = spec["containers"]
    return next(one for one in containers if one["name"] == name)


def _as_root(objects: Objects) -> Objects:
    """In a namespace that lets it: elsewhere Pod Security would refuse the pod."""

    def let(namespace: dict[str, Any]) -> None:
        namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "privileged"

    def change(spec: dict[str, Any]) -> None:
        spec["securityContext"] |= {"runAsNonRoot": False, "runAsUser": 0}

    return _prometheus(change)(objects.edit("Namespace", "", NAMESPACE, let))


def _as_somebody_else(spec: dict[str, Any]) -> None:
    spec["securityContext"]["runAsUser"] = 1001


def _writes_to_its_image(spec: dict[str, Any]) -> None:
    _container(spec, "prometheus")["securityContext"] = {"readOnlyRootFilesystem": False}


def _keys_in_environment(spec: dict[str, Any]) -> None:
    source = {"secretRef": {"name": "thanos-objstore-core-credentials"}}
    _container(spec, "thanos-sidecar")["envFrom"] = [source]


MUTANTS: Final = (
    Mutant(
        "core_keeps_more",
        "Prometheus Core fills 60 GB of disk before it forgets, instead of 50",
        _PARTS,
        Stage.PART,
        change=_keeps_more,
    ),
    Mutant(
        "lonely_cluster",
        "the only Alertmanager listens on one more port, for peers that there are not",
        _PARTS,
        Stage.PART,
        change_part=_waits_for_peers,
    ),
    Mutant(
        "older_alertmanager",
        "Alertmanager is another version than the pinned one",
        _PARTS,
        Stage.PART,
        change_part=_older_alertmanager,
    ),
    Mutant(
        "secret_in_environment",
        "the DORA service is told its webhook secret in an environment variable",
        _PARTS,
        Stage.PART,
        change_part=_secret_in_environment,
    ),
    Mutant(
        "secrets_readable_by_all",
        "every user of the machine may read the DORA service's secrets",
        _PARTS,
        Stage.PART,
        change_part=_readable_by_all,
    ),
    Mutant("runs_as_root", "Prometheus Core runs as root", _PODS, Stage.PART, change=_as_root),
    Mutant(
        "runs_as_somebody_else",
        "Prometheus Core runs, and writes its data, as another user than everybody else",
        _PODS,
        Stage.PART,
        change=_prometheus(_as_somebody_else),
    ),
    Mutant(
        "writes_to_its_image",
        "Prometheus Core may write to its root file system",
        _PODS,
        Stage.PART,
        change=_prometheus(_writes_to_its_image),
    ),
    Mutant(
        "keys_in_environment",
        "the sidecar has the bucket's keys in its environment",
        _PODS,
        Stage.PART,
        change=_prometheus(_keys_in_environment),
    ),
    Mutant(
        "needless_account",
        "Alertmanager has a token for the API server",
        _PODS,
        Stage.PART,
        change=_alertmanager(automountServiceAccountToken=True),
    ),
    Mutant(
        "lonely_pod",
        "the only Alertmanager is in a cluster, and listens for peers that there are not",
        _PODS,
        Stage.PART,
        change=_alertmanager(forceEnableClusterMode=True),
    ),
)
