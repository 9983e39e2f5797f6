import json

import pytest
import yaml

from fawkes.harness.errors import UsageError
from fawkes.harness.operator import prometheus as prom
from fawkes.harness.operator.discovery import Pod
from fawkes.harness.operator.scrape import scrape_configs, selected_monitors

NODE = "__meta_kubernetes_pod_node_name"


def core(objects):
    return objects.get("Prometheus", "fawkes-monitoring", "core")


def monitor_names(prometheus, objects):
    return {f"{m['metadata']['namespace']}/{m['metadata']['name']}" for m in selected_monitors(prometheus, objects)}


def test_each_prometheus_selects_its_own_monitors(platform):
    assert monitor_names(core(platform), platform) == {
        "fawkes-cicd/argocd",
        "fawkes-cicd/harbor",
        "fawkes-cicd/jenkins",
        "fawkes-monitoring/alertmanager",
        "fawkes-monitoring/kube-state-metrics",
        "fawkes-monitoring/minio",
        "fawkes-monitoring/node-exporter",
        "fawkes-monitoring/prometheus",
        "fawkes-monitoring/thanos",
        "fawkes-platform/backstage",
        "fawkes-platform/beacon",
        "fawkes-platform/dora",
        "fawkes-platform/focalboard",
        "fawkes-platform/mattermost",
    }
    apps = platform.get("Prometheus", "fawkes-monitoring", "apps")
    learner = platform.get("Prometheus", "fawkes-dojo", "learner")
    assert monitor_names(apps, platform) == {"fawkes-apps/load-target"}
    assert monitor_names(learner, platform) == {"fawkes-dojo/dojo-lab"}


def test_a_tenant_cannot_have_the_platforms_prometheus_scrape_it_by_labelling_its_monitor(platform):
    stray = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {"name": "stray", "namespace": "fawkes-apps", "labels": {"prometheus": "core"}},
        "spec": {"selector": {}, "endpoints": [{"port": "http"}]},
    }
    assert "fawkes-apps/stray" not in monitor_names(core(platform), platform.replace(stray))


ADRS_OWN = ("Prometheus", "fawkes-monitoring", "prometheus-core")


def test_the_adrs_prometheus_asks_for_its_disk_in_a_field_that_does_not_exist(adr_literal):
    """`storageSpec` is a value of the Helm chart; the object's field is `storage`. Kubernetes would drop it, and the
    30 days would lie on an emptyDir."""
    with pytest.raises(UsageError, match="storageSpec cannot be rendered"):
        prom.render_prometheus(adr_literal.get(*ADRS_OWN), 0, adr_literal, [])


def test_the_adrs_prometheus_selects_neither_its_monitor_nor_its_rules(adr_literal):
    adr_literal = adr_literal.edit(*ADRS_OWN, lambda m: m["spec"].pop("storageSpec"))
    prometheus = adr_literal.get(*ADRS_OWN)
    rendered = prom.render_prometheus(prometheus, 0, adr_literal, [])
    assert adr_literal.of("ServiceMonitor")
    assert len(adr_literal.of("PrometheusRule")) == 2
    assert scrape_configs(prometheus, adr_literal) == []
    assert rendered.rule_files == {}


def test_pods_are_labelled_with_their_version_and_what_the_object_says(platform):
    labels = {"tier": "gold", "prometheus": "the operator's own wins"}
    edited = platform.edit(
        "Prometheus", "fawkes-monitoring", "core", lambda m: m["spec"].update(podMetadata={"labels": labels})
    )
    found = prom.pod_labels(core(edited))
    assert found == {**prom.pod_labels(core(platform)), "tier": "gold"}
    assert (found["app.kubernetes.io/version"], found["prometheus"]) == ("3.13.5", "core")


def test_external_labels_name_object_and_replica(platform):
    assert prom.external_labels(core(platform), 1) == {
        "cluster": "fawkes",
        "prometheus": "fawkes-monitoring/core",
        "prometheus_replica": "prometheus-core-1",
    }


def test_an_external_label_can_be_switched_off_by_an_empty_name(platform):
    edited = platform.edit(
        "Prometheus",
        "fawkes-monitoring",
        "core",
        lambda m: m["spec"].update(replicaExternalLabelName="", prometheusExternalLabelName=""),
    )
    assert prom.external_labels(core(edited), 0) == {"cluster": "fawkes"}
    config = prom.prometheus_config(core(edited), 0, edited)
    assert config["alerting"]["alert_relabel_configs"] == []


def test_replicas_read_the_same_but_for_their_own_name(platform):
    first, second = (prom.render_prometheus(core(platform), n, platform, []) for n in (0, 1))
    assert first.config.replace("prometheus-core-0", "prometheus-core-1") == second.config
    assert (first.rule_files, first.target_files) == (second.rule_files, second.target_files)


def test_rule_files_are_the_rules_without_the_object_around_them(platform):
    rendered = prom.render_prometheus(core(platform), 0, platform, [])
    names = ("dora-alerts", "dora-metrics", "platform-alerts")
    assert set(rendered.rule_files) == {f"rules/fawkes-monitoring-{name}.yaml" for name in names}
    for name in names:
        file = yaml.safe_load(rendered.rule_files[f"rules/fawkes-monitoring-{name}.yaml"])
        assert file == platform.get("PrometheusRule", "fawkes-monitoring", name)["spec"]


def test_a_rule_without_the_label_is_not_loaded(platform):
    edited = platform.edit(
        "PrometheusRule",
        "fawkes-monitoring",
        "platform-alerts",
        lambda rule: rule["metadata"]["labels"].pop("prometheus"),
    )
    rendered = prom.render_prometheus(core(edited), 0, edited, [])
    assert set(rendered.rule_files) == {
        "rules/fawkes-monitoring-dora-alerts.yaml",
        "rules/fawkes-monitoring-dora-metrics.yaml",
    }


def test_the_alertmanager_is_found_through_its_service(platform):
    pod = Pod(
        "fawkes-monitoring",
        "alertmanager-main-0",
        {"app.kubernetes.io/name": "alertmanager", "alertmanager": "main"},
        "alertmanager",
        {"web": 4093},
    )
    rendered = prom.render_prometheus(core(platform), 0, platform, [pod])
    targets = json.loads(rendered.target_files["targets/fawkes-monitoring.json"])
    assert [(t["targets"], t["labels"]["__meta_kubernetes_service_name"]) for t in targets] == [
        (["127.0.0.1:4093"], "alertmanager-main")
    ]


@pytest.mark.parametrize(
    ("kind", "namespace", "name", "change", "complaint"),
    [
        (
            *("Prometheus", "fawkes-monitoring", "core"),
            lambda m: m["spec"].update(remoteWrite=[], enforcedNamespaceLabel="namespace"),
            "Prometheus fawkes-monitoring/core: enforcedNamespaceLabel, remoteWrite cannot be rendered",
        ),
        (
            *("Prometheus", "fawkes-monitoring", "core"),
            lambda m: m["spec"]["thanos"].update(blockDuration="1h"),
            "Prometheus fawkes-monitoring/core thanos: blockDuration cannot be rendered",
        ),
        (
            *("ServiceMonitor", "fawkes-cicd", "argocd"),
            lambda m: m["spec"]["endpoints"][0].update(tlsConfig={}),
            r"ServiceMonitor fawkes-cicd/argocd endpoints\[0\]: tlsConfig cannot be rendered",
        ),
        (
            *("ServiceMonitor", "fawkes-cicd", "argocd"),
            lambda m: m["spec"]["endpoints"][0].update(relabelings=[{"sourceLabels": [NODE], "targetLabel": "node"}]),
            f"relabeling by {NODE} cannot be rendered: processes have no such label",
        ),
        (
            *("ServiceMonitor", "fawkes-cicd", "argocd"),
            lambda m: m["spec"].update(scrapeClass="tls"),
            "ServiceMonitor fawkes-cicd/argocd: scrapeClass cannot be rendered",
        ),
    ],
)
def test_what_is_not_understood_is_refused_and_not_ignored(platform, kind, namespace, name, change, complaint):
    edited = platform.edit(kind, namespace, name, change)
    with pytest.raises(UsageError, match=complaint):
        prom.render_prometheus(core(edited), 0, edited, [])
