"""What the local provider would run of the operator's objects, told in the operator's words. Nothing is run for it.

The local provider's own assembly makes the parts. Where a part's addresses and files are differs by nature from a pod;
they are translated, one by one, so that what points at the wrong part shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from fawkes.harness.assembly import assemble
from fawkes.harness.components import alertmanager as am_part
from fawkes.harness.components import prometheus as prom_part
from fawkes.harness.components.link import link_name
from fawkes.harness.components.receivers import AUTHORITY_FILE
from fawkes.harness.inventory import Inventory, PrometheusReplica
from fawkes.harness.model import Component, Json
from fawkes.harness.operator import alertmanager as am
from fawkes.harness.operator import prometheus as prom
from fawkes.harness.operator.discovery import Pod
from fawkes.harness.operator.objects import Manifest, Objects, name_of
from fawkes.harness.plan import Plan
from fawkes.harness.pods import discovered
from fawkes.harness.secrets import Secrets

Tree = dict[str, Json]
"""What one pod is: `config`, `rules`, `flags` of each container, `labels`."""

_BINARIES: Final = ("prometheus", "alertmanager", "thanos", "minio")
_ROOT: Final = Path("/of-the-run")
_FIRST_PORT: Final = 10001
"""Five digits each, so that none is the beginning of another."""
_TARGET_FILE: Final = re.compile(r"targets/(.+)\.json")


def local_rendering(objects: Objects) -> dict[str, Tree]:
    """Pod -> what the local provider makes of it, for every replica of every Prometheus and Alertmanager.

    UsageError for objects that can't be rendered.
    """
    imagined = _Imagined(objects)
    parts = {part.name: part for part in assemble(imagined.plan, [])}
    inventory = imagined.plan.inventory
    pods = {one.name: _prometheus(one, parts, imagined) for one in inventory.prometheus}
    return pods | {name: _alertmanager(owner, name, parts, imagined) for owner, name in inventory.alertmanagers}


def local_pods(objects: Objects) -> list[Pod]:
    """The pods that discovery sees on the local provider, as far as the platform itself has them."""
    return discovered(_Imagined(objects).plan, [])


def flags(argv: Sequence[str]) -> dict[str, Json]:
    """Flag without dashes -> its value; true without one, a sorted list where it is given several times."""
    given: dict[str, list[str | bool]] = {}
    for argument in argv:
        name, has_value, value = argument.partition("=")
        given.setdefault(name.removeprefix("--"), []).append(value if has_value else True)
    return {name: values[0] if len(values) == 1 else sorted(map(str, values)) for name, values in given.items()}


class _Imagined:
    """A plan of parts that get no ports and no directories, and the way back from where they would be."""

    def __init__(self, objects: Objects) -> None:
        self._ports: dict[tuple[str, str], int] = {}
        self.plan = Plan(
            run_id="none",
            seed=0,
            objects=objects,
            inventory=Inventory(objects),
            secrets=Secrets(),
            port=self.port,
            address=self.address,
            directory=self.directory,
            binaries={name: Path(name) for name in _BINARIES},
        )

    def port(self, part: str, name: str) -> int:
        return self._ports.setdefault((part, name), _FIRST_PORT + len(self._ports))

    def address(self, part: str, name: str) -> str:
        return f"127.0.0.1:{self.port(part, name)}"

    def directory(self, part: str) -> Path:
        return _ROOT / part


def _prometheus(one: PrometheusReplica, parts: Mapping[str, Component], imagined: _Imagined) -> Tree:
    part, directory = parts[one.name], imagined.directory(one.name)
    translated = _Translation(
        {
            str(directory / prom_part.CONFIG_FILE): "/etc/prometheus/config_out/prometheus.env.yaml",
            str(directory / prom_part.DATA): "/prometheus",
            "rules/*.yaml": f"/etc/prometheus/rules/prometheus-{name_of(one.manifest)}-rulefiles-0/*.yaml",
            f"http://{imagined.address(one.name, 'http')}": "http://localhost:9090/",
            imagined.address(one.name, "http"): ":9090",
            imagined.address(one.sidecar, "http"): ":10902",
            imagined.address(one.sidecar, "grpc"): ":10901",
        }
    )
    files = {name: yaml.safe_load(text) for name, text in part.files.items() if name.endswith((".yml", ".yaml"))}
    containers = {"prometheus": part.argv[1:]}
    if sidecar := parts.get(one.sidecar):
        containers["thanos-sidecar"] = sidecar.argv[1:]
    config = files.pop(prom_part.CONFIG_FILE)
    tree = {
        "config": _with_discovery(config),
        "rules": {name.removeprefix("rules/").removesuffix(".yaml"): rules for name, rules in files.items()},
        "flags": {name: flags(argv) for name, argv in containers.items()},
        "labels": prom.pod_labels(one.manifest),
    }
    return {section: translated.told(value) for section, value in tree.items()}


def _alertmanager(owner: Manifest, name: str, parts: Mapping[str, Component], imagined: _Imagined) -> Tree:
    part, directory = parts[name], imagined.directory(name)
    peers = [other for manifest, other in imagined.plan.inventory.alertmanagers if manifest is owner]
    translated = _Translation(
        {
            str(directory / am_part.CONFIG_FILE): "/etc/alertmanager/config_out/alertmanager.env.yaml",
            str(directory / "data"): "/alertmanager",
            str(directory / "secrets"): "/etc/alertmanager/secrets",
            str(imagined.directory("receivers-0") / AUTHORITY_FILE): (
                "/etc/alertmanager/secrets/notification-credentials/smtp-authority"
            ),
            imagined.address(name, "http"): ":9093",
            imagined.address(name, "cluster"): "[$(POD_IP)]:9094",
            **{imagined.address(link_name(one), "cluster"): f"{one}.alertmanager-operated:9094" for one in peers},
        }
    )
    tree = {
        "config": yaml.safe_load(part.files[am_part.CONFIG_FILE]),
        "flags": {"alertmanager": flags(part.argv[1:])},
        "labels": am.pod_labels(owner),
    }
    return {section: translated.told(value) for section, value in tree.items()}


class _Translation:
    """Local places -> the operator's."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = sorted(places.items(), key=lambda place: len(place[0]), reverse=True)

    def told(self, value: Json) -> Json:
        if isinstance(value, dict):
            return {key: self.told(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.told(one) for one in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        for ours, theirs in self._places:
            text = text.replace(ours, theirs)
        return text


def _with_discovery(value: Any) -> Any:
    """File discovery, which reads one file for each namespace, as the operator's discovery in those namespaces."""
    if isinstance(value, list):
        return [_with_discovery(one) for one in value]
    if not isinstance(value, dict):
        return value
    told = {key: _with_discovery(one) for key, one in value.items() if key != "file_sd_configs"}
    if "file_sd_configs" in value:
        files = [file for one in value["file_sd_configs"] for file in one["files"]]
        names = [found[1] for file in files if (found := _TARGET_FILE.fullmatch(file))]
        told["kubernetes_sd_configs"] = [{"role": "endpoints", "namespaces": {"names": names}}]
    return told
