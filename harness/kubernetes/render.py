"""Everything that would be applied to a cluster, in that order, without a cluster. Secrets are placeholders.

The harness' own pods (stand-ins, what drivers add, jobs) are not among it: they come with a scenario.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

import yaml

from fawkes.harness.eventually import Clock
from fawkes.harness.inventory import EXPORTERS, Inventory
from fawkes.harness.kubernetes.apply import in_order
from fawkes.harness.kubernetes.chart import Chart, render_chart
from fawkes.harness.kubernetes.platform import namespaces, notification_credentials, stages
from fawkes.harness.kubernetes.stack import operator_manifests, provide_bundle
from fawkes.harness.operator.objects import Manifest, Objects, load_objects
from fawkes.harness.places import PLATFORM, WORKLOADS
from fawkes.harness.plan import Plan
from fawkes.harness.secrets import Placeholders
from fawkes.harness.toolchain import CHART_BINARIES, pins, provide

_AUTHORITY: Final = "CERTIFICATE-PER-RUN-of-the-mail-relay"
_GRAFANA_ADMIN: Final[Manifest] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "grafana-admin", "namespace": "fawkes-monitoring"},
    "stringData": {"user": "admin", "password": "RANDOM-PER-RUN-grafana-admin"},
}
"""What values.yaml names."""


def with_operator(
    parts: Sequence[str], *, environ: Mapping[str, str], clock: Clock, progress: Callable[[str], None]
) -> list[Manifest]:
    """The `operator` way. `parts` as a scenario's `platform.parts`, none for all. UsageError for an unknown one."""
    plan = _plan(parts)
    bundle = provide_bundle(environ=environ, clock=clock, progress=progress)
    return [*in_order(operator_manifests(bundle, _watched())), *_applied(plan, load_objects(WORKLOADS))]


def with_chart(
    parts: Sequence[str],
    chart: Chart,
    *,
    built_images: bool,
    grafana: bool,
    environ: Mapping[str, str],
    progress: Callable[[str], None],
) -> list[Manifest]:
    """The `chart` way. Errors as of `render_chart`; ToolchainError where helm can be neither found nor built."""
    plan = _plan(parts)
    helm = provide(CHART_BINARIES, progress=progress, environ=environ)["helm"].path
    progress(f"rendering {chart.reference}")
    brought = render_chart(
        chart,
        helm,
        environ=environ,
        kubernetes=f"v{pins()['kubelet'].version}",
        watched=_watched(),
        exporters=[app for app in EXPORTERS if plan.inventory.has(app)],
        built_images=built_images,
        grafana=grafana,
    )
    applied = _applied(plan, brought.among(load_objects(WORKLOADS)))
    return [*in_order(brought.operator), *in_order([*applied, *([_GRAFANA_ADMIN] if grafana else ())])]


def as_yaml(manifests: Sequence[Manifest]) -> str:
    """One stream of documents that `kubectl apply --server-side -f -` takes."""
    return yaml.dump_all(manifests, Dumper=_Dumper, sort_keys=False, width=120, explicit_start=True)


def _watched() -> list[str]:
    return namespaces(list(load_objects(PLATFORM)))


def _plan(parts: Sequence[str]) -> Plan:
    objects = load_objects(PLATFORM)
    return Plan(
        run_id="RUN",
        seed=0,
        objects=objects,
        inventory=Inventory(objects, parts=parts, exporters=True),
        secrets=Placeholders(),
        port=_not_asked,
        address=_not_asked,
        directory=_not_asked,
        binaries={},
    )


def _not_asked(*what: str) -> NoReturn:
    raise AssertionError(f"{what}: what is applied knows no address of a machine outside the cluster")


def _applied(plan: Plan, workloads: Objects) -> list[Manifest]:
    return in_order([*notification_credentials(plan, _AUTHORITY), *stages(plan, workloads).everything()])


class _Dumper(yaml.CSafeDumper):
    """Text of several lines stays readable. What only YAML 1.2 takes for a number is quoted: kubectl reads that."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style: Any = "|" if "\n" in text else None
    if re.fullmatch(r"[-+]?\d+[eE][-+]?\d+", text):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
_Dumper.ignore_aliases = lambda *_: True  # type: ignore[method-assign] # an alias says nothing to a person
