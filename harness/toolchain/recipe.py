"""How the pinned binaries are compiled: the same flags on every machine, whatever the user's Go settings are."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fawkes.harness.toolchain.pins import Pin

_GOARCH: Final = {"x86_64": "amd64", "aarch64": "arm64"}
"""Where Python's name of a processor is not Go's."""

_TAGS: Final = {"thanos": "slicelabels"}
"""Build tags by module. Thanos turns labels of protobuf messages into Prometheus' by a cast of memory, which holds only
for the slice form of labels (its .promu.yml sets the tag); without it a sidecar crashes when its Info is asked for."""


def flags(pin: Pin) -> tuple[str, ...]:
    """Everything beside go.mod and go.sum that decides what is built; part of the cache's key.

    The version of Go is not: a newer Go on PATH is no reason to build for a quarter of an hour again.
    """
    return (*(f"{name}={value}" for name, value in _target().items()), *build_arguments(pin))


def build_arguments(pin: Pin) -> tuple[str, ...]:
    """Arguments of `go build`. Binaries of one module share them, so one call builds them all."""
    stamps = " ".join(f"-X {name}={value}" for name, value in pin.stamps.items())
    # -s -w: no symbol table, no DWARF; a third of the size, and nobody debugs these binaries.
    tags = (f"-tags={_TAGS[pin.module.name]}",) if pin.module.name in _TAGS else ()
    return ("-trimpath", "-mod=readonly", "-buildvcs=false", *tags, f"-ldflags=-s -w {stamps}".rstrip())


def go_environment(environ: Mapping[str, str], *, scratch: Path) -> dict[str, str]:
    """The environment for go. Proxies and Go's own caches stay the user's; what would change the result does not.

    GOFLAGS must not be empty, or go would take the user's from `go env -w`.
    """
    home = environ.get("HOME") or str(Path.home())
    return {
        **environ,
        **_target(),
        "HOME": home,
        "GOFLAGS": "-mod=readonly",
        "GOWORK": "off",
        "GO111MODULE": "on",
        "GOTOOLCHAIN": "local",
        "GOTMPDIR": str(scratch),
    }


def goarch() -> str:
    """This processor as Go and container images call it, e.g. `amd64`."""
    machine = platform.machine().lower()
    return _GOARCH.get(machine, machine)


def _target() -> dict[str, str]:
    return {"CGO_ENABLED": "0", "GOOS": sys.platform, "GOARCH": goarch()}
