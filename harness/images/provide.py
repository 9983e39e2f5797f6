"""All the images of a kind cluster, made where they are missing, each once per content.

CACHE/images/lock            held by whoever makes images
CACHE/images/.build-*        what is being made; swept by the next one if that was killed
CACHE/images/NAME-KEY.tar    finished, by rename; the engine has the node images
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from fawkes.harness.errors import NoPlaceError, ProviderError
from fawkes.harness.eventually import Clock, RealClock
from fawkes.harness.images import catalogue
from fawkes.harness.images.archive import Image, key, write_archive
from fawkes.harness.images.command import command
from fawkes.harness.images.debian import Debian, lacking, provide_debian
from fawkes.harness.images.docker import Docker, usable_engine
from fawkes.harness.images.node import CONTROL_PLANE, Node, build_node_root
from fawkes.harness.images.own_engine import running_docker
from fawkes.harness.images.python import packages_layer, sources_layer
from fawkes.harness.images.source import MADE, Source, pulled_node
from fawkes.harness.toolchain.cache import cache_directory, keep, locked, under_way, writing
from fawkes.harness.toolchain.modules import module_directory
from fawkes.harness.toolchain.pins import CLUSTER_BINARIES, PLATFORM_BINARIES, UPGRADE_BINARIES, pins
from fawkes.harness.toolchain.provide import provide

BINARIES: Final = (*PLATFORM_BINARIES, *CLUSTER_BINARIES)
PULLED_BINARIES: Final = ("kind", "kubectl")
"""All that is needed beside a published node image."""

_KUBEADM_WITHIN_S: Final = 30.0
"""It prints a list; a loaded machine takes a second."""
_LOCK_WITHIN_S: Final = 1800.0
"""Another run makes the same images: debootstrap and packing take minutes, a slow mirror more."""
_KEPT: Final = 2
"""Generations of each image: this one and the one before, for whoever goes back and forth between two checkouts."""


@dataclass(frozen=True, slots=True)
class ClusterImages:
    """What a cluster is made from."""

    node: str
    """Docker's reference of the node image. One made here has the images of control plane and platform inside."""
    services: Path
    """The archive of our own services, loaded into the running cluster: it changes with every edit."""


@dataclass(frozen=True, slots=True)
class Stock:
    """All that clusters are made from and with."""

    docker: Docker
    binaries: Mapping[str, Path]
    images: ClusterImages


def make_images(
    progress: Callable[[str], None], *, source: Source = "auto", environ: Mapping[str, str] = os.environ
) -> ClusterImages:
    """Everything from the binaries on, for a person. ProviderError with a remedy, before anything is built."""
    with stocked(source=source, environ=environ, clock=RealClock(), progress=progress) as stock:
        return stock.images


@contextlib.contextmanager
def stocked(
    *, source: Source, environ: Mapping[str, str], clock: Clock, progress: Callable[[str], None]
) -> Iterator[Stock]:
    """Everything from the binaries on, and the engine that has it. NoPlaceError with a remedy, before it builds."""
    usable_engine(environ)
    if (remedy := lacking(environ)) is not None:
        raise NoPlaceError(remedy)
    with running_docker(environ=environ, clock=clock, progress=progress) as docker:
        pulled = pulled_node(docker, source, progress)
        names = BINARIES if pulled is None else PULLED_BINARIES
        binaries = {name: binary.path for name, binary in provide(names, progress=progress, environ=environ).items()}
        images = provide_images(docker, binaries, pulled=pulled, environ=environ, clock=clock, progress=progress)
        yield Stock(docker, binaries, images)


def provide_images(
    docker: Docker,
    binaries: Mapping[str, Path],
    *,
    pulled: str | None = None,
    environ: Mapping[str, str],
    clock: Clock,
    progress: Callable[[str], None],
) -> ClusterImages:
    """What is missing is made, what is old is deleted. ProviderError with a remedy when an image can't be made.

    No node image is made where one was `pulled`.
    """
    with _workshop(environ, clock, progress) as (directory, scratch):
        debian = provide_debian(directory, scratch, environ=environ, progress=progress)
        if (reference := pulled) is None:
            kind_files = _kind_files(environ, clock, progress)
            reference = _imported(docker, _node(debian, binaries, kind_files, environ), scratch, environ, progress)
        layers, services = _services(debian, directory, scratch, progress)
        _forget_old(directory, {debian.node, debian.pods, *layers, services})
        return ClusterImages(reference, services)


def _imported(
    docker: Docker, node: Node, scratch: Path, environ: Mapping[str, str], progress: Callable[[str], None]
) -> str:
    """The node image in the engine; old ones go."""
    reference = f"{MADE}:{node.key()}"
    if not docker.has(reference):
        root = build_node_root(node, scratch, environ=environ, progress=progress)
        progress(f"node: importing {reference}")
        docker.import_node(root, reference)
    for old in [tag for tag in docker.tags(MADE) if tag != reference][_KEPT - 1 :]:
        docker.remove(old)
    return reference


def provide_before(*, environ: Mapping[str, str], clock: Clock, progress: Callable[[str], None]) -> Path:
    """The archive of what the platform is upgraded from; its binary is built where it is missing."""
    binaries = provide(UPGRADE_BINARIES, progress=progress, environ=environ)
    with _workshop(environ, clock, progress) as (directory, scratch):
        image = catalogue.before({name: binary.path for name, binary in binaries.items()})
        archive = _archived("before", image, directory, scratch, progress)
        _forget_old(directory, {archive})
        return archive


def provide_services(*, environ: Mapping[str, str], clock: Clock, progress: Callable[[str], None]) -> Path:
    """The archive of our own services as the sources are now, for a cluster that runs already."""
    with _workshop(environ, clock, progress) as (directory, scratch):
        debian = provide_debian(directory, scratch, environ=environ, progress=progress)
        _, services = _services(debian, directory, scratch, progress)
        return services


@contextlib.contextmanager
def _workshop(environ: Mapping[str, str], clock: Clock, progress: Callable[[str], None]) -> Iterator[tuple[Path, Path]]:
    """(where finished images are kept, where they are made), for one harness at a time."""
    directory = image_directory(environ)
    with (
        locked(directory, what="images", progress=progress, within_s=_LOCK_WITHIN_S, clock=clock),
        under_way(directory) as scratch,
        writing(directory),
    ):
        yield directory, scratch


def image_directory(environ: Mapping[str, str]) -> Path:
    """Where finished images are kept."""
    return cache_directory(environ).parent / "images"


def _node(debian: Debian, binaries: Mapping[str, Path], kind_files: Path, environ: Mapping[str, str]) -> Node:
    etcd_tag, pause_tag = _kubeadm_tags(binaries["kubeadm"], environ)
    images = {
        CONTROL_PLANE: catalogue.control_plane(binaries, debian.pods, etcd_tag, pause_tag),
        "platform": catalogue.platform(binaries),
    }
    return Node(debian.node, binaries, kind_files, images, f"registry.k8s.io/pause:{pause_tag}", _storage())


def _services(
    debian: Debian, directory: Path, scratch: Path, progress: Callable[[str], None]
) -> tuple[tuple[Path, Path], Path]:
    """The two layers of our services' image, and its archive."""
    layers = packages_layer(directory, scratch), sources_layer(directory, scratch)
    return layers, _archived("services", catalogue.services(debian.pods, *layers), directory, scratch, progress)


def _archived(name: str, image: Image, directory: Path, scratch: Path, progress: Callable[[str], None]) -> Path:
    final = directory / f"{name}-{key(image.content())}.tar"
    if not final.exists():
        progress(f"images: {image.reference}")
        made = scratch / final.name
        write_archive([image], made)
        keep(made, final)
    return final


def _forget_old(directory: Path, used: set[Path]) -> None:
    """Of each name, keep what is used now and the newest others up to _KEPT."""
    for name in {path.name.rpartition("-")[0] for path in used}:
        others = [path for path in directory.glob(f"{name}-*.tar") if path.name.rpartition("-")[0] == name]
        others = sorted(set(others) - used, key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for old in others[_KEPT - 1 :]:
            old.unlink()


def _kubeadm_tags(kubeadm: Path, environ: Mapping[str, str]) -> tuple[str, str]:
    """The tags of etcd and pause that this kubeadm asks for."""
    argv = [str(kubeadm), "config", "images", "list", "--kubernetes-version", f"v{pins()['kubelet'].version}"]
    listed = "\n".join(command(argv, environ=environ, within_s=_KUBEADM_WITHIN_S))
    tags = [re.search(rf"^registry\.k8s\.io/{name}:(\S+)$", listed, re.MULTILINE) for name in ("etcd", "pause")]
    if tags[0] is None or tags[1] is None:
        raise ProviderError(f"{kubeadm} names no etcd and pause image; is it the pinned version?")
    return tags[0][1], tags[1][1]


def _kind_files(environ: Mapping[str, str], clock: Clock, progress: Callable[[str], None]) -> Path:
    """images/base/files of the pinned kind module, where Go keeps it; fetched where only the binary was cached."""
    pin = pins()["kind"]
    module = module_directory(pin.module, pin.package, environ=environ, clock=clock, progress=progress)
    return module / "images" / "base" / "files"


def _storage() -> str:
    """The manifest of the default storage class and its provisioner."""
    manifest = Template(Path(__file__).with_name("storage.yaml").read_text())
    helper = f"registry.k8s.io/kube-proxy:v{pins()['kube-proxy'].version}"  # any image with a shell
    return manifest.safe_substitute(PROVISIONER=catalogue.provisioner(), HELPER=helper)
