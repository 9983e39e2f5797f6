"""This machine as the place where platforms stand."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from fawkes.harness.blueprint import Blueprint
from fawkes.harness.errors import UsageError
from fawkes.harness.eventually import RealClock
from fawkes.harness.prefix import NO_PREFIX
from fawkes.harness.providers.base import Provider
from fawkes.harness.providers.local.ports import Ports
from fawkes.harness.providers.local.provider import LocalProvider
from fawkes.harness.providers.local.site import LocalSite
from fawkes.harness.venue import FixedPorts, Opening, refuse_unknown_ports

if TYPE_CHECKING:
    pass


class LocalVenue:
    """Several platforms at a time, each on ports of its own."""

    provider: ClassVar[type[Provider]] = LocalProvider
    at_a_time: ClassVar[int | None] = None
    has_exporters: ClassVar[bool] = False
    prefix = NO_PREFIX

    def __init__(self, binaries: Mapping[str, Path], fixed_ports: FixedPorts = MappingProxyType({})) -> None:
        self._binaries, self._fixed = binaries, dict(fixed_ports)

    @classmethod
    def obstacle(cls, environ: Mapping[str, str]) -> str | None:
        return None

    @classmethod
    def open(cls, opening: Opening) -> LocalVenue:
        if opening.reuse is not None:
            raise UsageError(
                f"--reuse {opening.reuse}: there is no cluster where parts are local processes; add --on kind"
            )
        return cls(opening.binaries, opening.fixed_ports)

    def versions(self) -> Mapping[str, str]:
        return {}

    def lacks(self, ability: str) -> str | None:
        return "parts are local processes"

    def site(self, directory: Path, blueprint: Blueprint, clock: RealClock) -> LocalSite:
        refuse_unknown_ports(self._fixed, blueprint)
        ports = Ports(random.SystemRandom(), self._fixed)
        return LocalSite(directory, blueprint, clock=clock, binaries=self._binaries, ports=ports)

    def close(self) -> None:
        """Nothing outlives a platform here."""
