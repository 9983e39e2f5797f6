"""This machine as the place where platforms stand."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from fawkes.harness.blueprint import Blueprint
from fawkes.harness.errors import UsageError
from fawkes.harness.eventually import RealClock
from fawkes.harness.providers.base import Provider
from fawkes.harness.providers.local.ports import Ports
from fawkes.harness.providers.local.provider import LocalProvider
from fawkes.harness.providers.local.site import LocalSite


class LocalVenue:
    """Several platforms at a time, each on ports of its own."""

    provider: ClassVar[type[Provider]] = LocalProvider
    at_a_time: ClassVar[int | None] = None

    def __init__(self, binaries: Mapping[str, Path], fixed_ports: Mapping[tuple[str, str], int] | None = None) -> None:
        """`fixed_ports`: (part, port name) -> number, for a person who wants to know where to look."""
        self._binaries, self._fixed = binaries, dict(fixed_ports or {})

    def site(self, directory: Path, blueprint: Blueprint, clock: RealClock) -> LocalSite:
        inventory = blueprint.inventory
        known = {part for app in inventory.apps() for part in inventory.replicas(app)}
        for part, _ in self._fixed:
            if part not in known:
                raise UsageError(f"--port {part}: there is no such part; there are {', '.join(sorted(known))}")
        ports = Ports(random.SystemRandom(), self._fixed)
        return LocalSite(directory, blueprint, clock=clock, binaries=self._binaries, ports=ports)

    def close(self) -> None:
        """Nothing outlives a platform here."""
