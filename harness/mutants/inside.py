"""Broken platforms: what only a look inside the parts tells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import yaml

from fawkes.harness.model import Component, Stage
from fawkes.harness.mutants.mutant import NAMESPACE, Mutant
from fawkes.harness.operator.objects import Objects
from fawkes.harness.toolchain.pins import pins

_SCENARIO: Final = "inside_the_parts"
_NO_CLUSTER: Final = "--cluster.listen-address="
_OLDER: Final = "0.30.0"


def _keeps_more(objects: Objects) -> Objects:
    def change(prometheus: dict[str, Any]) -> None:
        prometheus["spec"]["retentionSize"] = "60GB"

    return objects.edit("Prometheus", NAMESPACE, "core", change)


def _waits_for_peers(part: Component) -> Component:
    if part.app != "alertmanager-main":
        return part
    others = tuple(word for word in part.argv if word != _NO_CLUSTER)
    return replace(part, argv=(*others, f"{_NO_CLUSTER}127.0.0.1:0"))


def _older_alertmanager(part: Component) -> Component:
    """The same program, which says that it is an older one. Both versions are of one length."""
    if part.app != "alertmanager-main":
        return part
    pinned = pins()["alertmanager"].version.replace(".", r"\.")
    copy = f'LC_ALL=C sed "s/{pinned}/{_OLDER}/g" "$0" >older && chmod 700 older && exec ./older "$@"'
    return replace(part, argv=("/bin/sh", "-c", copy, *part.argv))


def _secret_in_environment(part: Component) -> Component:
    if part.app != "dora":
        return part
    secret = yaml.safe_load(part.files["dora.yaml"])["webhook_secrets"][0]
    return replace(part, env={**part.env, "DORA_WEBHOOK_SECRET": secret})


def _readable_by_all(part: Component) -> Component:
    if part.app != "dora":
        return part
    return replace(part, argv=("/bin/sh", "-c", 'chmod 644 dora.yaml && exec "$0" "$@"', *part.argv))


MUTANTS: Final = (
    Mutant(
        "core_keeps_more",
        "Prometheus Core fills 60 GB of disk before it forgets, instead of 50",
        _SCENARIO,
        Stage.PART,
        change=_keeps_more,
    ),
    Mutant(
        "lonely_cluster",
        "the only Alertmanager listens on one more port, for peers that there are not",
        _SCENARIO,
        Stage.PART,
        change_part=_waits_for_peers,
    ),
    Mutant(
        "older_alertmanager",
        "Alertmanager is another version than the pinned one",
        _SCENARIO,
        Stage.PART,
        change_part=_older_alertmanager,
    ),
    Mutant(
        "secret_in_environment",
        "the DORA service is told its webhook secret in an environment variable",
        _SCENARIO,
        Stage.PART,
        change_part=_secret_in_environment,
    ),
    Mutant(
        "secrets_readable_by_all",
        "every user of the machine may read the DORA service's secrets",
        _SCENARIO,
        Stage.PART,
        change_part=_readable_by_all,
    ),
)
