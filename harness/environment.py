"""A platform that runs: the World of world.py, on whichever provider."""

# mypy: disable-error-code="type-abstract"

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fawkes.harness.errors import ProviderError, UsageError
from fawkes.harness.eventually import RealClock, eventually, poll_for
from fawkes.harness.model import Component, Json
from fawkes.harness.operator.objects import Manifest, Objects, display_name, name_of, namespace_of
from fawkes.harness.providers.base import Inspectable, Killable, Orchestrated, Partitionable, Pausable, Upgradable
from fawkes.harness.site import PlatformSite
from fawkes.harness.world import Inside

if TYPE_CHECKING:
    from fawkes.harness.kubernetes.api import Api

Ability = TypeVar("Ability")


class Environment:
    """The platform of a site with everything joined to it: start it, then it is the World of world.py."""

    def __init__(self, site: PlatformSite, joined: Sequence[Component], *, clock_factor: float = 1.0) -> None:
        self._site, self._joined, self.clock = site, joined, site.clock
        self.run_id, self.seed, self.directory = site.run_id, site.seed, site.directory
        self.clock_factor = clock_factor
        self.started_at_s = site.started_at_s
        self.http = site.http
        for part in joined:
            site.blueprint.inventory.joined(part.app, part.name)

    def start(self) -> None:
        """Every part ready. Raises what the provider raises."""
        self._site.start(self._joined)
        self.started_at_s = self.now_s()

    def replicas(self, app: str) -> Sequence[str]:
        return self._site.replicas(app)

    def url(self, part: str, port: str = "http") -> str:
        return self._site.provider.url(part, port)

    def urls(self) -> Mapping[str, str]:
        """Part -> URL of everything that speaks HTTP."""
        return self._site.urls()

    def secret(self, name: str) -> str:
        return self._site.secret(name)

    def secrets(self) -> Mapping[str, str]:
        return {name: self._site.secret(name) for name in (*self._site.secrets, "postgres-dsn")}

    def inside(self, part: str) -> Inside:
        return self._able(Inspectable).inside(part)

    def binary(self, name: str) -> Path:
        return self._site.binary(name)

    def log_tail(self, part: str, lines: int) -> str:
        return self._site.provider.log_tail(part, lines)

    def has(self, app: str) -> bool:
        return self._site.blueprint.inventory.has(app)

    def kill(self, part: str) -> None:
        self._able(Killable).kill(part)

    def revive(self, part: str) -> None:
        self._able(Killable).revive(part)

    def pause(self, part: str) -> None:
        self._able(Pausable).pause(part)

    def resume(self, part: str) -> None:
        self._able(Pausable).resume(part)

    def partition(self, app: str) -> None:
        self._able(Partitionable).partition(self.replicas(app))

    def heal(self, app: str) -> None:
        self._able(Partitionable).heal(self.replicas(app))

    def upgrade(self, app: str) -> Sequence[Mapping[str, Json]]:
        return self._able(Upgradable).upgrade(self.replicas(app), self._site.shipped(app))

    def _able(self, ability: type[Ability]) -> Ability:
        """The provider, which can do this. A scenario says what it needs, so that this is known before it starts."""
        provider = self._site.provider
        if not isinstance(provider, ability):
            raise UsageError(
                f"provider {provider.name} is not {ability.__name__.lower()}; name it in the scenario's `needs`"
            )
        return provider

    def objects(self) -> Objects:
        return self._site.blueprint.intended

    def kubernetes(self) -> Api:
        return self._able(Orchestrated).kubernetes()

    def in_own_namespace(self, manifest: Manifest) -> Manifest:
        blueprint = self._site.blueprint
        own = blueprint.prefix.manifest(manifest)
        known = [name_of(one) for one in blueprint.intended.of("Namespace")]
        if namespace_of(own) not in known:
            raise UsageError(f"{display_name(own)} is in none of this run's namespaces: {', '.join(known)}")
        return own

    def pod(self, part: str) -> tuple[str, str]:
        provider = self._able(Orchestrated)
        names = provider.pods(part)
        if not names:
            raise ProviderError(f"{part} has no pod; `harness run --keep` lets you look")
        return provider.where(part).namespace, names[0]

    def on(self, clock: RealClock) -> Environment:
        """The same platform for another thread, which waits on a clock of its own."""
        other = copy.copy(self)
        other.clock = clock
        return other

    def cpu_s(self) -> float:
        return self._site.provider.cpu_s()

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
