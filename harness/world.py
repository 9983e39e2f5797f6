"""What observers and drivers are handed: the running platform, seen from outside. Protocols only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import httpx
from pydantic import BaseModel

from fawkes.harness.model import Component, Json
from fawkes.harness.operator.objects import Manifest, Objects

if TYPE_CHECKING:  # both are of the extra `kind`, which the core does without
    from testinfra.host import Host

    from fawkes.harness.kubernetes.api import Api


@dataclass(frozen=True, slots=True)
class Inside:
    """A place from which a running part's processes and files can be seen."""

    host: Host
    """testinfra's. Its commands run beside the part's processes, as a user who may read what is in /proc of them."""
    pid: int
    """The part's main process, as `host` counts. The part's own files are below /proc/PID/root."""
    ports: Mapping[str, int]
    """Port name -> the number on which the part itself listens."""
    own_network: bool
    """False where it shares the machine's network, in which a part may listen on loopback only."""


class Recorder(Protocol):
    """Appends to the scenario's history. Safe to call from several threads."""

    def __call__(self, kind: str, /, **data: Json) -> None: ...


class World(Protocol):
    """The running platform. Every address is on loopback or in a namespace the run made."""

    run_id: str
    """Unique to this scenario in this run; every sample and event the harness makes carries it."""
    seed: int
    clock_factor: float
    """By how much the platform's clock is compressed: 1.0 is true time."""
    started_at_s: float
    """Wall clock when the platform was ready."""
    directory: Path
    """The scenario's own directory; drivers put their files below `directory / "work"`."""
    http: httpx.Client

    def replicas(self, app: str) -> Sequence[str]:
        """Names of the running parts of an app, e.g. `prometheus-core` -> two names. UsageError if unknown."""

    def url(self, part: str, port: str = "http") -> str:
        """Base URL such as `http://127.0.0.1:31417`, as the harness sees it."""

    def secret(self, name: str) -> str:
        """A secret of this run, e.g. `dora-webhook`, `postgres-dsn`. Never record it."""

    def secrets(self) -> Mapping[str, str]:
        """Every secret of this run by name, to look for where none may be. Never record a value."""

    def inside(self, part: str) -> Inside:
        """A look inside a running part. UsageError if there is no such part, ProviderError where one can't look."""

    def binary(self, name: str) -> Path:
        """A binary of the toolchain, e.g. `promtool`."""

    def log_tail(self, part: str, lines: int) -> str:
        """The last lines of what a part has logged; empty when it has logged nothing."""

    def cpu_s(self) -> float:
        """CPU seconds of this machine, since any moment, that the platform used by processes that aren't ours."""

    def kill(self, part: str) -> None:
        """End a part at once (a fault). UsageError if there is no such part."""

    def revive(self, part: str) -> None:
        """Start a killed part again and wait until it is ready."""

    def pause(self, part: str) -> None:
        """Make a part hang (a fault). UsageError if there is no such part."""

    def resume(self, part: str) -> None:
        """Let a paused part go on."""

    def partition(self, app: str) -> None:
        """Cut an app's replicas off from each other (a fault). UsageError if they don't talk to each other."""

    def heal(self, app: str) -> None:
        """Join them again."""

    def upgrade(self, app: str) -> Sequence[Mapping[str, Json]]:
        """Bring an app of `platform.older` to the version that ships, one part after the other (ability `upgrade`).

        What became of each part (kubernetes/rollout.py).
        """

    def objects(self) -> Objects:
        """The platform's objects on this scenario's clock and in its numbers; no mutant breaks these."""

    def kubernetes(self) -> Api:
        """The cluster's API server (ability `kubernetes`). What is applied by it goes into the run's own namespaces."""

    def in_own_namespace(self, manifest: Manifest) -> Manifest:
        """An object in the namespace as this run calls it. UsageError for a namespace that is none of the run's."""

    def pod(self, part: str) -> tuple[str, str]:
        """(namespace, name) of a part's pod now (ability `kubernetes`). ProviderError while it has none."""

    def now_s(self) -> float:
        """Wall clock, Unix seconds."""

    def eventually(self, what: str, probe: Callable[[], Any], expect: Callable[[Any], bool], *, within_s: float) -> Any:
        """Poll `probe` until `expect` holds of its value, and return that value. DeadlineExceeded otherwise.

        Every exception of the probe counts as "not yet". This is the only way to wait.
        """

    def poll_for(self, seconds: float, tick: Callable[[], Any] | None = None) -> None:
        """Let the world go on for so long, if it is more than nothing, calling `tick` at the polling interval."""


class Site(Protocol):
    """What a driver may use before the platform runs: addresses and directories, nothing alive."""

    run_id: str
    seed: int
    started_at_s: float
    """Wall clock when preparing began: the end of forged history."""
    directory: Path
    listen_host: str
    """Where a part listens so that the platform reaches it."""

    def replicas(self, app: str) -> Sequence[str]: ...

    def data_directory(self, part: str) -> Path:
        """Where that part will keep its data, e.g. Prometheus' TSDB. Exists already, and is empty."""

    def own_directory(self, part: str) -> Path:
        """The part's working directory, as it sees it itself; its data is in `data` there."""

    def external_labels(self, part: str) -> dict[str, str]:
        """A Prometheus part's external labels, as the operator would set them."""

    def binary(self, name: str) -> Path: ...

    def port(self, part: str, port: str = "http") -> int:
        """A free port that is kept for this part. Asking again gives the same one."""

    def objstore_file(self, bucket: str) -> Path:
        """The Thanos objstore.yml for one of the platform's buckets: `core` or `learner`."""


class Driver(Protocol):
    """One kind of workload (the folder load/). `spec` is its entry in a scenario's `workload` list."""

    spec: type[BaseModel]

    def components(self, spec: Any, site: Site) -> Sequence[Component]:
        """Parts it adds to the platform (a scrape target, a job). May write into `site`'s directories."""

    def run(self, spec: Any, world: World, record: Recorder) -> None:
        """Drive the platform and record what was sent and answered. Judges nothing."""
