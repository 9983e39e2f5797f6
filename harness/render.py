"""`harness render`: what would be applied to a cluster, printed."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Final, Literal

import typer
from rich.console import Console

from fawkes.harness.errors import UsageError
from fawkes.harness.eventually import RealClock
from fawkes.harness.extras import require_kind
from fawkes.harness.inventory import Inventory
from fawkes.harness.narrate import Narrator
from fawkes.harness.operator.objects import load_objects
from fawkes.harness.places import PLATFORM

CHART: Final = "oci://ghcr.io/prometheus-community/charts/kube-prometheus-stack"
CHART_VERSION: Final = "77.14.0"
"""The one whose operator is the pinned one."""


def _parts(incomplete: str) -> list[str]:
    return [app for app in Inventory(load_objects(PLATFORM), exporters=True).apps() if app.startswith(incomplete)]


def render_command(
    stack: Annotated[
        Literal["operator", "chart"], typer.Option(help="Who brings the operator and the exporters.")
    ] = "operator",
    chart: Annotated[
        str | None,
        typer.Option(help="Of kube-prometheus-stack: a directory or archive, oci://..., a repository's address."),
    ] = None,
    chart_version: Annotated[str | None, typer.Option(help="Of a chart that is not on this disk.")] = None,
    images: Annotated[
        Literal["published", "built"], typer.Option(help="The chart's own, or those that `harness images` makes.")
    ] = "published",
    grafana: Annotated[bool, typer.Option("--grafana", help="Also the chart's Grafana.")] = False,
    parts: Annotated[
        list[str] | None, typer.Option(help="Only these apps, with what they need.", autocompletion=_parts)
    ] = None,
) -> None:
    """Print everything that would be applied to a cluster, in that order, without a cluster.

    Passwords stand there as RANDOM-PER-RUN-NAME. The harness' own pods are left out: they come with a scenario.

    \b
    Examples:
      harness render > platform.yaml
      harness render --parts prometheus-core --parts alertmanager-main
      harness render --stack chart --chart ./kube-prometheus-stack --images built
      harness render --stack chart --chart-version 88.1.0 --grafana
    """
    require_kind()
    from fawkes.harness.kubernetes import render  # noqa: PLC0415 - its packages are an extra
    from fawkes.harness.kubernetes.chart import Chart  # noqa: PLC0415

    built = images == "built"
    of_charts = {"--chart": chart, "--chart-version": chart_version, "--images built": built, "--grafana": grafana}
    if stack == "operator" and (given := [flag for flag, value in of_charts.items() if value]):
        raise UsageError(f"{', '.join(given)}: only with --stack chart")
    with Narrator(Console(stderr=True, soft_wrap=True)) as narrator:
        if stack == "operator":
            manifests = render.with_operator(
                parts or [], environ=os.environ, clock=RealClock(), progress=narrator.progress
            )
        else:
            manifests = render.with_chart(
                parts or [],
                Chart(CHART, chart_version or CHART_VERSION) if chart is None else Chart(chart, chart_version),
                built_images=built,
                grafana=grafana,
                environ=os.environ,
                progress=narrator.progress,
            )
    sys.stdout.buffer.write(render.as_yaml(manifests).encode())
