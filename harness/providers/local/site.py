"""A scenario's platform as processes of this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from fawkes.harness.assembly import assemble
from fawkes.harness.blueprint import Blueprint
from fawkes.harness.eventually import RealClock
from fawkes.harness.given_postgres import GivenDatabase, server_dsn
from fawkes.harness.model import Component
from fawkes.harness.plan import Plan
from fawkes.harness.providers.local.ports import Ports
from fawkes.harness.site import PlatformSite


class LocalSite(PlatformSite):
    """Its parts have ports of 127.0.0.1, directories below the scenario's, and PostgreSQL may be somebody else's."""

    def __init__(
        self,
        directory: Path,
        blueprint: Blueprint,
        *,
        clock: RealClock,
        binaries: Mapping[str, Path],
        ports: Ports,
    ) -> None:
        super().__init__(directory, blueprint, clock=clock, binaries=binaries, ports=ports)
        self._ports = ports
        self._components: list[Component] = []
        self.provider = self._here
        given = server_dsn(os.environ)
        self._database = GivenDatabase(given, self.run_id) if given else None

    @cached_property
    def plan(self) -> Plan:
        return Plan(
            run_id=self.run_id,
            seed=self.seed,
            objects=self.blueprint.objects,
            inventory=self.blueprint.inventory,
            secrets=self.secrets,
            port=self.port,
            address=lambda part, port: f"127.0.0.1:{self.port(part, port)}",
            directory=self._here.part_directory,
            binaries=self.binaries,
            mutant=self.blueprint.mutant,
            given_dsn=self._database.dsn if self._database else None,
            native_senders=self.blueprint.native_senders,
        )

    def port(self, part: str, port: str = "http") -> int:
        return self._ports.port(part, port)

    def start(self, joined: Sequence[Component]) -> None:
        if self._database is not None:
            self.ledger.database(self._database.name)  # written down before it exists
            self._database.create()
        self._components = assemble(self.plan, joined)
        self._here.start(self._components)

    def urls(self) -> Mapping[str, str]:
        return {part.name: self._here.url(part.name) for part in self._components if "http" in part.ports}

    def close(self) -> None:
        self.http.close()
        self._here.close()
        if not self.blueprint.keep_data:
            self._here.discard_data()
        if self._database is not None:
            self._database.drop()
        self.ledger.close()
