"""Looks for a binary without changing anything: explicit setting, PATH, cache."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from fawkes.harness.child import ask
from fawkes.harness.errors import ToolchainError, UsageError
from fawkes.harness.toolchain import cache
from fawkes.harness.toolchain.pins import Pin, pins
from fawkes.harness.toolchain.recipe import flags

ANSWER_WITHIN_S: Final = 10.0
"""`--version` takes 0.1 to 0.4 s when the file is in memory; 100 MB from a slow disk take several seconds."""


@dataclass(frozen=True, slots=True)
class Binary:
    """A binary that may be used."""

    name: str
    path: Path
    version: str
    origin: Literal["setting", "path", "cache", "built"]
    passed_over: tuple[str, ...] = ()
    """Why places earlier in the order of search were not taken."""


@dataclass(frozen=True, slots=True)
class Miss:
    """There is no such binary yet; one reason for each place that was looked at."""

    name: str
    reasons: tuple[str, ...]


def setting_name(name: str) -> str:
    """The environment variable that names the path of a binary: FAWKES_BIN_PROMTOOL for promtool."""
    return "FAWKES_BIN_" + name.upper().replace("-", "_")


def find(
    name: str,
    *,
    environ: Mapping[str, str],
    cache_dir: Path,
    known: Mapping[str, Pin] | None = None,
    answer_within_s: float = ANSWER_WITHIN_S,
) -> Binary | Miss:
    """The first usable binary in the order setting, PATH, cache.

    A setting must hold: ToolchainError when it points to nothing, or to another version than the pinned one
    allows. A binary of the wrong version on PATH is passed over, with the reason kept.
    UsageError for a name that is no binary of the platform.
    """
    pin = pin_of(name, known)
    if path := environ.get(setting_name(name)):
        return _from_setting(pin, Path(path), environ, answer_within_s)
    reasons = [f"{setting_name(name)} is not set"]
    on_path = shutil.which(name, path=environ.get("PATH", os.defpath))
    if on_path is None:
        reasons.append("not on PATH")
    else:
        version, refusal = _judge(pin, Path(on_path), environ, answer_within_s)
        if not refusal:
            return Binary(name, Path(on_path), version, "path")
        reasons.append(f"passed over on PATH: {refusal}")
    cached = cached_path(pin, cache_dir)
    if os.access(cached, os.X_OK):
        return Binary(name, cached, pin.version, "cache", passed_over(reasons))
    return Miss(name, (*reasons, f"not in the cache ({cached})"))


def passed_over(reasons: Iterable[str]) -> tuple[str, ...]:
    """Of all reasons for a miss, those a person wants to know although the binary was found elsewhere."""
    return tuple(reason for reason in reasons if reason.startswith("passed over"))


def pin_of(name: str, known: Mapping[str, Pin] | None = None) -> Pin:
    """The pin of a binary. UsageError when there is none of that name."""
    among = pins() if known is None else known
    if name not in among:
        raise UsageError(f"there is no binary {name!r} in the toolchain; choose from {', '.join(sorted(among))}")
    return among[name]


def cached_path(pin: Pin, cache_dir: Path) -> Path:
    """Where the finished binary is, or will be. The key in the path is what proves its version."""
    return cache_dir / pin.module.name / cache.key(pin.module, flags(pin)) / pin.name


def _from_setting(pin: Pin, path: Path, environ: Mapping[str, str], answer_within_s: float) -> Binary:
    setting = f"{setting_name(pin.name)}={path}"
    remedy = f"point it to {pin.name} {pin.version}, or unset it to have that version found or built"
    if not path.is_file() or not os.access(path, os.X_OK):
        raise ToolchainError(f"{setting} is not an executable file; {remedy}")
    version, refusal = _judge(pin, path, environ, answer_within_s)
    if refusal:
        raise ToolchainError(f"{setting}: {refusal}; {remedy}")
    return Binary(pin.name, path, version, "setting")


def _judge(pin: Pin, path: Path, environ: Mapping[str, str], within_s: float) -> tuple[str, str]:
    """(version, why it is refused); the second is empty when the binary may be used."""
    output = ask([str(path), *pin.asked], environ=environ, within_s=within_s)
    if output is None:
        return "", f"{path} {' '.join(pin.asked)} cannot be run, or did not answer within {within_s:g} s"
    version = pin.printed(output)
    if version is None:
        return "", f"{path} {' '.join(pin.asked)} tells no version, {pin.version} is wanted"
    if not pin.accepts(version):
        return version, f"{path} is version {version}, wanted is {pin.version} or newer within the same major version"
    return version, ""
