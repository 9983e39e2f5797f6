"""ServiceMonitors as scrape configurations, the way prometheus-operator v0.85.0 writes them (pkg/prometheus/promcfg.go,
`generateServiceMonitorConfig`), with one difference: where it writes kubernetes_sd_configs, file_sd_configs stand here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fawkes.harness.errors import UsageError
from fawkes.harness.operator.discovery import sanitize, target_file
from fawkes.harness.operator.objects import Manifest, Objects, display_name, name_of, namespace_of
from fawkes.harness.operator.selectors import selected
from fawkes.harness.operator.supported import require_known

Config = dict[str, Any]

_SERVICE: Final = "__meta_kubernetes_service_"
_POD: Final = "__meta_kubernetes_pod_"
_ADDRESS_TARGET: Final = [f"__meta_kubernetes_endpoint_address_target_{part}" for part in ("kind", "name")]

LIMITS: Final = {
    "sampleLimit": "sample_limit",
    "targetLimit": "target_limit",
    "labelLimit": "label_limit",
    "labelNameLengthLimit": "label_name_length_limit",
    "labelValueLengthLimit": "label_value_length_limit",
    "keepDroppedTargets": "keep_dropped_targets",
}
"""Limits that a ServiceMonitor may set, and a Prometheus object for all of them."""

_SCRAPING: Final = {
    "scrapeProtocols": "scrape_protocols",
    "fallbackScrapeProtocol": "fallback_scrape_protocol",
    "bodySizeLimit": "body_size_limit",
}
_ENDPOINT: Final = {
    "interval": "scrape_interval",
    "scrapeTimeout": "scrape_timeout",
    "path": "metrics_path",
    "params": "params",
    "scheme": "scheme",
    "followRedirects": "follow_redirects",
    "enableHttp2": "enable_http2",
}
_RELABELING: Final = {
    "sourceLabels": "source_labels",
    "separator": "separator",
    "targetLabel": "target_label",
    "regex": "regex",
    "modulus": "modulus",
    "replacement": "replacement",
    "action": "action",
}
_KNOWN_MONITOR: Final = {
    *("jobLabel", "selector", "namespaceSelector", "endpoints", "targetLabels", "podTargetLabels"),
    *LIMITS,
    *_SCRAPING,
}
_KNOWN_ENDPOINT: Final = {
    *("port", "targetPort", "honorLabels", "honorTimestamps", "trackTimestampsStaleness", "filterRunning"),
    *("relabelings", "metricRelabelings"),
    *_ENDPOINT,
}


_NOT_TOLD: Final = re.compile(
    "__meta_kubernetes_"
    "(node_.+|namespace_.+|endpoint_(node_name|hostname)|endpoints_annotation.+|pod_(node_name|host_ip|uid|annotation.+"
    "|container_(image|id)|controller_.+|deployment_name|job_name|cronjob_name))"
)
"""Labels of discovery that processes don't have (harness/operator/discovery.py)."""


def selected_monitors(prometheus: Manifest, objects: Objects) -> list[Manifest]:
    """The ServiceMonitors that a Prometheus object selects."""
    spec = prometheus["spec"]
    return selected(
        objects,
        "ServiceMonitor",
        owner=prometheus,
        selector=spec.get("serviceMonitorSelector"),
        namespace_selector=spec.get("serviceMonitorNamespaceSelector"),
    )


def scrape_configs(prometheus: Manifest, objects: Objects) -> list[Config]:
    """One configuration for each endpoint of each selected ServiceMonitor.

    UsageError, naming the fields, for a monitor that uses what can't be rendered here (TLS, authorization, proxies).
    """
    return [
        _scrape_config(monitor, index, endpoint, prometheus, objects)
        for monitor in selected_monitors(prometheus, objects)
        for index, endpoint in enumerate(monitor["spec"].get("endpoints") or ())
    ]


def relabel_configs(relabelings: Sequence[Mapping[str, Any]] | None) -> list[Config]:
    """Relabelings of an object (camelCase) in Prometheus' own notation; unset fields stay unset."""
    translated = []
    for one in relabelings or ():
        require_known("relabeling", one, _RELABELING)
        if unknown := [label for label in one.get("sourceLabels", ()) if _NOT_TOLD.fullmatch(label)]:
            raise UsageError(f"relabeling by {', '.join(unknown)} cannot be rendered: processes have no such label")
        config = {_RELABELING[key]: value for key, value in one.items() if value not in ("", [], 0, None)}
        translated.append(config | ({"action": config["action"].lower()} if "action" in config else {}))
    return translated


def _scrape_config(
    monitor: Manifest, index: int, endpoint: Mapping[str, Any], prometheus: Manifest, objects: Objects
) -> Config:
    spec = monitor["spec"]
    require_known(display_name(monitor), spec, _KNOWN_MONITOR)
    require_known(f"{display_name(monitor)} endpoints[{index}]", endpoint, _KNOWN_ENDPOINT)
    config: Config = {
        "job_name": f"serviceMonitor/{namespace_of(monitor)}/{name_of(monitor)}/{index}",
        "honor_labels": endpoint.get("honorLabels", False),
    }
    if "honorTimestamps" in endpoint:
        config["honor_timestamps"] = endpoint["honorTimestamps"]
    if "trackTimestampsStaleness" in endpoint:
        config["track_timestamps_staleness"] = endpoint["trackTimestampsStaleness"]
    config["file_sd_configs"] = [{"files": [target_file(one) for one in _namespaces(monitor, objects)]}]
    config |= {name: endpoint[key] for key, name in _ENDPOINT.items() if endpoint.get(key) not in ("", None)}
    config["relabel_configs"] = _relabeling(monitor, endpoint, prometheus)
    config |= {name: spec[key] for key, name in (LIMITS | _SCRAPING).items() if key in spec}
    if metric_relabelings := relabel_configs(endpoint.get("metricRelabelings")):
        config["metric_relabel_configs"] = metric_relabelings
    return config


def _namespaces(monitor: Manifest, objects: Objects) -> list[str]:
    """Where a monitor looks for Services: its own namespace unless it says otherwise."""
    selector = monitor["spec"].get("namespaceSelector") or {}
    if selector.get("any"):
        return [name_of(one) for one in objects.of("Namespace")]
    return selector.get("matchNames") or [namespace_of(monitor)]


def _relabeling(monitor: Manifest, endpoint: Mapping[str, Any], prometheus: Manifest) -> list[Config]:
    """The operator's relabelling, in its order; the comments name its steps."""
    spec = monitor["spec"]
    pod_labels = [*spec.get("podTargetLabels", ()), *prometheus["spec"].get("podTargetLabels", ())]
    steps: list[Config] = [{"source_labels": ["job"], "target_label": "__tmp_prometheus_job_name"}]
    steps += _service_filter(spec["selector"])
    steps += _port_filter(endpoint)
    # Node, pod, namespace, service, pod again (for targets without endpoint address), container.
    for kind in ("Node", "Pod"):
        address = {"source_labels": _ADDRESS_TARGET, "separator": ";", "regex": f"{kind};(.*)", "replacement": "${1}"}
        steps.append({**address, "target_label": kind.lower()})
    for source, target in (
        ("__meta_kubernetes_namespace", "namespace"),
        (f"{_SERVICE}name", "service"),
        (f"{_POD}name", "pod"),
        (f"{_POD}container_name", "container"),
    ):
        steps.append({"source_labels": [source], "target_label": target})
    if endpoint.get("filterRunning", True):
        steps.append({"action": "drop", "source_labels": [f"{_POD}phase"], "regex": "(Failed|Succeeded)"})
    # Labels taken over from Service and pod.
    steps += [_copy(f"{_SERVICE}label_{sanitize(one)}", sanitize(one)) for one in spec.get("targetLabels", ())]
    steps += [_copy(f"{_POD}label_{sanitize(one)}", sanitize(one)) for one in pod_labels]
    # The job: the Service's name, or the label that jobLabel names where it has a value.
    steps.append({"source_labels": [f"{_SERVICE}name"], "target_label": "job", "replacement": "${1}"})
    if spec.get("jobLabel"):
        steps.append(_copy(f"{_SERVICE}label_{sanitize(spec['jobLabel'])}", "job"))
    if port := endpoint.get("port") or endpoint.get("targetPort"):
        steps.append({"target_label": "endpoint", "replacement": str(port)})
    return [*steps, *relabel_configs(endpoint.get("relabelings")), *_sharding()]


def _service_filter(selector: Mapping[str, Any]) -> list[Config]:
    steps = [
        {"action": "keep", "source_labels": _label_and_presence(key), "regex": f"({value});true"}
        for key, value in sorted((selector.get("matchLabels") or {}).items())
    ]
    for expression in selector.get("matchExpressions") or ():
        operator, key = expression["operator"], expression["key"]
        positive = operator in ("In", "Exists")
        by_value = operator in ("In", "NotIn")
        steps.append(
            {
                "action": "keep" if positive else "drop",
                "source_labels": _label_and_presence(key) if by_value else _label_and_presence(key)[1:],
                "regex": f"({'|'.join(expression['values'])});true" if by_value else "true",
            }
        )
    return steps


def _port_filter(endpoint: Mapping[str, Any]) -> list[Config]:
    if endpoint.get("port"):
        source, regex = "__meta_kubernetes_endpoint_port_name", endpoint["port"]
    elif isinstance(endpoint.get("targetPort"), str):
        source, regex = f"{_POD}container_port_name", endpoint["targetPort"]
    elif endpoint.get("targetPort"):
        source, regex = f"{_POD}container_port_number", endpoint["targetPort"]
    else:
        return []
    return [{"action": "keep", "source_labels": [source], "regex": regex}]


def _label_and_presence(key: str) -> list[str]:
    return [f"{_SERVICE}label_{sanitize(key)}", f"{_SERVICE}labelpresent_{sanitize(key)}"]


def _copy(source: str, target: str) -> Config:
    return {"source_labels": [source], "target_label": target, "regex": "(.+)", "replacement": "${1}"}


def _sharding() -> list[Config]:
    """Sharding into one shard, number 0: the operator writes it always, and its reloader fills in the number."""
    hashed = "__tmp_hash"
    return [
        {
            "source_labels": ["__address__", hashed],
            "target_label": hashed,
            "regex": "(.+);",
            "replacement": "$1",
            "action": "replace",
        },
        {"source_labels": [hashed], "target_label": hashed, "modulus": 1, "action": "hashmod"},
        {"source_labels": [hashed, "__tmp_disable_sharding"], "regex": "0;|.+;.+", "action": "keep"},
    ]
