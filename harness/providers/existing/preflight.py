"""What a run needs of a cluster that it is a guest of, and what it would make there. Looks only; makes nothing.

Requests that would make something are sent as dry runs: the server tells what it would say, quotas and policies too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from kubernetes import config

from fawkes.harness.errors import ProviderError, UsageError
from fawkes.harness.kubernetes.api import ServerAway, UnknownKind
from fawkes.harness.operator.objects import Manifest, display_name, labels_of, name_of, namespace_of
from fawkes.harness.operator.selectors import matches
from fawkes.harness.prefix import Prefix
from fawkes.harness.providers.existing.capacity import asked, pods_of, room
from fawkes.harness.providers.existing.fence import CRD, RUN, Fence
from fawkes.harness.providers.existing.operators import KINDS, VERSION_OF, Verdict, decide, operators
from fawkes.harness.providers.existing.planned import counted, of_kinds, our_operator, whole_platform
from fawkes.harness.providers.existing.production import Sight, signs
from fawkes.harness.providers.existing.rights import lacking, needed
from fawkes.harness.providers.existing.target import Target
from fawkes.harness.toolchain import pins

State = Literal["ok", "mind", "no"]
"""`mind`: a run can go on, and somebody should know. `no`: it can't, and the remedy says what would help."""

_MONITORING: Final = "monitoring.coreos.com/v1"
_STORAGE: Final = ("storage.k8s.io/v1", "StorageClass")
_DEFAULT_CLASS: Final = "storageclass.kubernetes.io/is-default-class"
_SKEW: Final = 1
"""Minor versions that kubectl may be ahead of or behind a server (Kubernetes' version skew policy)."""
_DRY: Final = ("Namespace", "ClusterRole", "ClusterRoleBinding")
"""What can be tried without the rest being there; the others would need their namespaces."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    subject: str
    state: State
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All of the table, and what it speaks of."""

    rows: tuple[Row, ...]
    platform: tuple[Manifest, ...] = ()
    operator: tuple[Manifest, ...] = ()
    """Of our own; empty where none is to be installed."""

    def refuse(self) -> None:
        """ProviderError with every obstacle, if there is one."""
        if obstacles := [row for row in self.rows if row.state == "no"]:
            lines = [f"{row.subject}: {row.found}; {row.remedy}" for row in obstacles]
            raise ProviderError("\n".join(["nothing was made in this cluster:", *lines]))


def preflight(fence: Fence, target: Target, prefix: Prefix, bundle: Callable[[], Path]) -> Report:
    """The whole table; of a cluster that looks like production and isn't named, only why it does.

    `bundle` gives the operator's files, and is called only where one of our own would be installed. ServerAway when
    the cluster doesn't answer.
    """
    rows = [_cluster(fence, target), _production(fence, target)]
    if any(row.state == "no" for row in rows):
        return Report(tuple(rows))
    verdict = _operator_verdict(fence, target, prefix)
    platform = whole_platform(prefix)
    operator = our_operator(prefix, bundle(), define=verdict.define) if verdict.install else []
    manifests = [*platform, *operator]
    row = Row("operator", "no" if verdict.obstacle else "ok", verdict.found, verdict.obstacle or "")
    checks = (_names, _accepted, _rights, _storage, _capacity, _onlookers)
    rows += [*_made(manifests), row, *(one for check in checks for one in _asked(check, fence, manifests))]
    return Report(tuple(rows), tuple(platform), tuple(operator))


def _asked(
    check: Callable[[Fence, Sequence[Manifest]], Iterator[Row]], fence: Fence, manifests: Sequence[Manifest]
) -> Iterator[Row]:
    """Its rows; where we may not look, that is one."""
    try:
        yield from check(fence, manifests)
    except ServerAway:
        raise
    except ProviderError as error:
        yield Row(check.__name__.strip("_"), "no", str(error), "let this account read it")


def _cluster(fence: Fence, target: Target) -> Row:
    version, ours = fence.version(), pins()["kubectl"].version
    found = f"context {target.context}, {fence.server}, Kubernetes {version}"
    if abs(_minor(version) - _minor(ours)) > _SKEW:
        return Row("cluster", "mind", found, f"our kubectl is {ours}, more than a version away; set FAWKES_BIN_KUBECTL")
    return Row("cluster", "ok", found)


def _minor(version: str) -> int:
    return int("".join(filter(str.isdigit, version.split(".")[1])))


def _production(fence: Fence, target: Target) -> Row:
    reasons = signs(sight(fence, target))
    subject = "production"
    if not reasons:
        return Row(subject, "ok", "looks like a cluster to try things in")
    found = "it looks as if somebody would miss it: " + "; ".join(reasons)
    if target.yes_this_is == target.context:
        return Row(subject, "mind", found, "told so by name, the run goes on")
    return Row(subject, "no", found, f"if this is the one you mean, add --yes-this-is {target.context}")


def sight(fence: Fence, target: Target) -> Sight:
    """A first look, which costs the cluster three small requests."""
    contexts, _ = config.list_kube_config_contexts(target.kubeconfig)
    context = next(one["context"] for one in contexts if one["name"] == target.context)
    nodes, spaces = fence.list("v1", "Node"), fence.list("v1", "Namespace")
    others = [one for one in spaces if not name_of(one).startswith(("kube-", "default")) and RUN not in labels_of(one)]
    labels: dict[str, str] = {}
    for one in (*nodes, *others):
        labels |= labels_of(one)
    return Sight(
        context=target.context,
        cluster=str(context["cluster"]),
        user=str(context["user"]),
        server=fence.server,
        nodes=len(nodes),
        namespaces=len(others),
        age_days=_age_days(spaces),
        labels=labels,
    )


def _age_days(spaces: Sequence[Manifest]) -> float | None:
    """Of kube-system, which is made with the cluster."""
    made = [one["metadata"]["creationTimestamp"] for one in spaces if name_of(one) == "kube-system"]
    return (datetime.now(UTC) - datetime.fromisoformat(made[0])).total_seconds() / 86_400 if made else None


def _operator_verdict(fence: Fence, target: Target, prefix: Prefix) -> Verdict:
    definitions: dict[str, str | None] = {}
    for kind in KINDS:
        try:
            plural = fence.plural(_MONITORING, kind)
        except UnknownKind:
            continue
        found = fence.get(*CRD, f"{plural}.{_MONITORING.partition('/')[0]}") or {"metadata": {}}
        definitions[kind] = (found["metadata"].get("annotations") or {}).get(VERSION_OF)
    there = operators(fence.list("apps/v1", "Deployment")) if definitions else []
    return decide(definitions, there, prefix.namespaces(), install=target.install_operator)


def _made(manifests: Sequence[Manifest]) -> Iterator[Row]:
    """What would be there during a run."""
    spaces = of_kinds(manifests, "Namespace")
    wide = [one for one in manifests if not namespace_of(one) and one not in spaces]
    yield Row("makes namespaces", "ok", ", ".join(map(name_of, spaces)), "gone after the run, with all that is in them")
    yield Row(
        "makes cluster-wide", "ok", ", ".join(f"{one['kind']} {name_of(one)}" for one in wide), "gone after the run"
    )
    yield Row("makes in them", "ok", counted(one for one in manifests if namespace_of(one)))


def _names(fence: Fence, manifests: Sequence[Manifest]) -> Iterator[Row]:
    """Whether somebody has what we would make."""
    wide = [one for one in manifests if not namespace_of(one) and one["kind"] != CRD[1]]
    taken = [one for one in wide if fence.get(str(one["apiVersion"]), str(one["kind"]), name_of(one)) is not None]
    if taken:
        there = ", ".join(display_name(one) for one in taken)
        yield Row("names", "no", f"there already: {there}", "choose another --namespace-prefix, or run `harness gc`")
    else:
        yield Row("names", "ok", f"none of {len(wide)} is taken")


def _accepted(fence: Fence, manifests: Sequence[Manifest]) -> Iterator[Row]:
    """What the server says to namespaces and cluster-wide roles, in a dry run."""
    refused = []
    tried = of_kinds(manifests, *_DRY)
    for one in tried:
        try:
            fence.apply(one, dry_run=True)
        except ServerAway:
            raise
        except ProviderError as error:
            refused.append(str(error))
    if refused:
        yield Row("dry run", "no", "; ".join(refused), "an administrator can allow it, or give a cluster of your own")
    else:
        yield Row("dry run", "ok", f"the server would take {counted(tried)}")


def _rights(fence: Fence, manifests: Sequence[Manifest]) -> Iterator[Row]:
    spaces = sorted({namespace_of(one) for one in manifests} - {""})
    wanted = needed(manifests, spaces[0], fence)
    if missing := lacking(wanted, fence):
        what = ", ".join(map(str, missing))
        yield Row("rights", "no", f"{len(missing)} of {len(wanted)} are missing", f"allow {what}")
    else:
        yield Row("rights", "ok", f"all {len(wanted)}")


def _storage(fence: Fence, manifests: Sequence[Manifest]) -> Iterator[Row]:
    claims = list(_claims(manifests))
    classes = {name_of(one): one for one in fence.list(*_STORAGE)}
    default = [
        name
        for name, one in classes.items()
        if (one["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true"
    ]
    named = sorted({str(claim["storageClassName"]) for claim in claims if "storageClassName" in claim})
    if unknown := [name for name in named if name not in classes]:
        yield Row("storage", "no", f"no StorageClass {', '.join(unknown)}", f"there are {', '.join(classes) or 'none'}")
    elif not default:
        yield Row("storage", "no", "no default StorageClass", "mark one with the annotation " + _DEFAULT_CLASS)
    elif classes[default[0]].get("reclaimPolicy") == "Retain":
        found = f"{len(claims)} claims, of class {default[0]}, which keeps what was in them (Retain)"
        yield Row("storage", "mind", found, "delete the released volumes after the run")
    else:
        yield Row("storage", "ok", f"{len(claims)} claims, of class {default[0]}")


def _claims(manifests: Sequence[Manifest]) -> Iterator[dict[str, Any]]:
    for one in manifests:
        spec, replicas = one.get("spec", {}), int(one.get("spec", {}).get("replicas", 1))
        templates = list(spec.get("volumeClaimTemplates", ()))
        if one["kind"] in ("Prometheus", "Alertmanager") and "storage" in spec:
            templates.append(spec["storage"]["volumeClaimTemplate"])
        yield from (template["spec"] for template in templates * replicas)


def _capacity(fence: Fence, manifests: Sequence[Manifest]) -> Iterator[Row]:
    nodes = fence.list("v1", "Node")
    left, want = room(nodes, fence.list("v1", "Pod")), asked(manifests, len(nodes))
    count = sum(number for _, number in pods_of(manifests, len(nodes)))
    found = f"{count} pods of the whole platform ask for {want}; {len(nodes)} nodes have {left} left"
    if want.within(left):
        yield Row("room", "ok", found)
    else:
        yield Row("room", "mind", found, "scenarios with few parts may fit; else add a node")


def _onlookers(fence: Fence, manifests: Sequence[Manifest]) -> Iterator[Row]:
    """Others' Prometheus objects that would take our monitors for theirs."""
    try:
        others = fence.list(_MONITORING, "Prometheus")
    except UnknownKind:
        return
    spaces = [labels_of(one) for one in of_kinds(manifests, "Namespace")]
    monitors = [labels_of(one) for one in of_kinds(manifests, "ServiceMonitor")]
    looking = [
        display_name(one)
        for one in others
        if any(matches(one["spec"].get("serviceMonitorNamespaceSelector"), labels) for labels in spaces)
        and any(matches(one["spec"].get("serviceMonitorSelector"), labels) for labels in monitors)
    ]
    if looking:
        found = f"{', '.join(looking)} would scrape our parts too, and send their alerts"
        yield Row("onlookers", "mind", found, "narrow its serviceMonitorNamespaceSelector")
    else:
        yield Row("onlookers", "ok", f"none of {len(others)} Prometheus objects would take ours for its own")


def known_context(target: Target) -> None:
    """UsageError, with those that there are, for a context that the kubeconfig doesn't have."""
    try:
        contexts, _ = config.list_kube_config_contexts(target.kubeconfig)
    except config.ConfigException as error:
        raise UsageError(f"{target.kubeconfig}: {error}; give one with --kubeconfig FILE") from error
    names = [one["name"] for one in contexts]
    if target.context not in names:
        raise UsageError(f"{target.kubeconfig} has no context {target.context!r}; it has {', '.join(names)}")
