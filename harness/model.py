"""The vocabulary, as frozen values. No I/O, and nothing of ours is imported here.

    scenario --> environment --> workload --> observe --> judge --> report
                                    `--> history (Records) --'

Units are in the names: `_s` seconds, `_bytes`, `_per_s`. Wall-clock instants are Unix seconds (`at_s`).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

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
        """0 pass, 1 fail, 2 inconclusive (3, a usage error, and 4, all skipped, are no verdicts)."""
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
    PART = "part"  # the inside of a running part: its processes and files
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
    subject: Mapping[str, str] = field(default_factory=dict)
    """What it is a value of, e.g. `{metric: lead_time_p50_s, team: payments}`; empty where the finding has but one."""


ORACLE: Final = "oracle"
"""Source of an observation, at stage `event`, that holds what the oracle makes of the events sent."""


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
class ShippedAlert:
    """An alerting rule as the platform ships it, and what its unit tests assert of it."""

    name: str
    rule: str
    """The PrometheusRule: `fawkes-monitoring/platform-alerts`."""
    group: str
    severity: str
    tested_firing: bool
    """A promtool test names the alert with the alerts it must give."""
    tested_quiet: bool
    """A promtool test names the alert where it must give none."""


@dataclass(frozen=True, slots=True)
class Passage:
    """When an alert came to a place on its way: `pending`, `alertmanager`, `mattermost`."""

    place: str
    at_s: float
    """The first time, on whichever replica."""


@dataclass(frozen=True, slots=True)
class AlertSighting:
    """What one scenario has seen of one alert, live."""

    scenario: str
    verdict: Verdict
    """The worst of the findings that speak of the alert."""
    clock_factor: float
    """By how much the platform's clock was compressed: a live second stands for so many."""
    raised: tuple[Passage, ...] = ()
    """condition, pending, firing, alertmanager, then each receiver that was told; the first episode that fired."""
    cleared: tuple[Passage, ...] = ()
    """condition, inactive, then each receiver that was told that it is over."""
    quiet: tuple[str, ...] = ()
    """Expectations that passed because it did not fire, or because a receiver was not told."""
    not_passed: tuple[str, ...] = ()
    """Expectations about it that failed or could not be judged."""

    @property
    def fired(self) -> bool:
        return any(passage.place == "firing" for passage in self.raised)

    @property
    def resolved(self) -> bool:
        return any(passage.place == "inactive" for passage in self.cleared)

    @property
    def delivered(self) -> tuple[str, ...]:
        """The receivers that were told that it fires."""
        return tuple(passage.place for passage in self.raised if passage.place not in ALERT_PLACES)


ALERT_PLACES: Final = ("condition", "pending", "firing", "alertmanager", "inactive")
"""What can be passed before a receiver is."""


@dataclass(frozen=True, slots=True)
class AlertCoverage:
    """One alert of the platform and every scenario of the run that has seen it; none where it is not covered."""

    alert: ShippedAlert
    sightings: tuple[AlertSighting, ...]

    @property
    def verdict(self) -> Verdict | None:
        """The worst verdict on it; None when no expectation of the run speaks of it."""
        return max((sighting.verdict for sighting in self.sightings), default=None)

    @property
    def fired(self) -> bool:
        return any(sighting.fired for sighting in self.sightings)

    @property
    def resolved(self) -> bool:
        return any(sighting.resolved for sighting in self.sightings)

    @property
    def delivered(self) -> tuple[str, ...]:
        return tuple(sorted({receiver for sighting in self.sightings for receiver in sighting.delivered}))

    @property
    def quiet(self) -> tuple[tuple[str, str], ...]:
        """(scenario, expectation) of every proof that it kept quiet where it had to."""
        return tuple((sighting.scenario, name) for sighting in self.sightings for name in sighting.quiet)

    @property
    def not_passed(self) -> tuple[tuple[str, str], ...]:
        """(scenario, expectation) of everything about it that failed or could not be judged."""
        return tuple((sighting.scenario, name) for sighting in self.sightings for name in sighting.not_passed)


@dataclass(frozen=True, slots=True)
class ChainLink:
    """What one stage shows of a value."""

    stage: Stage
    value: Json
    """Where parts differ: of the first that is wrong."""
    ok: bool
    source: str
    """The part, or the first part that is wrong."""


@dataclass(frozen=True, slots=True)
class DoraChain:
    """One DORA value along its way, from the events to Thanos."""

    scenario: str
    expectation: str
    subject: Mapping[str, str]
    """Metric, team and what else tells it apart."""
    oracle: Json
    links: tuple[ChainLink, ...]
    """In the order of the way; a stage that was not looked at has none."""

    @property
    def broken(self) -> ChainLink | None:
        """The first stage that differs."""
        return next((link for link in self.links if not link.ok), None)


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
    alerts: tuple[AlertCoverage, ...] = ()
    """Every alert that the platform ships, also those that no scenario has touched."""
    dora: tuple[DoraChain, ...] = ()
    """Every DORA value in the findings' evidence, those that differ first."""

    @property
    def exit_code(self) -> int:
        """The verdict's; 4 where every scenario was skipped, so that nobody takes it for one that could not tell."""
        return self.verdict.exit_code if any(one.skipped is None for one in self.scenarios) else 4


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
    discovered: bool = True
    """Whether a Service of the platform stands before it; False for what no monitor of the platform may find."""
    unprivileged: bool = False
    """Refuses to run as root; the local provider then maps it to another user."""
