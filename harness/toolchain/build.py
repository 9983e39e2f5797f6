"""Builds the binaries of one module with Go and puts them into the cache.

Resumable: what go has compiled stays in the user's Go build cache, so a build that was cut short continues.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fawkes.harness.child import Outcome, ask, run
from fawkes.harness.errors import ToolchainError
from fawkes.harness.eventually import Clock
from fawkes.harness.toolchain import cache, trouble
from fawkes.harness.toolchain.find import ANSWER_WITHIN_S, cached_path, setting_name
from fawkes.harness.toolchain.golang import Go
from fawkes.harness.toolchain.pins import Pin
from fawkes.harness.toolchain.recipe import build_arguments, go_environment

BUILD_WITHIN_S: Final = 1800.0
"""For one module, fetching included. The largest (prometheus) compiles in 199 s on two cores; nine times that
leaves room for one slow core and a slow network, and still ends."""


@dataclass
class _Tale:
    """What a build tells while it goes on: at most one line per tick."""

    module: str
    progress: Callable[[str], None]
    began_s: float = field(default_factory=time.monotonic)
    fetched: int = 0
    compiled: int = 0
    packages: int = 0
    """How many there are in all; 0 until that is known, and then compiling begins."""

    def line(self, text: str) -> None:
        if text.startswith("go: downloading"):
            self.fetched += 1
        elif self.packages and " " not in text:
            self.compiled += 1

    def tell(self) -> None:
        if self.packages:
            doing = f"compiling and linking ({self.compiled} packages newly compiled, {self.packages} in all)"
        else:
            doing = f"fetching modules ({self.fetched} so far)"
        self.progress(f"{self.module}: {doing}, {time.monotonic() - self.began_s:.0f} s")


def build(
    wanted: Sequence[Pin],
    go: Go,
    *,
    cache_dir: Path,
    environ: Mapping[str, str],
    progress: Callable[[str], None],
    clock: Clock,
    label: str = "",
    tick_s: float = 1.0,
    within_s: float = BUILD_WITHIN_S,
) -> list[Pin]:
    """Build binaries that share a module and return those that were built: none when another run was faster.

    Two at once wait for each other. A build that is cut short (Ctrl-C, SIGKILL, a time-out) leaves no process
    and nothing half done in the cache. `label` goes in front of every line of progress, e.g. `2 of 4, `.
    Raises ToolchainError with the remedy: offline, disk full, no permission, time-out, compile error.
    """
    module = wanted[0].module
    directory = cache_dir / module.name
    what = f"{label}{module.name}"
    with cache.locked(directory, what=what, progress=progress, within_s=within_s, clock=clock):
        missing = [pin for pin in wanted if not os.access(cached_path(pin, cache_dir), os.X_OK)]
        if not missing:
            return []
        with cache.under_way(directory) as scratch:
            tale = _Tale(what, progress)
            made = _compile(
                missing,
                go,
                scratch=scratch,
                cache_dir=cache_dir,
                environ=environ,
                tale=tale,
                tick_s=tick_s,
                within_s=within_s,
            )
            for pin in missing:
                _prove(pin, made / pin.name, environ)
                cache.keep(made / pin.name, cached_path(pin, cache_dir))
            progress(f"{what}: built in {time.monotonic() - tale.began_s:.0f} s")
        return missing


def _compile(
    wanted: Sequence[Pin],
    go: Go,
    *,
    scratch: Path,
    cache_dir: Path,
    environ: Mapping[str, str],
    tale: _Tale,
    tick_s: float,
    within_s: float,
) -> Path:
    """The directory with the new binaries, below `scratch`."""
    sources, made = scratch / wanted[0].module.name, scratch / "made"
    with cache.writing(scratch):
        sources.mkdir()
        for source in cache.sources(wanted[0].module):
            shutil.copyfile(source, sources / source.name)
    packages = [pin.package for pin in wanted]
    go_environ = go_environment(environ, scratch=scratch)

    def go_run(*arguments: str) -> Outcome:
        left_s = within_s - (time.monotonic() - tale.began_s)
        tale.tell()
        outcome = run(
            [str(go.path), *arguments],
            cwd=sources,
            environ=go_environ,
            within_s=left_s,
            line=tale.line,
            tick=tale.tell,
            tick_s=tick_s,
        )
        if outcome.exit_code != 0:
            raise ToolchainError(_failure(wanted, outcome, cache_dir=cache_dir, within_s=within_s))
        return outcome

    # Fetches what the packages need, and only that, before anything is compiled: offline shows here at once.
    listed = go_run("list", "-deps", "-f", "{{.ImportPath}}", *packages)
    tale.packages = sum(not text.startswith("go: ") for text in listed.lines)
    for pin in wanted:  # One at a time: two links at once took 3.4 GiB (prometheus and promtool), one 1.9.
        go_run("build", "-v", *build_arguments(pin), "-o", str(made / pin.name), pin.package)
    return made


def _prove(pin: Pin, made: Path, environ: Mapping[str, str]) -> None:
    """A binary enters the cache only when it starts and says that it is the pinned version."""
    output = ask([str(made), *pin.asked], environ=environ, within_s=ANSWER_WITHIN_S)
    if output is None:
        raise ToolchainError(
            f"{pin.name} was built but does not run in {made.parent}; if that file system is mounted noexec, "
            f"point XDG_CACHE_HOME to one that is not"
        )
    printed = pin.printed(output)
    if printed != pin.version:
        raise ToolchainError(
            f"{pin.name} was built from {pin.module / 'go.mod'} but says it is version {printed}, not {pin.version}; "
            f"look at the stamps in harness/toolchain/pins.py"
        )


def _failure(wanted: Sequence[Pin], outcome: Outcome, *, cache_dir: Path, within_s: float) -> str:
    names = ", ".join(pin.name for pin in wanted)
    if outcome.exit_code is None:
        return (
            f"building {names} was stopped after {within_s:.0f} s; run again to continue where it stopped "
            f"(what is compiled is kept), or set {setting_name(wanted[0].name)} to a binary you have"
        )
    settings = " and ".join(setting_name(pin.name) for pin in wanted)
    story = trouble.explain(outcome.lines, cache=str(cache_dir), instead=f"set {settings} to binaries you have")
    return f"building {names} failed:\n{story}"
