"""A Prometheus object as the configuration of its replicas, the way prometheus-operator v0.85.0 writes it
(pkg/prometheus/promcfg.go, `GenerateServerConfiguration`)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from fawkes.harness.operator.discovery import Pod, target_file, target_files
from fawkes.harness.operator.objects import Manifest, Objects, display_name, name_of, namespace_of
from fawkes.harness.operator.pods import labelled, pod_name
from fawkes.harness.operator.rules import rule_files
from fawkes.harness.operator.scrape import LIMITS, relabel_configs, scrape_configs
from fawkes.harness.operator.supported import require_known

_DEFAULT_INTERVAL: Final = "30s"
"""The default of scrapeInterval and evaluationInterval in the CRD."""

_LIMITS: Final = {**LIMITS, "bodySizeLimit": "body_size_limit"}
_RENDERED_HERE: Final = {
    *("scrapeInterval", "scrapeTimeout", "evaluationInterval", "ruleQueryOffset", "scrapeProtocols", "externalLabels"),
    *("prometheusExternalLabelName", "replicaExternalLabelName", "alerting", "podTargetLabels", "replicas"),
    *("serviceMonitorSelector", "serviceMonitorNamespaceSelector", "ruleSelector", "ruleNamespaceSelector"),
    *_LIMITS,
}
_FLAGS: Final = {
    "retention",
    "retentionSize",
    "rules",
    "query",
    "enableFeatures",
    "thanos",
    "enableRemoteWriteReceiver",
}
"""These become flags of the process (harness/components/prometheus.py)."""
_KNOWN_WITHIN: Final[Mapping[str, Collection[str]]] = {
    "thanos": {"version", "image", "resources", "objectStorageConfig", "blockSize"},
    "query": {"lookbackDelta", "maxConcurrency", "maxSamples", "timeout"},
    "rules": {"alert"},
}
_KUBERNETES_ONLY: Final = {
    *("version", "image", "resources", "storage", "containers", "volumes", "serviceAccountName"),
    *("affinity", "tolerations"),
    *("nodeSelector", "podMetadata", "securityContext", "topologySpreadConstraints", "priorityClassName"),
    # There are no PodMonitors among the objects; a selector alone changes nothing.
    *("podMonitorSelector", "podMonitorNamespaceSelector"),
}
_KNOWN_ALERTMANAGER: Final = {"namespace", "name", "port", "scheme", "pathPrefix", "apiVersion", "timeout"}


@dataclass(frozen=True, slots=True)
class PrometheusConfig:
    """Everything one replica reads. File names are relative to the directory of prometheus.yml."""

    config: str
    rule_files: Mapping[str, str]
    target_files: Mapping[str, str]


def pod_labels(prometheus: Manifest) -> dict[str, str]:
    """The labels that the operator gives to the object's pods; Services select them by these."""
    name = name_of(prometheus)
    selecting = {
        "app.kubernetes.io/managed-by": "prometheus-operator",
        "app.kubernetes.io/name": "prometheus",
        "app.kubernetes.io/instance": name,
        "operator.prometheus.io/name": name,
        "operator.prometheus.io/shard": "0",
        "prometheus": name,
    }
    return labelled(prometheus, selecting)


def external_labels(prometheus: Manifest, replica: int) -> dict[str, str]:
    """What sets this replica's series apart in Thanos. The operator's own two win over the object's."""
    spec = prometheus["spec"]
    own = {
        spec.get("prometheusExternalLabelName", "prometheus"): f"{namespace_of(prometheus)}/{name_of(prometheus)}",
        _replica_label(spec): pod_name(prometheus, replica),
    }
    return {**spec.get("externalLabels", {}), **{name: value for name, value in own.items() if name}}


def alert_labels(prometheus: Manifest) -> dict[str, str]:
    """What every alert of its replicas carries beside its own labels when it reaches Alertmanager."""
    dropped = _replica_label(prometheus["spec"])
    return {name: value for name, value in external_labels(prometheus, 0).items() if name != dropped}


def render_prometheus(prometheus: Manifest, replica: int, objects: Objects, pods: Sequence[Pod]) -> PrometheusConfig:
    """prometheus.yml, rule files and discovered targets of one replica.

    UsageError, naming the fields, if the object or one of its monitors uses what can't be rendered here.
    """
    rules = {f"rules/{name}": text for name, text in rule_files(prometheus, objects).items()}
    config = prometheus_config(prometheus, replica, objects)
    return PrometheusConfig(yaml.safe_dump(config, sort_keys=False, width=120), rules, target_files(objects, pods))


def prometheus_config(prometheus: Manifest, replica: int, objects: Objects) -> dict[str, Any]:
    """prometheus.yml as values."""
    spec = prometheus["spec"]
    require_known(display_name(prometheus), spec, _RENDERED_HERE | _FLAGS | _KUBERNETES_ONLY)
    for field, known in _KNOWN_WITHIN.items():
        require_known(f"{display_name(prometheus)} {field}", spec.get(field) or {}, known)
    config: dict[str, Any] = {"global": _global(prometheus, replica)}
    if spec.get("ruleSelector") is not None:
        config["rule_files"] = ["rules/*.yaml"]
    config["scrape_configs"] = scrape_configs(prometheus, objects)
    if "alerting" in spec:
        config["alerting"] = {
            "alert_relabel_configs": _without_replica(spec),
            "alertmanagers": [_alertmanager(one, prometheus) for one in spec["alerting"]["alertmanagers"]],
        }
    return config


def _global(prometheus: Manifest, replica: int) -> dict[str, Any]:
    spec = prometheus["spec"]
    config: dict[str, Any] = {"scrape_interval": spec.get("scrapeInterval", _DEFAULT_INTERVAL)}
    if "scrapeTimeout" in spec:
        config["scrape_timeout"] = spec["scrapeTimeout"]
    if "scrapeProtocols" in spec:
        config["scrape_protocols"] = spec["scrapeProtocols"]
    config["external_labels"] = external_labels(prometheus, replica)
    config |= {name: spec[key] for key, name in _LIMITS.items() if key in spec}
    config["evaluation_interval"] = spec.get("evaluationInterval", _DEFAULT_INTERVAL)
    if "ruleQueryOffset" in spec:
        config["rule_query_offset"] = spec["ruleQueryOffset"]
    return config


def _replica_label(spec: Mapping[str, Any]) -> str:
    return str(spec.get("replicaExternalLabelName", "prometheus_replica"))


def _without_replica(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Drops the replica's label from alerts, so that Alertmanager sees those of two replicas as one."""
    return [{"action": "labeldrop", "regex": re.escape(_replica_label(spec))}] if _replica_label(spec) else []


def _alertmanager(endpoint: Mapping[str, Any], prometheus: Manifest) -> dict[str, Any]:
    """How a replica finds one Alertmanager: through its Service, as `generateAlertmanagerConfig` has it."""
    require_known(f"{display_name(prometheus)} alerting", endpoint, _KNOWN_ALERTMANAGER | {"relabelings"})
    port = endpoint["port"]
    port_label = "endpoint_port_name" if isinstance(port, str) else "pod_container_port_number"
    config: dict[str, Any] = {
        "path_prefix": endpoint.get("pathPrefix", "/"),
        "scheme": endpoint.get("scheme", "http"),
    }
    if "timeout" in endpoint:
        config["timeout"] = endpoint["timeout"]
    config["file_sd_configs"] = [{"files": [target_file(endpoint.get("namespace", namespace_of(prometheus)))]}]
    if "apiVersion" in endpoint:
        config["api_version"] = endpoint["apiVersion"].lower()
    config["relabel_configs"] = [
        {"action": "keep", "source_labels": ["__meta_kubernetes_service_name"], "regex": endpoint["name"]},
        {"action": "keep", "source_labels": [f"__meta_kubernetes_{port_label}"], "regex": str(port)},
        *relabel_configs(endpoint.get("relabelings")),
    ]
    return config
