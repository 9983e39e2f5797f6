"""Takes back what a run has made in somebody else's cluster: what bears its mark, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from fawkes.harness.errors import HarnessError, ProviderError
from fawkes.harness.eventually import Clock
from fawkes.harness.kubernetes.api import Api, ServerAway
from fawkes.harness.kubernetes.apply import delete, delete_namespaces
from fawkes.harness.operator.objects import Manifest, labels_of, name_of, namespace_of
from fawkes.harness.providers.existing.fence import CRD, RBAC, RUN, Fence

PROVIDER: Final = "existing"
"""Tells our records in the ledger from those of clusters that a run has made."""
LAST: Final = "fawkes.io/last"
"""Label of namespaces that go last: of the operator, which has a hand in what is in the others."""


@dataclass(frozen=True, slots=True)
class Guest:
    """What the ledger knows of a run's stay in a cluster, written down before it makes anything."""

    name: str
    """For messages: the context."""
    run_id: str
    kubeconfig: str
    context: str
    server: str
    identity: str
    """The uid of kube-system, which no two clusters share; empty where we may not see it."""
    namespaces: str
    """That it may make, with commas."""
    provider: str = PROVIDER

    def entry(self) -> dict[str, str | None]:
        return asdict(self)

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Guest:
        return cls(**entry)


def identity(api: Api) -> str:
    """Of a cluster, wherever it is reached; empty where we may not know. ServerAway if it doesn't answer."""
    try:
        found = api.get("v1", "Namespace", "kube-system")
    except ServerAway:
        raise
    except ProviderError:
        return ""
    return str(found["metadata"]["uid"]) if found else ""


def reclaim(entry: Mapping[str, Any], *, clock: Clock) -> None:
    """Remove what a crashed run has left. ProviderError, with what to do, where it can't be known or done."""
    guest = Guest.of(entry)
    try:
        fence = Fence(Path(guest.kubeconfig), guest.context, run_id=guest.run_id)
        if fence.server != guest.server:
            raise ProviderError(f"context {guest.context} leads to {fence.server} now, and not to {guest.server}")
        if guest.identity and identity(fence) not in ("", guest.identity):
            return  # the cluster is gone, with everything in it; another has its address
        remove(fence, clock=clock)
    except HarnessError as error:
        raise ProviderError(
            f"cluster {guest.name}: what run {guest.run_id} has made may still be there: {error}; make "
            f"{guest.kubeconfig} lead there and run `harness gc` again, or delete what has the label "
            f"{RUN}={guest.run_id}: namespaces {guest.namespaces}, ClusterRoles, ClusterRoleBindings"
        ) from error


def remove(fence: Fence, *, clock: Clock) -> list[str]:
    """Everything that bears the mark of the fence's run, awaited. Returns what stays on purpose, and why."""
    marked = f"{RUN}={fence.run_id}"
    spaces = fence.list("v1", "Namespace", labels=marked)
    for last in (False, True):
        delete_namespaces(fence, [name_of(one) for one in spaces if (LAST in labels_of(one)) is last], clock=clock)
    roles = [one for kind in ("ClusterRoleBinding", "ClusterRole") for one in fence.list(RBAC, kind, labels=marked)]
    delete(fence, roles, clock=clock)
    definitions = fence.list(*CRD, labels=marked)
    used = [one for one in definitions if _objects_of(one, fence)]
    delete(fence, [one for one in definitions if one not in used], clock=clock)
    return [
        f"CustomResourceDefinition {name_of(one)} stays: there is {_objects_of(one, fence)[0]}, which isn't of this run"
        for one in used
    ]


def _objects_of(definition: Manifest, api: Api) -> list[str]:
    """What others have made of a definition since: it would go with it."""
    spec = definition["spec"]
    version = next(str(one["name"]) for one in spec["versions"] if one["storage"])
    found = api.list(f"{spec['group']}/{version}", str(spec["names"]["kind"]))
    return [f"{one['kind']} {namespace_of(one)}/{name_of(one)}" for one in found]
