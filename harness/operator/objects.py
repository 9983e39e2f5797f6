"""The platform's Kubernetes objects, read from YAML files as `kubectl apply -f DIRECTORY` would read them."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from fawkes.harness.errors import Problem, ScenarioError, UsageError

Manifest = Mapping[str, Any]
"""One Kubernetes object as JSON-like values. Treat it as read-only; change it through `Objects.edit`."""

_CLUSTER_SCOPED: Final = frozenset({"Namespace", "ClusterRole", "ClusterRoleBinding"})


def namespace_of(manifest: Manifest) -> str:
    """The object's namespace; empty for a cluster-scoped one."""
    return str(manifest["metadata"].get("namespace", ""))


def name_of(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])


def labels_of(manifest: Manifest) -> Mapping[str, str]:
    return manifest["metadata"].get("labels") or {}


def display_name(manifest: Manifest) -> str:
    """`Prometheus fawkes-monitoring/core`, for messages."""
    return f"{manifest['kind']} {namespace_of(manifest)}/{name_of(manifest)}"


@dataclass(frozen=True, slots=True)
class Objects:
    """A set of objects, each known by (kind, namespace, name). Never changes; every edit makes a new set."""

    items: tuple[Manifest, ...]

    def __iter__(self) -> Iterator[Manifest]:
        return iter(self.items)

    def of(self, kind: str, namespace: str | None = None) -> list[Manifest]:
        """All objects of a kind, of one namespace or of all, ordered by `namespace/name` as the operator does."""
        found = [m for m in self.items if m["kind"] == kind and namespace in (None, namespace_of(m))]
        return sorted(found, key=lambda m: f"{namespace_of(m)}/{name_of(m)}")

    def get(self, kind: str, namespace: str, name: str) -> Manifest:
        """One object. UsageError, with the nearest names, if there is none."""
        for manifest in self.items:
            if _identity(manifest) == (kind, namespace, name):
                return manifest
        known = [f"{namespace_of(m)}/{name_of(m)}" for m in self.of(kind)]
        near = difflib.get_close_matches(f"{namespace}/{name}", known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known) or 'none'}"
        raise UsageError(f"there is no {kind} {namespace}/{name} among the platform's objects; {hint}")

    def edit(self, kind: str, namespace: str, name: str, change: Callable[[dict[str, Any]], None]) -> Objects:
        """The same set with one object changed. `change` gets a copy that it may alter. UsageError if there is none."""
        copied = copy.deepcopy(dict(self.get(kind, namespace, name)))
        change(copied)
        return self.replace(copied)

    def replace(self, *manifests: Manifest) -> Objects:
        """The same set with these objects in place of those of the same identity, or added to it."""
        fresh = {_identity(m): m for m in manifests}
        kept = tuple(fresh.pop(_identity(m), m) for m in self.items)
        return Objects(kept + tuple(fresh.values()))


def load_objects(directory: Path) -> Objects:
    """Every document of every *.yaml directly in `directory`.

    Raises ScenarioError with all problems, each with file and line: invalid YAML, a key given twice (PyYAML would
    silently take the last), a document that is no object, two objects of one identity. UsageError if there is no file.
    """
    files = sorted(directory.glob("*.yaml"))
    if not files:
        raise UsageError(f"{directory} holds no *.yaml file; give the directory of the platform's objects")
    problems: list[Problem] = []
    found: dict[tuple[str, str, str], tuple[str, Manifest]] = {}
    for file in files:
        for line, document in _documents(file, problems):
            complaint = _complaint(document)
            if complaint:
                problems.append(Problem(str(file), line, *complaint))
                continue
            place = f"{file.name}:{line}"
            if (earlier := found.get(_identity(document))) is not None:
                message = f"{display_name(document)} is already in {earlier[0]}; rename or remove one of them"
                problems.append(Problem(str(file), line, "metadata.name", message))
            found.setdefault(_identity(document), (place, document))
    if problems:
        raise ScenarioError(problems)
    return Objects(tuple(manifest for _, manifest in found.values()))


def _identity(manifest: Manifest) -> tuple[str, str, str]:
    return str(manifest["kind"]), namespace_of(manifest), name_of(manifest)


def _documents(file: Path, problems: list[Problem]) -> Iterator[tuple[int, Any]]:
    """(line, value) of each document that isn't empty. A syntax error ends the file and is noted."""
    loader = _Loader(file.read_text())
    try:
        while loader.check_node():
            node = loader.get_node()
            value = loader.construct_document(node) if node is not None else None
            if node is not None and value is not None:
                yield node.start_mark.line + 1, value
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.append(Problem(str(file), mark.line + 1 if mark else 1, "", error.problem or str(error)))
    finally:
        loader.dispose()


def _complaint(document: Any) -> tuple[str, str] | None:
    """(field, what is wrong) of the first thing that keeps a document from being an object."""
    if not isinstance(document, dict):
        return "", "this is not a Kubernetes object; write apiVersion, kind and metadata"
    for field in ("apiVersion", "kind"):
        if not isinstance(document.get(field), str):
            return field, "is missing; every Kubernetes object has one"
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        return "metadata.name", "is missing; every Kubernetes object has one"
    if document["kind"] not in _CLUSTER_SCOPED and not isinstance(metadata.get("namespace"), str):
        return "metadata.namespace", "is missing; where the object goes must not depend on who applies it"
    return None


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, except that a key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.MarkedYAMLError(problem=f"{key!r} is given twice", problem_mark=key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)
