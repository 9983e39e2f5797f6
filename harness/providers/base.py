"""The contract of a provider. Small on purpose; what only some can do is an ability of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from fawkes.harness.model import Component, Json
from fawkes.harness.operator.objects import Manifest
from fawkes.harness.world import Inside

if TYPE_CHECKING:
    from fawkes.harness.kubernetes.api import Api
    from fawkes.harness.kubernetes.whereabouts import Whereabouts
    from fawkes.harness.providers.kind.cluster import Cluster


class Provider(Protocol):
    """Runs components. Methods may be called again after a failure; `close` may be called at any time, twice too."""

    name: str

    def start(self, components: Sequence[Component]) -> None:
        """Start them in dependency order, in parallel where that allows, and return when all are ready.

        Raises ComponentError for a part that exits or refuses its configuration, ProviderError when the host
        cannot give what is needed (a busy port, a full disk), DeadlineExceeded when a part is never ready.
        """

    def running(self) -> Sequence[str]:
        """Names of the parts that run now, in the order in which they were started."""

    def url(self, part: str, port: str = "http") -> str:
        """Base URL of a part as the harness sees it. UsageError if there is no such part or port."""

    def log_tail(self, part: str, lines: int = 20) -> str:
        """The last lines the part has written."""

    def rss_bytes(self) -> Mapping[str, int]:
        """Resident memory of every running part, with its child processes."""

    def cpu_s(self) -> float:
        """CPU seconds of this machine, since any moment, that it used by processes that don't descend from ours."""

    def close(self) -> None:
        """Stop everything in reverse order, politely and then hard. Nothing of it is left."""


@runtime_checkable
class Killable(Protocol):
    """Can take a part away and bring it back, for faults."""

    def kill(self, part: str) -> None:
        """End the part at once (SIGKILL or the like)."""

    def revive(self, part: str) -> None:
        """Start a killed part again on its old data and wait until it is ready."""


@runtime_checkable
class Pausable(Protocol):
    """Can make a part hang and let it go on."""

    def pause(self, part: str) -> None:
        """From now on the part does nothing; its connections stay open and unanswered."""

    def resume(self, part: str) -> None:
        """The part goes on where it was."""


@runtime_checkable
class Partitionable(Protocol):
    """Can cut parts off from each other and join them again."""

    def partition(self, parts: Sequence[str]) -> None:
        """From now on what one of `parts` sends to another is lost. UsageError for parts that don't talk directly."""

    def heal(self, parts: Sequence[str]) -> None:
        """They reach each other again."""


@runtime_checkable
class Federated(Protocol):
    """Can have the dojo in a cluster of its own, and cut that off from the platform's."""

    def cut_off(self, one: Cluster, other: Cluster) -> None:
        """From now on what `other` and its pods send to `one` is lost; those within each hear each other."""

    def join_again(self, one: Cluster, other: Cluster) -> None:
        """They reach each other again."""


@runtime_checkable
class Upgradable(Protocol):
    """Can bring an app from one version to another while it runs."""

    def upgrade(self, parts: Sequence[str], manifests: Sequence[Manifest]) -> Sequence[Mapping[str, Json]]:
        """Apply the app's objects in the version that ships, and wait until controllers have replaced its parts.

        What became of each, as in kubernetes/rollout.py; one that was never replaced is told and not raised.
        """


@runtime_checkable
class Inspectable(Protocol):
    """Can look inside a part: what runs, its files, what it listens on."""

    def inside(self, part: str) -> Inside:
        """UsageError if there is no such part, ProviderError when it can't be looked into: it does not run, say."""


@runtime_checkable
class Orchestrated(Protocol):
    """Runs on Kubernetes, where scenarios may apply objects of their own."""

    def kubernetes(self) -> Api:
        """The cluster's API server."""

    def pods(self, part: str, *, running: bool = False) -> list[str]:
        """Names of a part's pods: one, or none while it is away."""

    def where(self, part: str) -> Whereabouts:
        """Namespace, labels, container and ports of a part."""


ABILITIES: Mapping[str, type] = {
    "kill": Killable,
    "pause": Pausable,
    "partition": Partitionable,
    "upgrade": Upgradable,
    "two_clusters": Federated,
    "inspect": Inspectable,
    "kubernetes": Orchestrated,
    "network_policy": Orchestrated,
}
"""What a scenario may name under `needs`, and the protocol that a provider offers for it."""

FOUND_OUT: Final = ("network_policy",)
"""Those of them that a provider's protocol does not promise: the venue finds out once it is open (harness/venue.py)."""


def missing_abilities(provider: type[Provider], needs: Sequence[str]) -> list[str]:
    """Those of `needs` that the provider lacks, so that a scenario can be skipped before anything starts."""
    return [need for need in needs if not issubclass(provider, ABILITIES[need])]
