"""What prometheus-operator has generated for one of its objects, read out of the Secrets, ConfigMaps and StatefulSet.

Reading touches nothing: it takes these objects as an API server gives them.
"""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import yaml

from fawkes.harness.model import Json
from fawkes.harness.operator.objects import Manifest, labels_of, name_of, namespace_of

Get = Callable[[str, str, str, str], Manifest | None]
"""(apiVersion, kind, name, namespace) -> the object, None if there is none."""

_CONTAINERS: Final = {"Prometheus": ("prometheus", "thanos-sidecar"), "Alertmanager": ("alertmanager",)}
_RELOADER: Final = "config-reloader"
"""Fills the variables of its environment in, when it writes the configuration that the main container reads."""
_RULE_FILE: Final = re.compile(r"(.+)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.yaml")
"""NAMESPACE-NAME-UID.yaml; the UID says nothing."""


def stateful_set_name(owner: Manifest) -> str:
    """`prometheus-core`, `alertmanager-main`."""
    return f"{owner['kind'].lower()}-{name_of(owner)}"


def read_generated(owner: Manifest, get: Get) -> dict[str, Json] | None:
    """What the operator has made of a Prometheus or an Alertmanager; None while part of it isn't there.

    `{config, rules, args: {container: [...]}, env, labels, replicas}`: the configuration, and a Prometheus' rule files
    by NAMESPACE-NAME, are parsed; the variables are the reloader's, the labels the pods'.
    """
    namespace, name = namespace_of(owner), stateful_set_name(owner)
    stateful_set = get("apps/v1", "StatefulSet", name, namespace)
    is_prometheus = owner["kind"] == "Prometheus"
    secret_name, key = (name, "prometheus.yaml.gz") if is_prometheus else (f"{name}-generated", "alertmanager.yaml.gz")
    secret = get("v1", "Secret", secret_name, namespace)
    if stateful_set is None or secret is None or key not in (secret.get("data") or {}):
        return None
    template = stateful_set["spec"]["template"]
    containers = {one["name"]: one for one in template["spec"]["containers"]}
    config_maps = [get("v1", "ConfigMap", volume, namespace) for volume in _rule_volumes(template)]
    if any(one is None for one in config_maps):
        return None
    return {
        "config": yaml.safe_load(gzip.decompress(base64.b64decode(secret["data"][key]))),
        **({"rules": dict(_rules([one for one in config_maps if one is not None]))} if is_prometheus else {}),
        "args": {one: containers[one].get("args") or [] for one in _CONTAINERS[owner["kind"]] if one in containers},
        "env": {one["name"]: one["value"] for one in containers[_RELOADER].get("env") or () if "value" in one},
        "labels": dict(labels_of(template)),
        "replicas": stateful_set["spec"]["replicas"],
    }


def as_pod_reads(value: Any, variables: Mapping[str, str]) -> Any:
    """A configuration with `$(NAME)` replaced by the reloader's variables, wherever it stands."""
    if isinstance(value, dict):
        return {key: as_pod_reads(one, variables) for key, one in value.items()}
    if isinstance(value, list):
        return [as_pod_reads(one, variables) for one in value]
    if isinstance(value, str):
        for name, content in variables.items():
            value = value.replace(f"$({name})", content)
    return value


def _rule_volumes(template: Mapping[str, Any]) -> list[str]:
    """Names of the ConfigMaps with rule files, as the pods mount them."""
    volumes = template["spec"].get("volumes") or ()
    names = [volume["configMap"]["name"] for volume in volumes if "configMap" in volume]
    return [name for name in names if "-rulefiles-" in name]


def _rules(config_maps: Sequence[Manifest]) -> Iterator[tuple[str, Json]]:
    for config_map in config_maps:
        for name, text in (config_map.get("data") or {}).items():
            found = _RULE_FILE.fullmatch(name)
            yield found[1] if found else name, yaml.safe_load(text)
