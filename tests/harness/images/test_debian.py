"""The Debian below the images: kept only when whole, without the node's own programs in the pods' half."""

import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fawkes.harness.errors import ProviderError
from fawkes.harness.images.debian import lacking, provide_debian

root_only = pytest.mark.skipif(
    os.geteuid() != 0
    or subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0,
    reason="only a root that may mount makes a Debian",
)

UNPACK = """
for root; do :; done
mkdir -p "$root/usr/bin" "$root/usr/lib/cni" "$root/var/lib/dpkg/info" "$root/usr/share/man"
ln -s usr/lib "$root/lib"
echo ctr > "$root/usr/bin/ctr"; echo sh > "$root/usr/bin/sh"; echo bridge > "$root/usr/lib/cni/bridge"
ln -s ctr "$root/usr/bin/also-ctr"
echo page > "$root/usr/share/man/page"
printf '/.\\n/usr/bin\\n/usr/bin/ctr\\n/usr/bin/also-ctr\\n' > "$root/var/lib/dpkg/info/containerd.list"
printf '/lib\\n/lib/cni\\n/lib/cni/bridge\\n/gone\\n' > "$root/var/lib/dpkg/info/libsystemd-shared:amd64.list"
"""
"""As debootstrap would, in small: two packages of the node, and a list that names a folder which is a link by now."""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "images" / "scratch").mkdir(parents=True)
    return tmp_path / "images"


def names(tar: Path) -> set[str]:
    with tarfile.open(tar) as archive:
        return set(archive.getnames())


def provide(directory: Path, environ: dict[str, str], progress: Callable[[str], None] = lambda _: None):
    return provide_debian(directory, directory / "scratch", environ=environ, progress=progress)


@root_only
@pytest.mark.slow
def test_pods_get_all_but_what_only_a_node_needs(directory: Path, environ: dict[str, str], install):
    install("debootstrap", UNPACK)

    debian = provide(directory, environ)

    node, pods = names(debian.node), names(debian.pods)
    assert node - pods == {"./usr/bin/ctr", "./usr/bin/also-ctr", "./usr/lib/cni/bridge"}
    assert {"./usr/bin/sh", "./lib", "./usr/lib/cni"} <= pods
    assert "./usr/share/man" not in node


@root_only
@pytest.mark.slow
def test_it_is_made_once(directory: Path, environ: dict[str, str], install):
    install("debootstrap", UNPACK)
    first = provide(directory, environ)
    install("debootstrap", "exit 1")

    assert provide(directory, environ) == first


@root_only
@pytest.mark.slow
def test_without_a_mirror_it_says_so_and_keeps_nothing(directory: Path, environ: dict[str, str], install):
    install("debootstrap", 'echo "E: Failed getting release file"; exit 1')

    with pytest.raises(ProviderError, match=r"(?s)ended with 1.*Failed getting release file.*Debian's mirror"):
        provide(directory, environ)

    assert not list(directory.glob("*.tar"))


@root_only
@pytest.mark.slow
def test_what_debootstrap_mounts_is_gone_with_it(directory: Path, environ: dict[str, str], install):
    install(
        "debootstrap",
        f"{UNPACK}\nmkdir -p $root/usr/share/doc\nmount -t tmpfs probe $root/usr/share/doc\n: > $root/usr/share/doc/x",
    )

    provide(directory, environ)

    assert str(directory) not in Path("/proc/self/mounts").read_text()


def test_no_debootstrap_is_told_with_its_package(bare: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert lacking(bare) == "install debootstrap (Debian: apt-get install debootstrap)"


def test_who_is_not_root_is_told_to_be(bare: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert "as root" in str(lacking(bare))
