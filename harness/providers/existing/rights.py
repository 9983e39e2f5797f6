"""What a run must be allowed to do in a cluster, and whether it is."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from fawkes.harness.kubernetes.api import Api, UnknownKind
from fawkes.harness.operator.objects import Manifest, namespace_of

_EACH: Final = ("get", "list", "create", "patch", "delete")
"""Server-side apply is `patch`, and `create` where there is nothing yet; waiting is `list`."""
_BESIDE: Final = (
    ("deletecollection", "", "pods"),
    ("get", "", "pods/log"),
    ("create", "", "pods/exec"),
    ("create", "", "pods/portforward"),
    ("list", "", "events"),
    ("deletecollection", "", "persistentvolumeclaims"),
    *((verb, "", "persistentvolumeclaims") for verb in _EACH),
    *((verb, "", "resourcequotas") for verb in _EACH),
    ("list", "apps", "replicasets"),
    ("patch", "apps", "replicasets"),
)
"""What the harness does beside applying the platform's objects: logs, seeds, port-forwards, faults."""
_AT_A_TIME: Final = 8
"""Requests. There are about 120, and a far API server takes 50 ms for one."""


class Right(NamedTuple):
    """One thing to be allowed; `namespace` is empty for what has none."""

    verb: str
    group: str
    resource: str
    namespace: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f".{self.group}" if self.group else "")


def needed(manifests: Iterable[Manifest], namespace: str, api: Api) -> list[Right]:
    """To apply these objects, wait for them, look into them and delete them. Kinds yet to be defined are left out.

    Rights are asked for in one namespace: none of ours exists yet, so what holds in one holds in all.
    """
    found = {Right(verb, group, resource, namespace) for verb, group, resource in _BESIDE}
    kinds = {(str(one["apiVersion"]), str(one["kind"]), bool(namespace_of(one))) for one in manifests}
    for api_version, kind, spaced in kinds:
        try:
            resource = api.plural(api_version, kind)
        except UnknownKind:
            continue
        group = api_version.rpartition("/")[0]
        found |= {Right(verb, group, resource, namespace if spaced else "") for verb in _EACH}
    return sorted(found)


def lacking(rights: Iterable[Right], api: Api) -> list[Right]:
    """Those that the server says we don't have."""
    asked = list(rights)

    def has(right: Right) -> bool:
        return api.may(right.verb, right.resource, group=right.group, namespace=right.namespace)

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        return [right for right, allowed in zip(asked, pool.map(has, asked), strict=True) if not allowed]
