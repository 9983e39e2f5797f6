"""The `chart` way: the operator, its CRDs and the exporters from the chart kube-prometheus-stack, rendered by helm.

What helm renders is applied like every other object, as Argo CD does it: there is no release in the cluster, and one
way to wait and to delete. What is not in the chart, and which of its objects are ours instead, is said in
fixtures/platform/kube-prometheus-stack/values.yaml.
"""

from __future__ import annotations

import json
import re
import shlex
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from fawkes.harness.child import run
from fawkes.harness.errors import ProviderError, UsageError
from fawkes.harness.images import catalogue
from fawkes.harness.inventory import EXPORTERS
from fawkes.harness.kubernetes.documents import read_documents
from fawkes.harness.kubernetes.platform import APP
from fawkes.harness.kubernetes.stack import NAMESPACE, OPERATOR_NAMESPACE
from fawkes.harness.operator.objects import Manifest, Objects, labels_of, name_of, namespace_of
from fawkes.harness.places import PLATFORM
from fawkes.harness.toolchain import pins

CHART: Final = "kube-prometheus-stack"
VALUES: Final = PLATFORM / CHART / "values.yaml"
RELEASE: Final = "fawkes"
OPERATOR: Final = "prometheus-operator"
_WITHIN_S: Final = 120.0
"""The chart from a disk takes a second; from a registry it is 1 MB, and helm gives up a connection after 30 s."""
_CRD_FOR: Final = "operator.prometheus.io/version"
"""The annotation of the operator's CRDs that tells which operator they belong to."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Where the chart is."""

    reference: str
    """A directory or archive, oci://..., the address of a repository, or REPOSITORY/NAME as helm knows it."""
    version: str | None = None
    """None: the newest, or the one that the path holds."""

    def arguments(self) -> list[str]:
        """As helm wants it. UsageError when it can't be any of these."""
        path = Path(self.reference).expanduser()
        if path.exists() or re.match(r"https?://.*\.tgz$", self.reference):
            if self.version is not None:
                raise UsageError(f"{path} is the version that it is; leave out --chart-version {self.version}")
            return [str(path.resolve()) if path.exists() else self.reference]
        at = [] if self.version is None else ["--version", self.version]
        if self.reference.startswith(("http://", "https://")):
            return [CHART, "--repo", self.reference, *at]
        if self.reference.startswith("oci://") or re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", self.reference):
            return [self.reference, *at]
        raise UsageError(
            f"there is no chart at {self.reference}; give the directory or the .tgz of {CHART}, "
            "oci://REGISTRY/PATH, the address of a repository, or REPOSITORY/NAME after `helm repo add`"
        )


@dataclass(frozen=True, slots=True)
class FromChart:
    """What the chart brings, by how long it stays."""

    operator: tuple[Manifest, ...]
    """Once per cluster: the operator with its namespace, CRDs and what has no namespace."""
    platform: tuple[Manifest, ...]
    """In the platform's namespaces, made anew with them: the exporters, and Grafana."""

    def among(self, workloads: Objects) -> Objects:
        """The platform's workloads with the chart's exporters in place of ours."""
        apps = {labels_of(one).get(APP) for one in self.platform} - {None}
        ours = (one for one in workloads if labels_of(one).get(APP) not in apps)
        return Objects((*ours, *self.platform))


def render_chart(
    chart: Chart,
    helm: Path,
    *,
    environ: Mapping[str, str],
    kubernetes: str,
    watched: Sequence[str],
    exporters: Collection[str],
    built_images: bool,
    grafana: bool = False,
) -> FromChart:
    """What would be applied, without a cluster.

    `kubernetes` is the version that it is for, as v1.34.3: a chart asks for a least one. `watched` are the namespaces
    the operator looks into, `exporters` those of EXPORTERS that are wanted. `built_images` names the images that
    `harness images` makes instead of the chart's own. UsageError when the chart isn't one, can't be used here, or
    refuses the values; ProviderError when it can't be had.
    """
    if built_images and grafana:
        raise UsageError("Grafana is not among the images that are built here; leave out --grafana or --images built")
    values = overrides(watched=watched, exporters=exporters, built_images=built_images, grafana=grafana)
    manifests = _rendered(chart, helm, values, environ, kubernetes)
    _require_fitting(chart, manifests, built_images)
    lasting = [m for m in manifests if namespace_of(m) in ("", OPERATOR_NAMESPACE)]
    others = [_labelled(m) for m in manifests if namespace_of(m) not in ("", OPERATOR_NAMESPACE)]
    return FromChart((NAMESPACE, *lasting), tuple(m for m in others if not _is_ours(m)))


def _labelled(manifest: Manifest) -> Manifest:
    """With the label by which the platform knows an exporter's objects, which are all called as it is."""
    if name_of(manifest) not in EXPORTERS:
        return manifest
    labels = {**labels_of(manifest), APP: name_of(manifest)}
    return {**manifest, "metadata": {**manifest["metadata"], "labels": labels}}


def _is_ours(manifest: Manifest) -> bool:
    """An exporter's Service carries the labels that become its targets': it is in fixtures/platform/services.yaml."""
    return manifest["kind"] == "Service" and name_of(manifest) in EXPORTERS


def overrides(
    *, watched: Sequence[str], exporters: Collection[str], built_images: bool, grafana: bool
) -> dict[str, Any]:
    """The values that differ from one cluster to the next, on top of values.yaml."""
    values: dict[str, Any] = {
        "prometheusOperator": {"namespaces": {"releaseNamespace": False, "additional": list(watched)}},
        "kubeStateMetrics": {"enabled": "kube-state-metrics" in exporters},
        "nodeExporter": {"enabled": "node-exporter" in exporters},
        "grafana": {"enabled": grafana},
    }
    if built_images:
        values["prometheusOperator"] |= {
            "image": _image(OPERATOR),
            "prometheusConfigReloader": {"image": _image("prometheus-config-reloader")},
            "thanosImage": _image("thanos"),
        }
        values["kube-state-metrics"] = {"image": _image("kube-state-metrics")}
        # From chart 85 on it would become TAG-distroless, whatever the tag is.
        values["prometheus-node-exporter"] = {"image": {**_image("node-exporter"), "distroless": False}}
    return values


def _image(binary: str) -> dict[str, str]:
    name, _, tag = catalogue.reference(binary).rpartition(":")
    registry, _, repository = name.partition("/")
    return {"registry": registry, "repository": repository, "tag": tag}


def _rendered(
    chart: Chart, helm: Path, values: Mapping[str, Any], environ: Mapping[str, str], kubernetes: str
) -> list[Manifest]:
    """In helm's order: CRDs, accounts and roles, then what uses them."""
    with tempfile.TemporaryDirectory(prefix="fawkes-chart-") as scratch:
        ours, out = Path(scratch) / "values.json", Path(scratch) / "rendered.yaml"
        ours.write_text(json.dumps(values))
        argv = [str(helm), "template", RELEASE, *chart.arguments(), "--namespace", OPERATOR_NAMESPACE, "--include-crds"]
        argv += ["--no-hooks", "--kube-version", kubernetes, "--values", str(VALUES), "--values", str(ours)]
        # What helm has to say besides goes to the other stream, and must not become YAML.
        outcome = run(
            ["/bin/sh", "-c", 'exec "$@" >"$0"', str(out), *argv], cwd=Path.cwd(), environ=environ, within_s=_WITHIN_S
        )
        if outcome.exit_code != 0:
            raise _refused(chart, argv, outcome.exit_code, outcome.lines)
        try:
            return read_documents(out.read_text())
        except yaml.YAMLError as error:
            raise UsageError(f"helm makes no YAML of {chart.reference}: {error}; is the chart whole?") from error


def _refused(chart: Chart, argv: Sequence[str], exit_code: int | None, lines: Sequence[str]) -> Exception:
    said = "\n".join(lines[-10:])
    how = f"took more than {_WITHIN_S:g} s" if exit_code is None else f"ended with {exit_code}"
    message = f"{shlex.join(argv)} {how}:\n{said}\n"
    if "missing in charts/" in said:
        return UsageError(f"{message}the charts it is made of are not beside it; run: helm dependency build {argv[3]}")
    if Path(chart.reference).expanduser().exists():
        return UsageError(f"{message}the chart, or what it says of {VALUES}, is wrong; look at the lines above")
    return ProviderError(
        f"{message}the chart could not be had from there; give --chart the directory of a copy, or use --stack operator"
    )


def _require_fitting(chart: Chart, manifests: Sequence[Manifest], built_images: bool) -> None:
    """UsageError when it is another chart, or its CRDs are those of another operator than the image to be used."""
    if not any(m["kind"] == "Deployment" and name_of(m) == OPERATOR for m in manifests):
        raise UsageError(f"{chart.reference} brings no Deployment {OPERATOR}; is it {CHART}, version 77.14.0 to 88?")
    pinned = pins()[OPERATOR].version
    wanted = {str((m["metadata"].get("annotations") or {}).get(_CRD_FOR, pinned)) for m in manifests}
    if built_images and (other := {version for version in wanted if _series(version) != _series(pinned)}):
        raise UsageError(
            f"{chart.reference} is for operator {', '.join(sorted(other))}, and the image that is built here holds "
            f"{pinned}; use chart 77.14.0, or let the cluster pull its images (--images published)"
        )


def _series(version: str) -> str:
    return version.rpartition(".")[0]
