"""The targets that a Prometheus would have if pods ran as local processes: our discovery and relabelling, done."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from fawkes.harness.model import Json
from fawkes.harness.operator.discovery import Pod, target_files
from fawkes.harness.operator.objects import Manifest, Objects
from fawkes.harness.operator.scrape import scrape_configs
from fawkes.harness.oracle.relabel import target_labels

META: Final = "__meta_kubernetes_"

Targets = dict[str, dict[str, dict[str, Json]]]
"""Job -> target, named by what it is -> `{labels, discovered}`: what its series carry, and what discovery told."""


def local_targets(prometheus: Manifest, objects: Objects, pods: Sequence[Pod]) -> Targets:
    """Those that relabelling keeps. UsageError for a Service or monitor that can't be rendered."""
    files = {name: json.loads(text) for name, text in target_files(objects, pods).items()}
    found: Targets = {}
    for config in scrape_configs(prometheus, objects):
        for discovery in config["file_sd_configs"]:
            for entry in (entry for name in discovery["files"] for entry in files.get(name, ())):
                for address in entry["targets"]:
                    discovered = {**entry["labels"], "__address__": address}
                    labels = target_labels(discovered, config)
                    if labels is not None:
                        add_target(found, config["job_name"], labels, discovered)
    return found


def add_target(targets: Targets, job: str, labels: Mapping[str, str], discovered: Mapping[str, str]) -> None:
    """Beside the others of its job. Left out of what discovery told are empty labels, which to Prometheus are none, and
    the settings that Prometheus adds."""
    told = {name: value for name, value in discovered.items() if name.startswith(META) and value}
    where = [told.get(f"{META}{one}", "") for one in ("namespace", "service_name", "pod_name")]
    port = told.get(f"{META}endpoint_port_name") or told.get(f"{META}pod_container_port_name", "")
    targets.setdefault(job, {})["/".join([*where, port])] = {"labels": dict(labels), "discovered": told}
