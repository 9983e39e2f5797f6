"""Relabelling as Prometheus does it (model/relabel/relabel.go and scrape/target.go, v3.13.5), in pure Python."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fawkes.harness.errors import UsageError

Labels = dict[str, str]

_REFERENCE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+)|(\$))")


def target_labels(discovered: Mapping[str, str], scrape_config: Mapping[str, Any]) -> Labels | None:
    """The labels that a discovered target's series get; None when relabelling drops it.

    `scrape_config` is one of prometheus.yml, with its relabel_configs. Of what Prometheus adds before relabelling, job,
    scheme and path are here; scrape interval and time-out, which nobody relabels by, are not.
    UsageError for an action that isn't known here.
    """
    added = {
        "job": str(scrape_config["job_name"]),
        "__scheme__": str(scrape_config.get("scheme", "http")),
        "__metrics_path__": str(scrape_config.get("metrics_path", "/metrics")),
    }
    labels = relabel({**added, **discovered}, scrape_config.get("relabel_configs") or ())
    if labels is None:
        return None
    labels.setdefault("instance", labels.get("__address__", ""))
    return {name: value for name, value in labels.items() if not name.startswith("__") and value}


def relabel(labels: Mapping[str, str], configs: Sequence[Mapping[str, Any]]) -> Labels | None:
    """`labels` after every step of `configs`; None as soon as one drops them."""
    result: Labels | None = dict(labels)
    for config in configs:
        if result is None:
            return None
        result = _step(result, config)
    return result


def _step(labels: Labels, config: Mapping[str, Any]) -> Labels | None:  # noqa: PLR0911 - one for each action
    value = str(config.get("separator", ";")).join(labels.get(name, "") for name in config.get("source_labels") or ())
    pattern = re.compile(str(config.get("regex", "(.*)")), re.DOTALL)
    target = str(config.get("target_label", ""))
    match action := config.get("action", "replace"):
        case "keep":
            return labels if pattern.fullmatch(value) else None
        case "drop":
            return None if pattern.fullmatch(value) else labels
        case "replace":
            return _replaced(labels, pattern.fullmatch(value), target, str(config.get("replacement", "$1")))
        case "hashmod":
            # The last 8 of MD5's 16 bytes, in network order.
            hashed = int.from_bytes(hashlib.md5(value.encode(), usedforsecurity=False).digest()[8:])
            return {**labels, target: str(hashed % int(config["modulus"]))}
        case "labeldrop":
            return {name: value for name, value in labels.items() if not pattern.fullmatch(name)}
        case "labelkeep":
            return {name: value for name, value in labels.items() if pattern.fullmatch(name)}
        case "labelmap":
            template = str(config.get("replacement", "$1"))
            found = [(pattern.fullmatch(name), value) for name, value in labels.items()]
            return labels | {_expanded(template, match): value for match, value in found if match}
        case _:
            raise UsageError(f"relabelling by {action!r} is not known here; add it to harness/oracle/relabel.py")


def _replaced(labels: Labels, match: re.Match[str] | None, target: str, replacement: str) -> Labels:
    if match is None:
        return labels
    name, value = _expanded(target, match), _expanded(replacement, match)
    if not name:
        return labels
    if value:
        return {**labels, name: value}
    return {other: kept for other, kept in labels.items() if other != name}


def _expanded(template: str, match: re.Match[str]) -> str:
    """`$1`, `${1}`, `${name}` and `$$`, as Go's regexp.Expand has them: a group that isn't there is empty."""

    def value(reference: re.Match[str]) -> str:
        if reference[3]:
            return "$"
        name = reference[1] or reference[2]
        try:
            return match[int(name) if name.isdigit() else name] or ""
        except IndexError:
            return ""

    return _REFERENCE.sub(value, template)
