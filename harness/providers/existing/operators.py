"""Which prometheus-operators a cluster has, and whether one of them will look after our namespaces. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fawkes.harness.operator.objects import Manifest, name_of, namespace_of

KINDS: Final = ("Prometheus", "Alertmanager", "ServiceMonitor", "PodMonitor", "PrometheusRule")
"""Of the operator's, those that the platform has."""
VERSION_OF: Final = "operator.prometheus.io/version"
"""Annotation of the definitions: the operator's version that they came with."""
_OLDEST: Final = (0, 85)
"""The oldest whose definitions the platform's objects have been tried with."""
_NAMESPACES: Final = "namespaces"
_DENIED: Final = "deny-namespaces"
_NARROWER: Final = ("prometheus-instance-namespaces", "alertmanager-instance-namespaces")


@dataclass(frozen=True, slots=True)
class Operator:
    """One that runs in the cluster."""

    name: str
    """namespace/name of its Deployment."""
    version: str
    """Of its image; empty where that doesn't tell."""
    watched: frozenset[str] | None
    """None: all namespaces but those of `denied`."""
    denied: frozenset[str] = frozenset()

    def watches(self, namespace: str) -> bool:
        return namespace not in self.denied and (self.watched is None or namespace in self.watched)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done about an operator."""

    obstacle: str | None
    """Why no platform can be looked after here, with the remedy."""
    found: str
    install: bool = False
    """A Deployment of our own, for our namespaces."""
    define: bool = False
    """The definitions (CRDs) too: there are none."""


def operators(deployments: Iterable[Manifest]) -> list[Operator]:
    """Those among a cluster's Deployments."""
    return [
        found
        for one in deployments
        for container in one["spec"]["template"]["spec"]["containers"]
        if (found := _operator(one, container)) is not None
    ]


def decide(
    definitions: Mapping[str, str | None], there: Sequence[Operator], namespaces: Sequence[str], *, install: bool
) -> Verdict:
    """`definitions`: kind -> version that its definition says it is of, for those of KINDS that are served."""
    lacking = [kind for kind in KINDS if kind not in definitions]
    versions = sorted({version for version in definitions.values() if version})
    if not definitions:
        if install:
            return Verdict(None, "none; one of our own is installed, with its definitions", install=True, define=True)
        return Verdict(
            "let us install one for the time of the run with --install-operator, or install one yourself", "none"
        )
    defined = f"definitions {', '.join(versions) or 'of an unknown version'}"
    if lacking:
        return Verdict(f"apply the operator's definitions (CRDs) of {', '.join(lacking)}", f"{defined}, not all")
    if old := [version for version in versions if _number(version) < _OLDEST]:
        oldest = ".".join(map(str, _OLDEST))
        return Verdict(f"update the operator and its definitions to {oldest} or newer", f"definitions {old[0]}")
    return _among(there, namespaces, defined, install=install)


def _among(there: Sequence[Operator], namespaces: Sequence[str], defined: str, *, install: bool) -> Verdict:
    seen = {one.name: [name for name in namespaces if one.watches(name)] for one in there}
    told = [f"{one.name} {one.version} {_scope(one)}".replace("  ", " ") for one in there]
    found = "; ".join([defined, *told])
    whole = [name for name, watched in seen.items() if len(watched) == len(namespaces)]
    some = [name for name, watched in seen.items() if watched]
    if len(some) > 1 or (some and not whole):
        return Verdict(
            f"let one operator watch all of {', '.join(namespaces)}; now {', '.join(some)} do in part", found
        )
    if whole and install:
        return Verdict(f"leave out --install-operator: {whole[0]} watches our namespaces, and two would quarrel", found)
    if whole:
        return Verdict(None, f"{found}; it is used")
    if install:
        return Verdict(None, f"{found}; one more is installed, for our namespaces only", install=True)
    return Verdict(
        "none of them watches our namespaces: --install-operator puts one beside them that watches these only", found
    )


def _operator(deployment: Manifest, container: Mapping[str, Any]) -> Operator | None:
    name, _, version = str(container.get("image", "")).partition("@")[0].rpartition(":")
    if name.rpartition("/")[2] != "prometheus-operator":
        return None
    flags = _flags([*container.get("command", ()), *container.get("args", ())])
    watched, denied = flags.get(_NAMESPACES, frozenset()), flags.get(_DENIED, frozenset())
    for flag in _NARROWER:
        watched = watched & flags[flag] if watched and flag in flags else flags.get(flag, watched)
    place = f"{namespace_of(deployment)}/{name_of(deployment)}"
    return Operator(place, version, watched or None, denied)


def _flags(words: Sequence[str]) -> dict[str, frozenset[str]]:
    """Flags with names of namespaces, written with `=` or in two words."""
    flags: dict[str, frozenset[str]] = {}
    for word, following in itertools.pairwise([*words, ""]):
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-") and name in (_NAMESPACES, _DENIED, *_NARROWER):
            flags[name] = frozenset((value if equals else following).split(",")) - {""}
    return flags


def _scope(operator: Operator) -> str:
    if operator.watched is None:
        return "watches all" + (f" but {', '.join(sorted(operator.denied))}" if operator.denied else "")
    return f"watches {', '.join(sorted(operator.watched))}"


def _number(version: str) -> tuple[int, int]:
    found = re.search(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else _OLDEST
