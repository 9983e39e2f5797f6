"""A chart that is small but takes the values that ours are for, and the real helm."""

import os
from pathlib import Path

import pytest

from fawkes.harness.toolchain import Miss, cache_directory, find, pins

PINNED_OPERATOR = pins()["prometheus-operator"].version

_OPERATOR = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Values.prometheusOperator.fullnameOverride }}
  namespace: {{ .Release.Namespace }}
  annotations:
    webhooks: {{ .Values.prometheusOperator.admissionWebhooks.enabled | quote }}
    watched: {{ .Values.prometheusOperator.namespaces.additional | join "," | quote }}
    {{- with .Values.prometheusOperator.image }}
    image: "{{ .registry }}/{{ .repository }}:{{ .tag }}"
    {{- end }}
"""
_EXPORTER = """\
{{- if .Values.kubeStateMetrics.enabled }}
{{- $exporter := index .Values "kube-state-metrics" }}
apiVersion: v1
kind: Service
metadata: {name: {{ $exporter.fullnameOverride }}, namespace: {{ $exporter.namespaceOverride }}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ $exporter.fullnameOverride }}, namespace: {{ $exporter.namespaceOverride }}}
---
# An empty document, as templates leave many.
{{- end }}
"""
_HOOK = """\
apiVersion: batch/v1
kind: Job
metadata: {name: certificates, namespace: {{ .Release.Namespace }}, annotations: {helm.sh/hook: pre-install}}
"""
_GRAFANA = """\
{{- if .Values.grafana.enabled }}
apiVersion: apps/v1
kind: Deployment
metadata: {name: grafana, namespace: {{ .Values.grafana.namespaceOverride }}}
{{- end }}
"""
_CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: prometheuses.monitoring.coreos.com
  annotations: {operator.prometheus.io/version: OPERATOR}
"""


def helm() -> Path:
    """The pinned one, or a newer one of its major version. Skips the test where there is none: none is built for it."""
    found = find("helm", environ=os.environ, cache_dir=cache_directory(os.environ))
    if isinstance(found, Miss):
        pytest.skip(f"no helm: {'; '.join(found.reasons)}; run `harness toolchain build --chart`")
    return found.path


def write_chart(directory: Path, operator: str = PINNED_OPERATOR, **more: str) -> Path:
    """Its directory, below `directory`. `operator`: whose CRDs it has; `more`: path in the chart -> text."""
    files = {
        "Chart.yaml": "apiVersion: v2\nname: tiny\nversion: 77.0.0\n",
        "values.yaml": "prometheusOperator: {}\n",
        "crds/prometheuses.yaml": _CRD.replace("OPERATOR", operator),
        "templates/operator.yaml": _OPERATOR,
        "templates/kube-state-metrics.yaml": _EXPORTER,
        "templates/grafana.yaml": _GRAFANA,
        "templates/hook.yaml": _HOOK,
        **more,
    }
    for name, text in files.items():
        path = directory / "tiny" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory / "tiny"
