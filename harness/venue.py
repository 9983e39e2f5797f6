"""Where the platforms of a run stand: this machine, a kind cluster, a cluster that exists."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Protocol

from fawkes.harness.blueprint import Blueprint
from fawkes.harness.eventually import RealClock
from fawkes.harness.providers.base import Provider
from fawkes.harness.site import PlatformSite


class Venue(Protocol):
    """Made ready once for a run, then asked for a site per scenario. `close` may be called at any time, twice too."""

    provider: ClassVar[type[Provider]]
    """What its sites run parts with; its abilities decide which scenarios are skipped."""
    at_a_time: ClassVar[int | None]
    """How many platforms fit beside each other; None where only the machine's cores and memory say so."""

    def site(self, directory: Path, blueprint: Blueprint, clock: RealClock) -> PlatformSite:
        """The site of one scenario; `directory` is its own."""

    def close(self) -> None:
        """What was made for the whole run goes."""
