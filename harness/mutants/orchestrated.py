"""Broken platforms: what only Kubernetes can show: discovery, replicas that die, real pods, crowds, policies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fawkes.harness.images.catalogue import reference_before
from fawkes.harness.model import Stage
from fawkes.harness.mutants.mutant import NAMESPACE, Mutant, change_rule
from fawkes.harness.operator.objects import Objects

_ABOVE_95: Final = "(node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes) / node_memory_MemTotal_bytes > 0.95"


def _unlabelled(monitor: dict[str, Any]) -> None:
    del monitor["metadata"]["labels"]["prometheus"]


def _honor_nothing(monitor: dict[str, Any]) -> None:
    del monitor["spec"]["endpoints"][0]["honorLabels"]


def _core(**fields: Any) -> Callable[[Objects], Objects]:
    """The platform with other fields in the Prometheus object `core`."""
    return lambda objects: objects.edit("Prometheus", NAMESPACE, "core", lambda one: one["spec"].update(fields))


def _everybody_let_in(objects: Objects) -> Objects:
    return objects.replace(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "everybody", "namespace": NAMESPACE},
            "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]},
        }
    )


def _exporter(change: Callable[[dict[str, Any]], None]) -> Callable[[Objects], Objects]:
    """The platform with another ServiceMonitor for kube-state-metrics."""
    return lambda objects: objects.edit("ServiceMonitor", NAMESPACE, "kube-state-metrics", change)


def _own_namespaces_only(objects: Objects) -> Objects:
    def change(deployment: dict[str, Any]) -> None:
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        container["args"].append("--namespaces=fawkes-monitoring,fawkes-platform")

    return objects.edit("Deployment", NAMESPACE, "kube-state-metrics", change)


def _succeeded_dropped(monitor: dict[str, Any]) -> None:
    phase = {"sourceLabels": ["__name__", "phase"], "regex": "kube_pod_status_phase;Succeeded", "action": "drop"}
    monitor["spec"]["endpoints"][0]["metricRelabelings"] = [phase]


def _called_fawkes(prometheus: dict[str, Any]) -> None:
    prometheus["spec"]["externalLabels"]["cluster"] = "fawkes"


def _without_the_dojo(query: dict[str, Any]) -> None:
    (container,) = query["spec"]["template"]["spec"]["containers"]
    container["args"] = [one for one in container["args"] if "thanos-sidecar-learner" not in one]


def _limited(monitor: dict[str, Any]) -> None:
    monitor["spec"]["sampleLimit"] = 100_000


MUTANTS: Final = (
    Mutant(
        "own_namespace_only",
        "Prometheus Core reads the monitors of its own namespace only",
        "operator_discovers_monitor",
        Stage.PROMETHEUS,
        change=_core(serviceMonitorNamespaceSelector={"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}}),
    ),
    Mutant(
        "every_monitor_selected",
        "Prometheus Core takes every monitor, whatever its label",
        "operator_discovers_monitor",
        Stage.PROMETHEUS,
        change=_core(serviceMonitorSelector={}),
    ),
    Mutant(
        "one_replica",
        "Prometheus Core has one replica",
        "prometheus_pod_deleted",
        Stage.THANOS,
        change=_core(replicas=1),
    ),
    Mutant(
        "another_replica_label",
        "Prometheus Core's replicas are told apart by a label that Thanos Query does not know of",
        "prometheus_pod_deleted",
        Stage.THANOS,
        change=_core(replicaExternalLabelName="replica"),
    ),
    Mutant(
        "data_not_on_a_volume",
        "Prometheus Core's data go with its pod",
        "prometheus_pod_deleted",
        Stage.PROMETHEUS,
        change=_core(storage={"emptyDir": {}}),
    ),
    Mutant(
        "pods_of_the_exporter",
        "kube-state-metrics' series are stored under its own pod's name, because honorLabels is missing",
        "pod_crash_looping",
        Stage.PROMETHEUS,
        change=_exporter(_honor_nothing),
    ),
    Mutant(
        "loop_told_at_once",
        "PodCrashLooping doesn't wait for a quarter of an hour",
        "pod_crash_looping",
        Stage.RULE,
        change=lambda objects: change_rule(objects, "platform-alerts", "alert", "PodCrashLooping", **{"for": "0s"}),
    ),
    Mutant(
        "upgrade_without_volume",
        "Prometheus Core's data go with each pod that an upgrade replaces",
        "upgrade",
        Stage.PROMETHEUS,
        change=_core(storage={"emptyDir": {}}),
    ),
    Mutant(
        "upgrade_of_one_replica",
        "Prometheus Core has one replica, which nobody stands in for while it is upgraded",
        "upgrade",
        Stage.PART,
        change=_core(replicas=1),
    ),
    Mutant(
        "image_beside_version",
        "Prometheus Core's object names an old image, which wins over the version, so that an upgrade changes nothing",
        "upgrade",
        Stage.PART,
        change=_core(image=reference_before()),
    ),
    Mutant(
        "two_clusters_of_one_name",
        "the dojo's cluster calls itself as the platform's does",
        "two_clusters",
        Stage.THANOS,
        change=lambda objects: objects.edit("Prometheus", "fawkes-dojo", "learner", _called_fawkes),
    ),
    Mutant(
        "dojo_not_asked",
        "Thanos Query does not know of the dojo's sidecar",
        "two_clusters",
        Stage.THANOS,
        change_workloads=lambda objects: objects.edit("Deployment", NAMESPACE, "thanos-query", _without_the_dojo),
    ),
    Mutant(
        "own_namespaces_only",
        "kube-state-metrics is told of the platform's namespaces only",
        "kube_state_counts",
        Stage.PROMETHEUS,
        change_workloads=_own_namespaces_only,
    ),
    Mutant(
        "series_saved",
        "Prometheus drops one phase of pods, to save series",
        "kube_state_counts",
        Stage.PROMETHEUS,
        change=_exporter(_succeeded_dropped),
    ),
    Mutant(
        "sample_limit",
        "a scrape of kube-state-metrics may have 100,000 samples, which a big cluster exceeds",
        "kube_state_at_scale",
        Stage.PROMETHEUS,
        change=_exporter(_limited),
    ),
    Mutant(
        "everybody_let_in",
        "a policy in Prometheus' namespace lets everybody in",
        "policies",
        Stage.PART,
        change=_everybody_let_in,
    ),
    Mutant(
        "memory_of_nobody",
        "node-exporter's ServiceMonitor on the cluster lacks the label that Prometheus selects by",
        "high_memory",
        Stage.PROMETHEUS,
        change=lambda objects: objects.edit("ServiceMonitor", NAMESPACE, "node-exporter", _unlabelled),
    ),
    Mutant(
        "memory_threshold_high",
        "HighMemoryUsage fires above 95 % instead of 85 %",
        "high_memory",
        Stage.RULE,
        change=lambda objects: change_rule(objects, "platform-alerts", "alert", "HighMemoryUsage", expr=_ABOVE_95),
    ),
)
