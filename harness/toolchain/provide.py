"""All the binaries a run needs, found or built."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal

from fawkes.harness.errors import ToolchainError
from fawkes.harness.eventually import RealClock
from fawkes.harness.toolchain.build import build
from fawkes.harness.toolchain.cache import cache_directory
from fawkes.harness.toolchain.find import Binary, Miss, cached_path, find, passed_over
from fawkes.harness.toolchain.golang import provide_go
from fawkes.harness.toolchain.pins import Pin, go_directive, pins


def provide(
    names: Iterable[str],
    *,
    progress: Callable[[str], None],
    environ: Mapping[str, str] = os.environ,
    known: Mapping[str, Pin] | None = None,
    tick_s: float = 1.0,
) -> dict[str, Binary]:
    """Every named binary, found or else built, each module once. In the order of `names`.

    `progress` gets a line at least every `tick_s` seconds while something is built, and none when all is there.
    Raises UsageError for an unknown name, ToolchainError with everything that is wrong with the settings, or
    with the first build that fails; each ends with the remedy.
    """
    known = pins() if known is None else known
    cache_dir = cache_directory(environ)
    found: dict[str, Binary | Miss] = {}
    wrong: list[str] = []
    for name in names:
        try:
            found[name] = find(name, environ=environ, cache_dir=cache_dir, known=known)
        except ToolchainError as error:
            wrong.append(str(error))
    if wrong:
        raise ToolchainError("\n".join(wrong))
    modules: dict[Path, list[Pin]] = {}
    for name, got in found.items():
        if isinstance(got, Miss):
            modules.setdefault(known[name].module, []).append(known[name])
    built = _build(list(modules.values()), cache_dir=cache_dir, environ=environ, progress=progress, tick_s=tick_s)
    return {
        name: _now_there(known[name], cache_dir, got, built) if isinstance(got, Miss) else got
        for name, got in found.items()
    }


def _build(
    modules: list[list[Pin]],
    *,
    cache_dir: Path,
    environ: Mapping[str, str],
    progress: Callable[[str], None],
    tick_s: float,
) -> list[Pin]:
    """Those that were built here. Each group shares a module.

    One group after the other: go uses all cores already, and two links at once need memory.
    """
    if not modules:
        return []
    clock = RealClock()
    oldest = max(go_directive(group[0].module) for group in modules)
    go = provide_go(environ, cache_dir=cache_dir, oldest=oldest, progress=progress, clock=clock)
    built: list[Pin] = []
    for number, group in enumerate(modules, start=1):
        built += build(
            group,
            go,
            cache_dir=cache_dir,
            environ=environ,
            progress=progress,
            clock=clock,
            label=f"{number} of {len(modules)}, ",
            tick_s=tick_s,
        )
    return built


def _now_there(pin: Pin, cache_dir: Path, miss: Miss, built: list[Pin]) -> Binary:
    """What was missing; from the cache when another run had built it by the time the lock was ours."""
    origin: Literal["built", "cache"] = "built" if pin in built else "cache"
    return Binary(pin.name, cached_path(pin, cache_dir), pin.version, origin, passed_over(miss.reasons))
