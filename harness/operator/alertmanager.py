"""An Alertmanager object as the files of one replica, the way prometheus-operator v0.85.0 provides them.

With `configSecret` and without a selector for AlertmanagerConfigs the operator takes the Secret's alertmanager.yaml as
it is (pkg/alertmanager/operator.go, `provisionAlertmanagerConfiguration`) and mounts the Secrets of `spec.secrets`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from fawkes.harness.errors import UsageError
from fawkes.harness.operator.objects import Manifest, Objects, display_name, name_of, namespace_of
from fawkes.harness.operator.pods import labelled
from fawkes.harness.operator.supported import require_known

CONFIG_KEY: Final = "alertmanager.yaml"
_MOUNTED_SECRETS: Final = "/etc/alertmanager/secrets/"

_KNOWN: Final = {
    *("version", "replicas", "retention", "configSecret", "secrets", "logLevel"),
    *("image", "resources", "storage", "containers", "serviceAccountName", "affinity", "tolerations", "nodeSelector"),
    *("clusterPeerTimeout", "clusterGossipInterval", "clusterPushpullInterval"),
    *("podMetadata", "securityContext", "topologySpreadConstraints", "priorityClassName"),
    "automountServiceAccountToken",
}


@dataclass(frozen=True, slots=True)
class ReceiverAddresses:
    """Where the notification channels really are in this run. Mattermost's address is a secret, hence not here."""

    smarthost: str
    """host:port of the mail server."""
    pagerduty_url: str
    """The Events API v2, e.g. http://127.0.0.1:8081/v2/enqueue."""


def pod_labels(alertmanager: Manifest) -> dict[str, str]:
    """The labels that the operator gives to the object's pods; Services select them by these."""
    name = name_of(alertmanager)
    selecting = {
        "app.kubernetes.io/managed-by": "prometheus-operator",
        "app.kubernetes.io/name": "alertmanager",
        "app.kubernetes.io/instance": name,
        "alertmanager": name,
    }
    return labelled(alertmanager, selecting)


def config_secret(alertmanager: Manifest, objects: Objects) -> Manifest:
    """The Secret that holds the object's alertmanager.yaml. UsageError if it isn't among the objects."""
    name = alertmanager["spec"].get("configSecret") or f"alertmanager-{name_of(alertmanager)}"
    return objects.get("Secret", namespace_of(alertmanager), name)


def read_config(secret: Manifest) -> dict[str, Any]:
    """The alertmanager.yaml in a Secret. No two places share a value, not even where YAML anchors said so."""
    config: dict[str, Any] = json.loads(json.dumps(yaml.safe_load(secret["stringData"][CONFIG_KEY])))
    return config


def render_alertmanager(
    alertmanager: Manifest,
    objects: Objects,
    *,
    addresses: ReceiverAddresses,
    secrets: Mapping[str, str | Path],
    directory: Path,
) -> dict[str, str]:
    """Files of one replica, to be written below `directory`: alertmanager.yml, and one per secret.

    `secrets` maps `SECRET/KEY` (for example `notification-credentials/mattermost-url`) to the content of the file that
    the operator mounts at /etc/alertmanager/secrets/SECRET/KEY; the configuration is pointed to it by its full path,
    because Alertmanager doesn't resolve these paths relative to its configuration. A Path instead of a content stands
    for a file that another part writes when it starts.
    UsageError for a mounted file that `spec.secrets` or `secrets` doesn't provide, and for what can't be rendered.
    """
    require_known(display_name(alertmanager), alertmanager["spec"], _KNOWN)
    config = read_config(config_secret(alertmanager, objects))
    config.setdefault("global", {}).update(
        {"smtp_smarthost": addresses.smarthost, "pagerduty_url": addresses.pagerduty_url}
    )
    mounted: dict[str, str] = {}
    for where, key in _mounted_files(config):
        name = where[key].removeprefix(_MOUNTED_SECRETS)
        value = _secret(name, alertmanager, secrets)
        if isinstance(value, Path):
            where[key] = str(value)
        else:
            mounted[f"secrets/{name}"] = value
            where[key] = str(directory / "secrets" / name)
    return {"alertmanager.yml": yaml.safe_dump(config, sort_keys=False, width=120), **mounted}


def _mounted_files(value: Any) -> list[tuple[dict[str, Any], str]]:
    """Every (mapping, key) below `value` that holds the path of a mounted secret."""
    if isinstance(value, list):
        return [found for one in value for found in _mounted_files(one)]
    if not isinstance(value, dict):
        return []
    here = [(value, k) for k, v in value.items() if isinstance(v, str) and v.startswith(_MOUNTED_SECRETS)]
    return here + [found for one in value.values() for found in _mounted_files(one)]


def _secret(name: str, alertmanager: Manifest, secrets: Mapping[str, str | Path]) -> str | Path:
    if name.partition("/")[0] not in alertmanager["spec"].get("secrets", ()):
        raise UsageError(
            f"{display_name(alertmanager)}: its configuration reads {_MOUNTED_SECRETS}{name}, "
            "but the operator mounts only what spec.secrets names; add the Secret there"
        )
    if name not in secrets:
        raise UsageError(f"{display_name(alertmanager)}: no value for the secret {name}; pass it in `secrets`")
    return secrets[name]
