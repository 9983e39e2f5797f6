"""What each binary is: the Go package it is built from and the version that its go.mod pins.

Versions stand in fixtures/toolchain/NAME/go.mod and nowhere else; this module reads them.
"""

from __future__ import annotations

import enum
import functools
import importlib.resources
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fawkes.harness.errors import ToolchainError

Series = tuple[int, int]
"""(major, minor): what two versions must share, or the newer may raise, to be interchangeable."""


class Dialect(enum.Enum):
    """How a family of binaries numbers and prints its versions."""

    COMMON = re.compile(r"version v?(?P<version>(?P<major>\d+)\.(?P<minor>\d+)\.\d+[^\s,]*)")
    """`NAME, version 3.13.5 (branch: ...`: everything built on github.com/prometheus/common/version."""

    PLAIN = re.compile(r"\bv?(?P<version>(?P<major>\d+)\.(?P<minor>\d+)\.\d+[^\s,]*)")
    """`Kubernetes v1.34.3`, `etcd Version: 3.6.5`, `CoreDNS-1.12.1`: a version somewhere in the first words."""

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
        """Linker variables (`-X name=value`) that make a binary of this family print the version it is."""
        release = self.release(module_version)
        if self is Dialect.COMMON:
            return {"github.com/prometheus/common/version.Version": release}
        if self is Dialect.PLAIN:
            return {}
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
    asked: tuple[str, ...] = ("--version",)
    """Arguments with which it tells its version."""

    def printed(self, output: str) -> str | None:
        """The version in what the binary printed when `asked`, or None."""
        return self.dialect.printed(output)

    def accepts(self, version: str) -> bool:
        """Whether a binary of that version may stand in: the same major.minor, or newer within the same major."""
        (major, minor), (pinned_major, pinned_minor) = self.dialect.series(version), self.dialect.series(self.version)
        return major == pinned_major and minor >= pinned_minor


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a go.mod does not say of a binary."""

    folder: str
    """Under fixtures/toolchain."""
    package: str
    dialect: Dialect = Dialect.COMMON
    asked: tuple[str, ...] = ("--version",)
    stamps: Mapping[str, str] = field(default_factory=dict)
    """Beside those of the dialect; `{release}` stands for the version."""


_KUBERNETES: Final = {
    f"{package}.{variable}": value
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    for variable, value in {
        "gitVersion": "v{release}",
        "gitMajor": "{major}",
        "gitMinor": "{minor}",
        "gitTreeState": "archive",
        "gitCommit": "unknown",
        "buildDate": "1970-01-01T00:00:00Z",  # the same binary from the same sources
    }.items()
}
"""What hack/lib/version.sh sets. kubeadm compares these of the binaries with each other."""


def _kubernetes(name: str, *asked: str) -> _Entry:
    return _Entry("kubernetes", f"k8s.io/kubernetes/cmd/{name}", Dialect.PLAIN, asked or ("--version",), _KUBERNETES)


_OPERATOR: Final = "github.com/prometheus-operator/prometheus-operator/cmd"
_BINARIES: Final[Mapping[str, _Entry]] = {
    "prometheus": _Entry("prometheus", "github.com/prometheus/prometheus/cmd/prometheus"),
    "promtool": _Entry("prometheus", "github.com/prometheus/prometheus/cmd/promtool"),
    "prometheus-before": _Entry("prometheus-before", "github.com/prometheus/prometheus/cmd/prometheus"),
    "alertmanager": _Entry("alertmanager", "github.com/prometheus/alertmanager/cmd/alertmanager"),
    "amtool": _Entry("alertmanager", "github.com/prometheus/alertmanager/cmd/amtool"),
    "thanos": _Entry("thanos", "github.com/thanos-io/thanos/cmd/thanos"),
    "minio": _Entry("minio", "github.com/minio/minio", Dialect.MINIO),
    "kind": _Entry("kind", "sigs.k8s.io/kind", Dialect.PLAIN),
    "kubectl": _kubernetes("kubectl", "version", "--client"),
    "kubeadm": _kubernetes("kubeadm", "version", "-o", "short"),
    "kubelet": _kubernetes("kubelet"),
    "kube-apiserver": _kubernetes("kube-apiserver"),
    "kube-controller-manager": _kubernetes("kube-controller-manager"),
    "kube-scheduler": _kubernetes("kube-scheduler"),
    "kube-proxy": _kubernetes("kube-proxy"),
    "etcd": _Entry("etcd", "go.etcd.io/etcd/server/v3", Dialect.PLAIN),
    "coredns": _Entry("coredns", "github.com/coredns/coredns", Dialect.PLAIN),
    "local-path-provisioner": _Entry(
        "local-path-provisioner",
        "github.com/rancher/local-path-provisioner",
        Dialect.PLAIN,
        stamps={"main.VERSION": "v{release}"},
    ),
    "prometheus-operator": _Entry("prometheus-operator", f"{_OPERATOR}/operator"),
    "prometheus-config-reloader": _Entry("prometheus-operator", f"{_OPERATOR}/prometheus-config-reloader"),
    "kube-state-metrics": _Entry("kube-state-metrics", "k8s.io/kube-state-metrics/v2", asked=("version",)),
    "node-exporter": _Entry("node-exporter", "github.com/prometheus/node_exporter"),
    "kwok": _Entry("kwok", "sigs.k8s.io/kwok/cmd/kwok", Dialect.PLAIN),
    "helm": _Entry(
        "helm",
        "helm.sh/helm/v3/cmd/helm",
        Dialect.PLAIN,
        asked=("version", "--short"),
        stamps={"helm.sh/helm/v3/internal/version.version": "v{release}"},
    ),
}
PLATFORM_BINARIES: Final = ("prometheus", "promtool", "alertmanager", "amtool", "thanos", "minio")
"""What every run needs."""
CHART_BINARIES: Final = ("helm",)
"""What the operator and the exporters are installed with when they come from a chart."""
UPGRADE_BINARIES: Final = ("prometheus-before",)
"""What the platform is upgraded from, where a scenario does that."""
CLUSTER_BINARIES: Final = tuple(
    name for name in _BINARIES if name not in (*PLATFORM_BINARIES, *CHART_BINARIES, *UPGRADE_BINARIES)
)
"""What a kind cluster needs beside those of the platform."""


@functools.cache
def pins() -> Mapping[str, Pin]:
    """Every binary of the platform by name. Raises ToolchainError when a go.mod does not pin its package."""
    root = Path(str(importlib.resources.files("fawkes.fixtures"))) / "toolchain"
    return {name: _pin(name, root / entry.folder, entry) for name, entry in _BINARIES.items()}


def _pin(name: str, module: Path, entry: _Entry) -> Pin:
    package, dialect = entry.package, entry.dialect
    required = required_versions(module)
    owners = [path for path in required if package == path or package.startswith(f"{path}/")]
    if not owners:
        raise ToolchainError(
            f"{module / 'go.mod'} requires no module that holds {package}; run: go get -tool {package}"
        )
    version = required[max(owners, key=len)]
    release = dialect.release(version)
    major, minor = dialect.series(release)
    stamps = {key: value.format(release=release, major=major, minor=minor) for key, value in entry.stamps.items()}
    return Pin(name, module, package, release, dialect, dialect.stamps(version) | stamps, entry.asked)


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
