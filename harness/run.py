"""The conductor: runs one scenario against a live platform and records it. Judges nothing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fawkes.harness.beside import beside
from fawkes.harness.blueprint import blueprint
from fawkes.harness.catalogue import CATALOGUE
from fawkes.harness.environment import Environment
from fawkes.harness.errors import DeadlineExceeded, HarnessError
from fawkes.harness.eventually import RealClock
from fawkes.harness.faults import break_parts
from fawkes.harness.history import HistoryWriter
from fawkes.harness.mutants.mutant import Mutant
from fawkes.harness.observe import accepted
from fawkes.harness.scenario import Profile, Scenario
from fawkes.harness.signals import postponed
from fawkes.harness.site import PlatformSite
from fawkes.harness.venue import Venue
from fawkes.harness.world import Driver, Recorder

Say = Callable[[str], None]
"""Tells a person what happens now, one short line."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all scenarios of a run have in common."""

    run_id: str
    seed: int
    profile: Profile
    drivers: Mapping[str, Driver]
    venue: Venue
    mutant: Mutant | None = None
    hold: Callable[[Environment], None] | None = None
    """Called with the platform still up, before it is taken down (`--keep`)."""


def run_scenario(name: str, scenario: Scenario, directory: Path, setting: Setting, say: Say) -> None:
    """Record one scenario in `directory`, in this order:

    1. prepare   addresses, forged history, configuration
    2. start     every part ready
    3. drive     what the scenario sends, and what it breaks meanwhile
    4. observe   each expectation's observer looks, waits, and writes down what it sees
    5. stop      everything taken down, whatever happened before

    Trouble (a part that does not start, a full disk, Ctrl-C) is recorded as an `error` and makes the verdict
    inconclusive. Raises KeyboardInterrupt again after the platform is down, and ProviderError when not even the
    record can be written.
    """
    directory.mkdir(parents=True)
    record = HistoryWriter(directory / "history.jsonl")
    clock, began_s = RealClock(), time.monotonic()
    phases = _Phases(record, clock, say)
    try:
        with contextlib.ExitStack() as stack, _recorded_trouble(record, say):
            with phases("prepare"):
                site = setting.venue.site(directory, blueprint(name, scenario, setting), clock)
                stack.callback(_take_down, site, record, phases, say)
                parts = [part for spec in scenario.workload for part in setting.drivers[spec.do].components(spec, site)]
                environment = Environment(site, parts, clock_factor=scenario.clock_factor(setting.profile))
                for note in site.blueprint.notes:
                    record("note", text=note)
            with phases("start"):
                environment.start()
            _drive(scenario, environment, setting, record, phases)
            _observe(scenario, environment, record, phases)
            for part, rss_bytes in environment.rss_bytes().items():
                record("resources", part=part, rss_bytes=rss_bytes)
            if setting.hold is not None:
                setting.hold(environment)
    finally:
        record(
            "timing",
            wall_s=round(time.monotonic() - began_s, 3),
            platform_s=round(phases.platform_s, 3),
            waiting_s=round(phases.waiting_s, 3),
        )
        record.close()


def _take_down(site: PlatformSite, record: Recorder, phases: _Phases, say: Say) -> None:
    """What can't be taken down is trouble, too, and no reason to lose what was recorded."""
    with _recorded_trouble(record, say), phases("stop"), postponed():
        site.close()


def _drive(scenario: Scenario, environment: Environment, setting: Setting, record: Recorder, phases: _Phases) -> None:
    """The workload, and the faults while it goes on."""

    if not scenario.faults:
        for spec in scenario.workload:
            with phases(f"workload {spec.do}"):
                setting.drivers[spec.do].run(spec, environment, record)
        return

    def work(world: Environment) -> None:
        for spec in scenario.workload:
            setting.drivers[spec.do].run(spec, world, record)

    with phases("workload and faults"), beside(lambda own: work(environment.on(own)), clock=environment.clock):
        break_parts(scenario.faults, environment, record)


def _observe(scenario: Scenario, environment: Environment, record: Recorder, phases: _Phases) -> None:
    for expect in scenario.expect:
        paced = expect.model_copy(update={"within": expect.within / environment.clock_factor})
        with phases(f"observe {expect.name}"):
            try:
                CATALOGUE[expect.check].observe(paced, environment, record)
            except DeadlineExceeded as error:
                record("deadline", expectation=expect.name, message=str(error))
    if environment.has(accepted.APP):
        accepted.record_accepted(environment, record)


@contextlib.contextmanager
def _recorded_trouble(record: Recorder, say: Say) -> Iterator[None]:
    """Trouble becomes a record. Only Ctrl-C goes on to the caller, who must not start the next scenario."""
    try:
        yield
    except KeyboardInterrupt:
        record("error", where="interrupted", message="stopped by Ctrl-C or SIGTERM before the end")
        say("interrupted; taking the platform down")
        raise
    except HarnessError as error:
        record("error", where=type(error).__name__, message=str(error))
        say(str(error))
    except Exception as error:
        # A bug of ours or an answer nobody expected: the run is void, the others go on.
        record("error", where=type(error).__name__, message=str(error))
        say(f"{type(error).__name__}: {error}")


class _Phases:
    """Marks phases in the record and keeps the account of where the time went."""

    def __init__(self, record: Recorder, clock: RealClock, say: Say) -> None:
        self._record, self._clock, self._say = record, clock, say
        self.platform_s = 0.0
        """The platform starting and stopping."""
        self.waiting_s = 0.0
        """Waiting for deadlines, load and faults."""

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self._say(name)
        self._record("phase", name=name, state="begin")
        waited_s, began_s = self._clock.waited_s, time.monotonic()
        try:
            yield
        finally:
            spent_s, waited_s = time.monotonic() - began_s, self._clock.waited_s - waited_s
            if name in ("start", "stop"):
                self.platform_s += spent_s
            else:
                self.waiting_s += waited_s
            self._record("phase", name=name, state="end")
