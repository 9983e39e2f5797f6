"""The vocabulary, as frozen values. No I/O, and nothing of ours is imported here.

    scenario --> environment --> workload --> observe --> judge --> report
                                    `--> history (Records) --'

Units are in the names: `_s` seconds, `_bytes`, `_per_s`. Wall-clock instants are Unix seconds (`at_s`).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Json = Any
"""A value that JSON can carry: None, bool, int, float, str, list, dict with string keys."""


class Verdict(enum.IntEnum):
    """The worst one wins. INCONCLUSIVE means that the harness could not tell; it is never shown green."""

    PASS = 0
    INCONCLUSIVE = 1
    FAIL = 2

    @classmethod
    def worst(cls, verdicts: Iterable[Verdict]) -> Verdict:
        """The worst of them; INCONCLUSIVE when there are none, because nothing checked is nothing proved."""
        return max(verdicts, default=cls.INCONCLUSIVE)

    @property
    def exit_code(self) -> int:
        """0 pass, 1 fail, 2 inconclusive (3 is a usage error and never a verdict)."""
        return {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 2}[self]


class Stage(enum.StrEnum):
    """Where on its way a value was looked at, in the order of the way."""

    EVENT = "event"  # a webhook left the harness
    STORE = "store"  # a row in PostgreSQL
    REST = "rest"  # the DORA service's API
    EXPORTER = "exporter"  # an exposition at /metrics
    PROMETHEUS = "prometheus"  # a scraped sample
    RULE = "rule"  # what a recording or alerting rule made of it
    SIDECAR = "sidecar"  # the sidecar's StoreAPI or its upload
    BUCKET = "bucket"  # a block in the object store
    THANOS = "thanos"  # Thanos Query
    ALERTMANAGER = "alertmanager"
    RECEIVER = "receiver"  # Mattermost, e-mail, PagerDuty
    LOAD = "load"  # our own generator
    HARNESS = "harness"  # our own trouble


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far observed may be from expected, and who says so."""

    value: float
    unit: str
    source: str
    """One sentence: the formula or the setting the number comes from."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One line of evidence: what was expected and seen at one stage."""

    stage: Stage
    source: str
    """The part that answered, e.g. `prometheus-core-0`."""
    expected: Json
    observed: Json
    ok: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says of one expectation. Pure function of the record."""

    expectation: str
    """The expectation's name, unique in its scenario."""
    check: str
    verdict: Verdict
    expected: Json
    observed: Json
    reason: str
    """One sentence a release manager understands."""
    stage: Stage | None = None
    """On FAIL and INCONCLUSIVE: the first stage where the chain broke."""
    tolerance: Tolerance | None = None
    evidence: tuple[Observation, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """One line of history.jsonl. `mono_s` is seconds since the run began, on a clock that never steps back."""

    at_s: float
    mono_s: float
    kind: str
    data: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class History:
    """Everything sent and seen in one scenario, in order. `complete` is False when its end is missing."""

    records: Sequence[Record]
    complete: bool = True

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def of(self, kind: str, **where: Json) -> list[Record]:
        """Records of `kind` whose data has every given key with exactly that value."""
        return [r for r in self.records if r.kind == kind and all(r.data.get(k) == v for k, v in where.items())]


@dataclass(frozen=True, slots=True)
class Mark:
    """One instant of a timeline in the report: lane `webhook`, label `deployment_completed`."""

    at_s: float
    lane: str
    label: str
    until_s: float | None = None
    """Set for a span (an alert that was pending, a fault that lasted)."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Where a scenario's wall time went, in seconds."""

    wall_s: float
    platform_s: float
    """Waiting for parts of the platform to start and stop."""
    waiting_s: float
    """Waiting for what the scenario claims: deadlines, load, faults."""

    @property
    def overhead_s(self) -> float:
        """The harness's own share."""
        return max(0.0, self.wall_s - self.platform_s - self.waiting_s)


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """One scenario's verdict with everything a report needs."""

    name: str
    claim: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    timing: Timing
    timeline: tuple[Mark, ...] = ()
    skipped: str | None = None
    """Why it did not run at all (an ability the provider lacks). A skipped scenario is never PASS."""
    notes: tuple[str, ...] = ()
    """For example how time was treated (compressed by 60, forged history)."""
    rss_bytes: Mapping[str, int] = field(default_factory=dict)
    """Resident memory per part at the end of the scenario."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """Everything that result.json holds."""

    run_id: str
    seed: int
    provider: str
    profile: str
    started_at_s: float
    verdict: Verdict
    scenarios: tuple[ScenarioResult, ...]
    versions: Mapping[str, str]
    """Binary or package -> version."""
    machine: Mapping[str, Json]
    """Fingerprint: cores, memory_bytes, kernel, cpu model."""
    git: Mapping[str, Json]
    command: str
    """Reproduces this run."""
    mutant: str | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """How to tell that a part is ready.

    `http`: a 200; `tcp`: an accepted connection; `command`: exit code 0 of a command that asks; `exit`: a job's own.
    """

    by: Literal["http", "tcp", "command", "exit"]
    port: str = "http"
    path: str = "/-/ready"
    command: tuple[str, ...] = ()
    within_s: float = 60.0
    """Generous: a part that needs longer on two busy cores is broken, not slow."""


@dataclass(frozen=True, slots=True)
class Component:
    """One part of the platform, as a value: what to run, where it listens, when it is ready.

    Files are written below the part's own directory (mode 0600) before it starts; argv may point at them.
    Secrets go into files, never into argv or env, where other users of the machine could read them.
    """

    name: str
    """The pod's name on Kubernetes, e.g. `prometheus-core-0`."""
    app: str
    """What it is one replica of, e.g. `prometheus-core`."""
    argv: tuple[str, ...]
    ready: Ready
    ports: Mapping[str, int] = field(default_factory=dict)
    """Port name -> number on 127.0.0.1, chosen before anything is rendered."""
    files: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    """Names of components that must be ready (or, for jobs, done) before this one starts."""
    stop_signal: int = 15
    """SIGTERM unless the part wants another one to stop politely."""
    death_signal: int = 9
    """What the kernel sends it when the harness dies. SIGKILL, unless the part must tidy up shared memory."""
    unprivileged: bool = False
    """Refuses to run as root; the local provider then maps it to another user."""
