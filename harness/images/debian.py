"""A small Debian as two tars: all of it for a kind node, and what pods need of it for kube-proxy and our services."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fawkes.harness.errors import ProviderError
from fawkes.harness.images.command import command
from fawkes.harness.toolchain.cache import keep

RELEASE: Final = "bookworm"
PACKAGES: Final = (
    *("systemd", "systemd-sysv", "dbus", "containerd", "runc", "containernetworking-plugins"),
    *("iptables", "nftables", "iproute2", "conntrack", "ebtables", "ipset", "ethtool", "socat", "kmod", "procps"),
    *("mount", "util-linux", "hostname", "jq", "rsync", "gettext-base", "ca-certificates", "python3", "libseccomp2"),
)
"""What kind's own node image has (its images/base/Dockerfile), Debian's container runtime, and Python for services."""

_NEEDLESS: Final = ("usr/share/doc", "usr/share/locale", "usr/share/man", "var/lib/apt/lists", "var/cache/apt")
_NODE_ONLY: Final = (
    *("containerd", "runc", "containernetworking-plugins", "systemd", "libsystemd-shared", "dbus-daemon"),
    *("apt", "libapt-pkg6.0", "perl-base"),
)
"""The large packages that nothing in a pod uses: two thirds of the whole."""
_WITHIN_S: Final = 1200.0
"""Debian's mirror and 300 MB to unpack: 90 s on two idle cores; room for a slow network."""


@dataclass(frozen=True, slots=True)
class Debian:
    """Two tars of one root file system."""

    node: Path
    pods: Path


def lacking(environ: Mapping[str, str]) -> str | None:
    """What to do before a Debian can be made here; None when nothing is missing."""
    if os.geteuid() != 0:
        return "a node image is made by root (debootstrap): run `harness images` as root"
    if _which("debootstrap", environ) is None:
        return "install debootstrap (Debian: apt-get install debootstrap)"
    return None


def provide_debian(
    directory: Path, scratch: Path, *, environ: Mapping[str, str], progress: Callable[[str], None]
) -> Debian:
    """The tars in `directory`, made in `scratch` if they aren't there. ProviderError: `lacking`, or no mirror."""
    key = _key()
    debian = Debian(directory / f"debian-{key}.tar", directory / f"debian-pods-{key}.tar")
    if debian.node.exists() and debian.pods.exists():
        return debian
    if (remedy := lacking(environ)) is not None:
        raise ProviderError(f"no Debian for the node image: {remedy}")
    root = scratch / "debian"
    _debootstrap(root, environ, progress)
    for needless in _NEEDLESS:
        shutil.rmtree(root / needless, ignore_errors=True)
    excluded = scratch / "node-only"
    excluded.write_text("".join(f"{path}\n" for path in _node_only(root)))
    without = ("--anchored", "--no-wildcards", f"--exclude-from={excluded}")
    for final, options in ((debian.node, ()), (debian.pods, without)):
        made = scratch / final.name
        tar = ["tar", "--sort=name", "--numeric-owner", *options, "-C", str(root), "-cf", str(made), "."]
        command(tar, environ=environ, within_s=_WITHIN_S)
        keep(made, final)
    return debian


def _debootstrap(root: Path, environ: Mapping[str, str], progress: Callable[[str], None]) -> None:
    """In namespaces of its own: it mounts /proc and /sys below `root`, which must go with it however it ends."""
    progress("debian: unpacking packages")
    own = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    debootstrap = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", RELEASE, str(root)]
    try:
        command(
            [*own, *debootstrap],
            environ=environ,
            within_s=_WITHIN_S,
            line=lambda text: progress(f"debian: {text.removeprefix('I: ').lower()}"),
        )
    except ProviderError as error:
        raise ProviderError(f"{error}; it needs Debian's mirror (http_proxy?) and room for 500 MB") from error


def _node_only(root: Path) -> Iterator[str]:
    """Files of the packages in _NODE_ONLY, as tar calls them. dpkg's lists don't know that /lib is /usr/lib."""
    info = root / "var/lib/dpkg/info"
    for name in _NODE_ONLY:
        for listed in (*info.glob(f"{name}.list"), *info.glob(f"{name}:*.list")):
            for line in listed.read_text().splitlines():
                path = root / line.lstrip("/")
                path = path.parent.resolve() / path.name
                if not path.is_dir() and os.path.lexists(path):  # /lib, a link, is listed as the folder it was
                    yield f"./{path.relative_to(root.resolve())}"


def _which(program: str, environ: Mapping[str, str]) -> str | None:
    return shutil.which(program, path=environ.get("PATH", os.defpath))


def _key() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
