"""One replica of a Prometheus object as a component: the flags that prometheus-operator v0.85.0 sets
(pkg/prometheus/server/statefulset.go, `buildServerArgs`) and the few that a local process needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fawkes.harness.model import Component, Ready

CONFIG_FILE: Final = "prometheus.yml"
DATA: Final = "data"
"""The TSDB's directory, below the part's own."""

_DEFAULT_RETENTION: Final = "24h"
"""The operator's, where the object names neither a time nor a size."""
_DEFAULT_BLOCK_DURATION: Final = "2h"
"""The operator's for a Prometheus with a sidecar that uploads: minimum and maximum alike, so that it never compacts."""
_DISCOVERY_RELOAD: Final = "100ms"
"""A hidden flag, 5s by default: how long the scraper collects discovery's updates. Only the harness sets it. Measured
with Prometheus 3.13.5 at an interval of 250ms: first scrape 0.4 to 0.7 s after the start instead of 5.3 s, a changed
target 0.3 s after the change instead of 5 s."""

_ALERT_FLAGS: Final = {
    "forOutageTolerance": "rules.alert.for-outage-tolerance",
    "forGracePeriod": "rules.alert.for-grace-period",
    "resendDelay": "rules.alert.resend-delay",
}
_QUERY_FLAGS: Final = {
    "lookbackDelta": "query.lookback-delta",
    "maxSamples": "query.max-samples",
    "maxConcurrency": "query.max-concurrency",
    "timeout": "query.timeout",
}
_UNSET: Final[Mapping[str, tuple[int, ...]]] = {**dict.fromkeys(_QUERY_FLAGS, (0,)), "maxConcurrency": (0, 1)}
"""What the operator takes for "not set"."""


def prometheus(
    name: str,
    *,
    binary: Path,
    directory: Path,
    host: str = "127.0.0.1",
    ports: Mapping[str, int],
    spec: Mapping[str, Any],
    config: str,
    rule_files: Mapping[str, str],
    target_files: Mapping[str, str],
) -> Component:
    """Part `name`, for example `prometheus-core-0`, on port `http` of `host`.

    `directory` is the part's own; its TSDB is in `directory / "data"`. `spec` is that of the Prometheus object; on a
    compressed clock it holds the scaled timers. The files' names are relative to the part's directory.
    """
    settings = {"config.file": str(directory / CONFIG_FILE), "web.route-prefix": "/"}
    settings |= operator_settings(spec)
    settings |= {
        "storage.tsdb.path": str(directory / DATA),
        "web.listen-address": f"{host}:{ports['http']}",
        "scrape.discovery-reload-interval": _DISCOVERY_RELOAD,
    }
    flags = ["--web.enable-lifecycle"]
    flags += ["--web.enable-remote-write-receiver"] if spec.get("enableRemoteWriteReceiver") else []
    return Component(
        name=name,
        app=name.rpartition("-")[0],
        argv=(str(binary), *flags, *(f"--{flag}={value}" for flag, value in settings.items())),
        ready=Ready(by="http"),
        ports=dict(ports),
        files={CONFIG_FILE: config, **rule_files, **target_files},
    )


def operator_settings(spec: Mapping[str, Any]) -> dict[str, str]:
    """Flag -> value, without dashes, for everything in a Prometheus object's spec that becomes a flag."""
    settings = {}
    retention = spec.get("retention") or ("" if spec.get("retentionSize") else _DEFAULT_RETENTION)
    if retention:
        settings["storage.tsdb.retention.time"] = retention
    if spec.get("retentionSize"):
        settings["storage.tsdb.retention.size"] = spec["retentionSize"]
    if spec.get("enableFeatures"):
        settings["enable-feature"] = ",".join(spec["enableFeatures"])
    alert, query = spec.get("rules", {}).get("alert", {}), spec.get("query", {})
    settings |= {flag: alert[key] for key, flag in _ALERT_FLAGS.items() if key in alert}
    settings |= {flag: str(query[key]) for key, flag in _QUERY_FLAGS.items() if query.get(key, 0) not in _UNSET[key]}
    thanos = spec.get("thanos") or {}
    if "objectStorageConfig" in thanos:
        block = thanos.get("blockSize") or _DEFAULT_BLOCK_DURATION
        settings |= {"storage.tsdb.max-block-duration": block, "storage.tsdb.min-block-duration": block}
    return settings
