"""The platform's namespaces under names of their own, so that it stands beside what others have in a cluster."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from fawkes.harness.errors import UsageError
from fawkes.harness.operator.objects import Manifest, Objects

_CLUSTER_SCOPED: Final = ("ClusterRole", "ClusterRoleBinding")
"""Kinds without a namespace whose names are ours to choose. Definitions (CRDs) are not: their names mean something."""
_WHOSE: Final = "fawkes.io/metrics"
"""Label of namespaces by which a Prometheus finds the monitors it is to read, wherever they are in the cluster."""
_WORD: Final = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_NAME_LENGTH: Final = 63
"""Of a namespace, which is a label in DNS."""
_NOT_OURS: Final = ("kube", "openshift", "default")
"""Words that clusters keep for themselves."""


@dataclass(frozen=True)
class Prefix:
    """Called with any text, it gives the text with each namespace of `names` in it under its prefixed name.

    Everything here may be done twice: what has the prefix doesn't get it again.
    """

    text: str = ""
    """`alice-`; empty for a cluster where the platform is alone."""
    names: frozenset[str] = frozenset()
    """Namespaces as the platform's files call them."""

    @classmethod
    def parse(cls, word: str, names: Iterable[str]) -> Prefix:
        """From what a person wrote, with or without the last dash. UsageError if no namespace can begin so."""
        stem, known = word.rstrip("-"), frozenset(names)
        longest = _NAME_LENGTH - 1 - max(map(len, known))
        if not _WORD.fullmatch(stem) or len(stem) > longest:
            raise UsageError(
                f"--namespace-prefix {word!r}: write small letters, digits and dashes, a letter first, "
                f"at most {longest}; for example --namespace-prefix alice"
            )
        if stem.split("-")[0] in _NOT_OURS:
            raise UsageError(f"--namespace-prefix {word!r}: Kubernetes keeps such names for itself; choose another")
        return cls(f"{stem}-", known)

    def __bool__(self) -> bool:
        return bool(self.text)

    def __call__(self, text: str) -> str:
        return self._word.sub(lambda found: self.text + found[0], text) if self else text

    def namespaces(self) -> list[str]:
        """All of them, as the cluster calls them."""
        return sorted(map(self, self.names))

    def objects(self, objects: Objects) -> Objects:
        return Objects(tuple(map(self.manifest, objects))) if self else objects

    def manifest(self, manifest: Manifest) -> Manifest:
        """The same object in the prefixed namespaces, also where it only speaks of them: selectors, addresses, rules.

        So that no Prometheus of others finds its monitors, and it none of theirs, the label that tells whose they are
        has the prefix in its value.
        """
        if not self:
            return manifest
        renamed: dict[str, Any] = self._renamed(manifest)
        if renamed["kind"] in _CLUSTER_SCOPED:
            renamed["metadata"]["name"] = self._once(renamed["metadata"]["name"])
        role = renamed.get("roleRef", {})
        if role.get("kind") == "ClusterRole":
            role["name"] = self._once(role["name"])
        return renamed

    @cached_property
    def _word(self) -> re.Pattern[str]:
        """A name that is not part of a longer one, such as of a file or of the same name with the prefix."""
        return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, sorted(self.names)))})(?![\w-])")

    def _renamed(self, value: Any) -> Any:
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Mapping):
            return {key: self._labelled(key, self._renamed(one)) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self._renamed(one) for one in value]
        return value

    def _labelled(self, key: Any, value: Any) -> Any:
        return self._once(value) if key == _WHOSE and isinstance(value, str) else value

    def _once(self, name: str) -> str:
        return name if name.startswith(self.text) else self.text + name


NO_PREFIX: Final = Prefix()
