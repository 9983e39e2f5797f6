"""Where the platforms of a run stand: this machine, a kind cluster, a cluster that exists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from fawkes.harness.blueprint import Blueprint
from fawkes.harness.errors import UsageError
from fawkes.harness.eventually import RealClock
from fawkes.harness.prefix import Prefix
from fawkes.harness.providers.base import Provider
from fawkes.harness.site import PlatformSite

if TYPE_CHECKING:
    from fawkes.harness.providers.existing.target import Target

FixedPorts = Mapping[tuple[str, str], int]
"""(part, port name) -> port of 127.0.0.1."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a run brings along; each kind of venue takes what it has use for, and refuses what makes no sense there."""

    run_id: str
    binaries: Mapping[str, Path]
    progress: Callable[[str], None]
    reuse: str | None = None
    """A cluster of ours that is there already."""
    target: Target | None = None
    """A cluster of somebody else's."""
    fixed_ports: FixedPorts = field(default_factory=dict)
    """For a person who wants to know where to look."""


class Venue(Protocol):
    """Opened once for a run, then asked for a site per scenario. `close` may be called at any time, twice too."""

    provider: ClassVar[type[Provider]]
    """What its sites run parts with; its abilities decide which scenarios are skipped."""
    at_a_time: ClassVar[int | None]
    """How many platforms fit beside each other; None where only the machine's cores and memory say so."""

    has_exporters: ClassVar[bool]
    """Whether there is a cluster for kube-state-metrics and node-exporter to tell of."""
    prefix: Prefix
    """Of its platforms' namespaces."""

    @classmethod
    def obstacle(cls, environ: Mapping[str, str]) -> str | None:
        """Why no platform can stand here on this machine, with the remedy; None where one can. Looks only."""

    @classmethod
    def open(cls, opening: Opening) -> Venue:
        """Made ready for a run. NoPlaceError where it turns out that none can be here; raises what else keeps it."""

    def versions(self) -> Mapping[str, str]:
        """Name -> version of what its platforms need beyond the binaries that every run has."""

    def lacks(self, ability: str) -> str | None:
        """Why an ability of FOUND_OUT (providers/base.py) is missing here, in words; None where it is not. Tries it."""

    def site(self, directory: Path, blueprint: Blueprint, clock: RealClock) -> PlatformSite:
        """The site of one scenario; `directory` is its own."""

    def close(self) -> None:
        """What was made for the whole run goes."""


def refuse_unknown_ports(fixed: FixedPorts, blueprint: Blueprint) -> None:
    """UsageError for a port that is wanted for a part that the platform doesn't have."""
    inventory = blueprint.inventory
    known = {part for app in inventory.apps() for part in inventory.replicas(app)}
    for part, _ in fixed:
        if part not in known:
            raise UsageError(f"--port {part}: there is no such part; there are {', '.join(sorted(known))}")
