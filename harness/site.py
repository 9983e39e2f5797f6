"""One scenario's platform before it runs, as every provider has it. It is the Site of world.py."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import httpx

from fawkes.harness.blueprint import Blueprint
from fawkes.harness.components.prometheus import DATA
from fawkes.harness.errors import UsageError
from fawkes.harness.eventually import RealClock
from fawkes.harness.ledger import Ledger, state_directory
from fawkes.harness.model import Component
from fawkes.harness.operator.objects import Manifest
from fawkes.harness.operator.prometheus import external_labels
from fawkes.harness.plan import Plan, objstore_yaml, postgres_dsn
from fawkes.harness.providers.base import Provider
from fawkes.harness.providers.local.ports import Ports
from fawkes.harness.providers.local.provider import LocalProvider
from fawkes.harness.secrets import Secrets

_HTTP_WITHIN_S: Final = 10.0
"""For one request of an observer. Thanos' own query time-out is two minutes, but nobody here waits that long."""


class PlatformSite(ABC):
    """Addresses, directories and secrets of a platform; `start` brings it up, `close` takes it down."""

    provider: Provider
    listen_host: str = "127.0.0.1"

    def __init__(
        self, directory: Path, blueprint: Blueprint, *, clock: RealClock, binaries: Mapping[str, Path], ports: Ports
    ) -> None:
        """`ports` of this machine are for what runs here, which for some providers is jobs only."""
        self.directory, self.blueprint, self.clock = directory.absolute(), blueprint, clock
        self.run_id, self.seed = blueprint.run_id, blueprint.seed
        self.binaries, self.secrets = binaries, Secrets()
        self.started_at_s = time.time()
        self.http = httpx.Client(timeout=_HTTP_WITHIN_S, trust_env=False)
        self.ledger = Ledger(state_directory(os.environ), blueprint.run_id)
        self._here = LocalProvider(self.directory, self.run_id, ports=ports, ledger=self.ledger, clock=clock)

    @property
    @abstractmethod
    def plan(self) -> Plan:
        """What everything is rendered from."""

    def replicas(self, app: str) -> Sequence[str]:
        return self.blueprint.inventory.replicas(app)

    def external_labels(self, part: str) -> dict[str, str]:
        for one in self.blueprint.inventory.prometheus:
            if one.name == part:
                return external_labels(one.manifest, one.replica)
        raise UsageError(f"{part} is no Prometheus, it has no external labels")

    def binary(self, name: str) -> Path:
        return self.binaries[name]

    def data_directory(self, part: str) -> Path:
        """On this machine; what is in it when the platform starts is that part's data then."""
        path = self._here.part_directory(part) / DATA
        path.mkdir(parents=True, exist_ok=True)
        return path

    def own_directory(self, part: str) -> Path:
        """The part's working directory, as it sees it itself."""
        return self.plan.directory(part)

    @abstractmethod
    def port(self, part: str, port: str = "http") -> int:
        """Where that part listens, as it sees itself."""

    def objstore_file(self, bucket: str) -> Path:
        """The Thanos objstore.yml for a bucket, for a program on this machine."""
        path = self._here.part_directory("objstore") / f"{bucket}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(objstore_yaml(bucket, self.plan))
        return path

    def secret(self, name: str) -> str:
        """A secret of this run, as the harness must know it."""
        return postgres_dsn(self.plan) if name == "postgres-dsn" else self.secrets[name]

    @abstractmethod
    def start(self, joined: Sequence[Component]) -> None:
        """Everything ready, with what drivers have `joined` to it. Raises what the provider raises."""

    def shipped(self, app: str) -> Sequence[Manifest]:
        """The objects that run an app, in the version that ships; none where nothing is applied."""
        return ()

    @abstractmethod
    def urls(self) -> Mapping[str, str]:
        """Part -> URL of everything that speaks HTTP."""

    @abstractmethod
    def close(self) -> None:
        """Take everything down. Data and secrets go; logs stay."""
