"""A scenario's platform as processes of this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from fawkes.harness.assembly import assemble
from fawkes.harness.blueprint import Blueprint
from fawkes.harness.components.prometheus import DATA
from fawkes.harness.eventually import RealClock
from fawkes.harness.given_postgres import GivenDatabase, server_dsn
from fawkes.harness.model import Component
from fawkes.harness.plan import Plan, objstore_yaml, postgres_dsn
from fawkes.harness.providers.local.ports import Ports
from fawkes.harness.providers.local.provider import LocalProvider
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
        super().__init__(directory, blueprint, clock=clock, binaries=binaries)
        self._ports = ports
        self._components: list[Component] = []
        self._local = LocalProvider(self.directory, self.run_id, ports=ports, ledger=self.ledger, clock=clock)
        self.provider = self._local
        given = server_dsn(os.environ)
        self._database = GivenDatabase(given, self.run_id) if given else None
        self._plan = Plan(
            run_id=self.run_id,
            seed=self.seed,
            objects=blueprint.objects,
            inventory=blueprint.inventory,
            secrets=self.secrets,
            port=ports.port,
            address=lambda part, port: f"127.0.0.1:{ports.port(part, port)}",
            directory=self._local.part_directory,
            binaries=binaries,
            mutant=blueprint.mutant,
            given_dsn=self._database.dsn if self._database else None,
            native_senders=blueprint.native_senders,
        )

    def data_directory(self, part: str) -> Path:
        path = self._local.part_directory(part) / DATA
        path.mkdir(parents=True, exist_ok=True)
        return path

    def port(self, part: str, port: str = "http") -> int:
        return self._ports.port(part, port)

    def objstore_file(self, bucket: str) -> Path:
        path = self._local.part_directory("objstore") / f"{bucket}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(objstore_yaml(bucket, self._plan))
        return path

    def secret(self, name: str) -> str:
        return postgres_dsn(self._plan) if name == "postgres-dsn" else self.secrets[name]

    def start(self, joined: Sequence[Component]) -> None:
        if self._database is not None:
            self.ledger.database(self._database.name)  # written down before it exists
            self._database.create()
        self._components = assemble(self._plan, joined)
        self._local.start(self._components)

    def urls(self) -> Mapping[str, str]:
        return {part.name: self._local.url(part.name) for part in self._components if "http" in part.ports}

    def close(self) -> None:
        self.http.close()
        self._local.close()
        if not self.blueprint.keep_data:
            self._local.discard_data()
        if self._database is not None:
            self._database.drop()
        self.ledger.close()
