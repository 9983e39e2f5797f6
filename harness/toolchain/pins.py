"""What each binary is: the Go package it is built from and the version that its go.mod pins.

Versions stand in fixtures/toolchain/NAME/go.mod and nowhere else; this module reads them.
"""

from __future__ import annotations

import enum
import functools
import importlib.resources
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fawkes.harness.errors import ToolchainError

Series = tuple[int, int]
"""(major, minor): what two versions must share, or the newer may raise, to be interchangeable."""


class Dialect(enum.Enum):
    """How a family of binaries numbers and prints its versions."""

    COMMON = re.compile(r"version v?(?P<version>(?P<major>\d+)\.(?P<minor>\d+)\.\d+[^\s,]*)")
    """`NAME, version 3.13.5 (branch: ...`: everything built on github.com/prometheus/common/version."""

    MINIO = re.compile(r"(?P<version>(?P<major>\d{4})-(?P<minor>\d\d)-\d\dT\d\d-\d\d-\d\dZ)")
    """`minio version RELEASE.2026-02-12T20-18-48Z (...`: the version is the time of the release."""

    def printed(self, output: str) -> str | None:
        """The version in what `--version` printed, or None when it tells none."""
        match = self.value.search(output)
        return match["version"] if match else None

    def series(self, version: str) -> Series:
        """(major, minor) of a version. MinIO has no majors: its series is the month, within one major 0."""
        match = self.value.search(f"version {version}")
        if match is None:
            raise ToolchainError(f"{version!r} is not a version of this kind of binary; look at its go.mod")
        major, minor = int(match["major"]), int(match["minor"])
        return (0, major * 12 + minor) if self is Dialect.MINIO else (major, minor)

    def release(self, module_version: str) -> str:
        """The version people know, from the one in go.mod.

        Prometheus 3.13.5 is v0.313.5 as a module (its RELEASE.md: a Go module of major 3 would need /v3 in every
        import). MinIO has only pseudo-versions, whose time stamp is the commit's, as in MinIO's own
        buildscripts/gen-ldflags.go.
        """
        if self is Dialect.MINIO:
            stamp = re.search(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)", module_version)
            return "{}-{}-{}T{}-{}-{}Z".format(*stamp.groups()) if stamp else module_version
        hundreds = re.fullmatch(r"v0\.(\d)(\d\d)\.(\d+)", module_version)
        if hundreds:
            return f"{hundreds[1]}.{int(hundreds[2])}.{hundreds[3]}"
        return module_version.removeprefix("v")

    def stamps(self, module_version: str) -> dict[str, str]:
        """Linker variables (`-X name=value`) that make the binary print the version it is."""
        release = self.release(module_version)
        if self is Dialect.COMMON:
            return {"github.com/prometheus/common/version.Version": release}
        date, _, clock = release.partition("T")
        return {
            "github.com/minio/minio/cmd.Version": f"{date}T{clock.replace('-', ':')}",
            # DEVELOPMENT, not RELEASE: MinIO did not publish this build.
            "github.com/minio/minio/cmd.ReleaseTag": f"DEVELOPMENT.{release}",
            "github.com/minio/minio/cmd.CommitID": module_version.rpartition("-")[2],
        }


@dataclass(frozen=True, slots=True)
class Pin:
    """One binary, pinned."""

    name: str
    module: Path
    """Directory with the go.mod and go.sum that build it. Its last part names the module in the cache."""
    package: str
    """Import path of its main package."""
    version: str
    """As the binary prints it, e.g. `3.13.5`."""
    dialect: Dialect
    stamps: Mapping[str, str]
    """Linker variable -> value."""

    def printed(self, output: str) -> str | None:
        """The version in what the binary printed for `--version`, or None."""
        return self.dialect.printed(output)

    def accepts(self, version: str) -> bool:
        """Whether a binary of that version may stand in: the same major.minor, or newer within the same major."""
        (major, minor), (pinned_major, pinned_minor) = self.dialect.series(version), self.dialect.series(self.version)
        return major == pinned_major and minor >= pinned_minor


_BINARIES: Final = {
    "prometheus": ("prometheus", "github.com/prometheus/prometheus/cmd/prometheus", Dialect.COMMON),
    "promtool": ("prometheus", "github.com/prometheus/prometheus/cmd/promtool", Dialect.COMMON),
    "alertmanager": ("alertmanager", "github.com/prometheus/alertmanager/cmd/alertmanager", Dialect.COMMON),
    "amtool": ("alertmanager", "github.com/prometheus/alertmanager/cmd/amtool", Dialect.COMMON),
    "thanos": ("thanos", "github.com/thanos-io/thanos/cmd/thanos", Dialect.COMMON),
    "minio": ("minio", "github.com/minio/minio", Dialect.MINIO),
}
"""Binary -> (folder under fixtures/toolchain, main package, dialect)."""


@functools.cache
def pins() -> Mapping[str, Pin]:
    """Every binary of the platform by name. Raises ToolchainError when a go.mod does not pin its package."""
    root = Path(str(importlib.resources.files("fawkes.fixtures"))) / "toolchain"
    return {name: _pin(name, root / folder, package, dialect) for name, (folder, package, dialect) in _BINARIES.items()}


def _pin(name: str, module: Path, package: str, dialect: Dialect) -> Pin:
    required = required_versions(module)
    owners = [path for path in required if package == path or package.startswith(f"{path}/")]
    if not owners:
        raise ToolchainError(
            f"{module / 'go.mod'} requires no module that holds {package}; run: go get -tool {package}"
        )
    version = required[max(owners, key=len)]
    return Pin(name, module, package, dialect.release(version), dialect, dialect.stamps(version))


def required_versions(module: Path) -> dict[str, str]:
    """Module path -> version, for everything that `module`/go.mod requires, directly or not."""
    lines = re.findall(r"^(?:require\s+|\t)(\S+) (v\S+)", (module / "go.mod").read_text(), re.MULTILINE)
    return dict(lines)


def go_directive(module: Path) -> tuple[int, ...]:
    """The oldest Go that may build the module: (1, 26, 0) for the line `go 1.26.0` in its go.mod."""
    match = re.search(r"^go (\d+(?:\.\d+)*)", (module / "go.mod").read_text(), re.MULTILINE)
    if match is None:
        raise ToolchainError(f"{module / 'go.mod'} has no go line; add the version of Go it is meant for")
    return tuple(int(part) for part in match[1].split("."))
