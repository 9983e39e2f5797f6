"""One scenario's platform on the local provider: a Site before it runs, a World while it does."""

from __future__ import annotations

import copy
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx

from fawkes.harness.assembly import Plan, assemble, objstore_yaml, postgres_dsn
from fawkes.harness.clock import scale_objects
from fawkes.harness.components.prometheus import DATA
from fawkes.harness.errors import UsageError
from fawkes.harness.eventually import RealClock, eventually, poll_for
from fawkes.harness.given_postgres import GivenDatabase, server_dsn
from fawkes.harness.inventory import Inventory, with_replicas
from fawkes.harness.model import Component
from fawkes.harness.mutants.mutant import Mutant
from fawkes.harness.operator.objects import Objects, load_objects
from fawkes.harness.operator.prometheus import external_labels
from fawkes.harness.places import PLATFORM
from fawkes.harness.providers.local import LocalProvider
from fawkes.harness.providers.local.ledger import Ledger, state_directory
from fawkes.harness.providers.local.ports import Ports
from fawkes.harness.scenario import PlatformSpec, Scenario
from fawkes.harness.secrets import Secrets

if TYPE_CHECKING:
    from fawkes.harness.run import Setting

_HTTP_WITHIN_S: Final = 10.0
"""For one request of an observer. Thanos' own query time-out is two minutes, but nobody here waits that long."""


class Site:
    """Addresses, directories and secrets of a platform that does not run yet (the protocol of world.py)."""

    def __init__(
        self,
        directory: Path,
        *,
        run_id: str,
        seed: int,
        clock: RealClock,
        binaries: Mapping[str, Path],
        objects: Objects,
        inventory: Inventory,
        ports: Ports,
        keep_data: bool,
        mutant: Mutant | None,
        native_senders: bool = False,
    ) -> None:
        self.directory, self.run_id, self.seed, self.clock = directory.absolute(), run_id, seed, clock
        self.started_at_s = time.time()
        self._ports, self._keep_data = ports, keep_data
        self.http = httpx.Client(timeout=_HTTP_WITHIN_S, trust_env=False)
        self.ledger = Ledger(state_directory(os.environ), run_id)
        self.provider = LocalProvider(self.directory, run_id, ports=ports, ledger=self.ledger, clock=clock)
        given = server_dsn(os.environ)
        self._database = GivenDatabase(given, run_id) if given else None
        self.plan = Plan(
            run_id=run_id,
            seed=seed,
            objects=objects,
            inventory=inventory,
            secrets=Secrets(),
            port=ports.port,
            directory=self.provider.part_directory,
            binaries=binaries,
            mutant=mutant,
            given_dsn=self._database.dsn if self._database else None,
            native_senders=native_senders,
        )

    @classmethod
    def prepare(
        cls, name: str, directory: Path, scenario: Scenario, setting: Setting, clock: RealClock
    ) -> tuple[Site, list[str]]:
        """The site of one scenario of a run, and notes on how its time is treated."""
        objects, notes = _objects(setting.mutant, scenario.clock_factor(setting.profile), scenario.platform.replicas)
        site = cls(
            directory,
            run_id=f"{setting.run_id}-{name.replace('_', '-')}",
            seed=setting.seed,
            clock=clock,
            binaries=setting.binaries,
            objects=objects,
            inventory=_inventory(scenario.platform, objects),
            ports=Ports(random.SystemRandom()),
            keep_data=setting.hold is not None,
            mutant=setting.mutant,
            native_senders=scenario.platform.native_senders,
        )
        return site, notes

    @classmethod
    def bare(
        cls,
        directory: Path,
        *,
        run_id: str,
        seed: int,
        binaries: Mapping[str, Path],
        fixed_ports: dict[tuple[str, str], int],
        clock: RealClock,
    ) -> Site:
        """A site without a scenario, for a person to look around: true clock, no mutant."""
        objects, _ = _objects(None, 1.0, {})
        inventory = Inventory(objects)
        known = {part for app in inventory.apps() for part in inventory.replicas(app)}
        for part, _ in fixed_ports:
            if part not in known:
                raise UsageError(f"--port {part}: there is no such part; there are {', '.join(sorted(known))}")
        return cls(
            directory,
            run_id=run_id,
            seed=seed,
            clock=clock,
            binaries=binaries,
            objects=objects,
            inventory=inventory,
            ports=Ports(random.SystemRandom(), fixed_ports),
            keep_data=False,
            mutant=None,
        )

    def replicas(self, app: str) -> Sequence[str]:
        return self.plan.inventory.replicas(app)

    def data_directory(self, part: str) -> Path:
        path = self.provider.part_directory(part) / DATA
        path.mkdir(parents=True, exist_ok=True)
        return path

    def external_labels(self, part: str) -> dict[str, str]:
        for one in self.plan.inventory.prometheus:
            if one.name == part:
                return external_labels(one.manifest, one.replica)
        raise UsageError(f"{part} is no Prometheus, it has no external labels")

    def binary(self, name: str) -> Path:
        return self.plan.binaries[name]

    def port(self, part: str, port: str = "http") -> int:
        return self._ports.port(part, port)

    def objstore_file(self, bucket: str) -> Path:
        path = self.provider.part_directory("objstore") / f"{bucket}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(objstore_yaml(bucket, self.plan))
        return path

    def make_database(self) -> None:
        """On a given PostgreSQL: a database of this run's own, in the ledger before it exists."""
        if self._database is not None:
            self.ledger.database(self._database.name)
            self._database.create()

    def close(self) -> None:
        """Take everything down. Data and secrets go; logs stay."""
        self.http.close()
        self.provider.close()
        if not self._keep_data:
            self.provider.discard_data()
        if self._database is not None:
            self._database.drop()
        self.ledger.close()


class Environment:
    """The platform of a site with everything joined to it: start it, then it is the World of world.py."""

    def __init__(self, site: Site, joined: Sequence[Component], *, clock_factor: float = 1.0) -> None:
        self._site, self.clock = site, site.clock
        self.run_id, self.seed, self.directory = site.run_id, site.seed, site.directory
        self.clock_factor = clock_factor
        self.started_at_s = site.started_at_s
        self.http = site.http
        for part in joined:
            site.plan.inventory.joined(part.app, part.name)
        self._components = assemble(site.plan, joined)

    def start(self) -> None:
        """Every part ready. Raises what the provider raises."""
        self._site.make_database()
        self._site.provider.start(self._components)
        self.started_at_s = self.now_s()

    def replicas(self, app: str) -> Sequence[str]:
        return self._site.replicas(app)

    def url(self, part: str, port: str = "http") -> str:
        return self._site.provider.url(part, port)

    def urls(self) -> Mapping[str, str]:
        """Part -> URL of everything that speaks HTTP."""
        return {c.name: self.url(c.name) for c in self._components if "http" in c.ports}

    def secret(self, name: str) -> str:
        return postgres_dsn(self._site.plan) if name == "postgres-dsn" else self._site.plan.secrets[name]

    def binary(self, name: str) -> Path:
        return self._site.binary(name)

    def log_tail(self, part: str, lines: int) -> str:
        return self._site.provider.log_tail(part, lines)

    def has(self, app: str) -> bool:
        return self._site.plan.inventory.has(app)

    def kill(self, part: str) -> None:
        self._site.provider.kill(part)

    def revive(self, part: str) -> None:
        self._site.provider.revive(part)

    def pause(self, part: str) -> None:
        self._site.provider.pause(part)

    def resume(self, part: str) -> None:
        self._site.provider.resume(part)

    def partition(self, app: str) -> None:
        self._site.provider.partition(self.replicas(app))

    def heal(self, app: str) -> None:
        self._site.provider.heal(self.replicas(app))

    def on(self, clock: RealClock) -> Environment:
        """The same platform for another thread, which waits on a clock of its own."""
        other = copy.copy(self)
        other.clock = clock
        return other

    def rss_bytes(self) -> Mapping[str, int]:
        return self._site.provider.rss_bytes()

    def kept(self) -> None:
        """A person looks around from now on; `harness down` may end it."""
        self._site.ledger.kept()

    def now_s(self) -> float:
        return time.time()

    def eventually(self, what: str, probe: Callable[[], Any], expect: Callable[[Any], bool], *, within_s: float) -> Any:
        return eventually(what, probe, expect, within_s=within_s, clock=self.clock)

    def poll_for(self, seconds: float, tick: Callable[[], Any] | None = None) -> None:
        poll_for(seconds, tick, clock=self.clock)


def refuse_unknown_parts(scenarios: Mapping[str, Scenario]) -> None:
    """UsageError naming the scenario whose `platform` asks for what there isn't, before anything starts."""
    objects = load_objects(PLATFORM)
    for name, scenario in scenarios.items():
        try:
            _inventory(scenario.platform, with_replicas(objects, scenario.platform.replicas))
        except UsageError as error:
            raise UsageError(f"scenario {name}: {error}") from error


def _inventory(platform: PlatformSpec, objects: Objects) -> Inventory:
    return Inventory(objects, parts=platform.parts, counts=platform.replicas)


def _objects(mutant: Mutant | None, factor: float, counts: Mapping[str, int]) -> tuple[Objects, list[str]]:
    """The platform's objects, in these numbers, broken by the mutant, on the clock; and notes for the report."""
    objects, notes = with_replicas(load_objects(PLATFORM), counts), []
    if mutant is not None:
        objects = mutant.change(objects)
        notes.append(f"mutant {mutant.name}: {mutant.breaks}")
    if factor == 1.0:
        return objects, notes
    scaling = scale_objects(objects, factor)
    notes.append(
        f"compressed clock: {len(scaling.scaled)} alerting durations divided by {factor:g}; "
        "the unscaled rules are what is claimed"
    )
    return scaling.objects, notes
