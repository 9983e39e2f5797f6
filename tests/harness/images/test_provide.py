"""Images are made once, old ones go, half-made ones are never used, and trouble is told before the work."""

import os
from pathlib import Path

import pytest

from fawkes.harness.errors import ProviderError
from fawkes.harness.eventually import RealClock
from fawkes.harness.images import provide
from fawkes.harness.images.debian import Debian
from fawkes.harness.images.docker import Docker
from fawkes.harness.images.node import Node
from fawkes.harness.images.provide import image_directory, make_images, provide_images

ENGINE = """
store=$HOME/store; mkdir -p $store
case "$1 $2" in
"image inspect") [ -e $store/${5#fawkes/node:} ] && echo id=sha256:1;;
"image ls") for tag in $(ls -t $store); do echo fawkes/node:$tag; done;;
"image rm") [ "$3" = fawkes/node:in-use ] && { echo conflict; exit 1; }; rm $store/${3#fawkes/node:};;
"import "*) for name; do :; done; : > $store/${name#fawkes/node:};;
esac"""
"""An engine whose store is a folder."""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Debian, packages and the node's root are plain files here; the list names what was made."""
    built: list[str] = []

    def file(name: str) -> Path:
        path = tmp_path / name
        path.write_text(name) if not path.exists() else None
        return path

    def build_node_root(node, scratch, **_):
        built.append("node")
        (scratch / "node.tar").write_text("root")
        return scratch / "node.tar"

    debian = Debian(file("debian-1.tar"), file("debian-pods-1.tar"))
    node = Node(debian.node, {name: file(name) for name in ("kubelet", "kubeadm", "kubectl")}, tmp_path, {}, "", "")
    monkeypatch.setattr(provide, "provide_debian", lambda *_, **__: debian)
    monkeypatch.setattr(provide, "_kind_files", lambda *_: tmp_path)
    monkeypatch.setattr(provide, "_node", lambda *_: node)
    monkeypatch.setattr(provide, "build_node_root", build_node_root)
    monkeypatch.setattr(provide, "packages_layer", lambda *_: file("packages-1.tar"))
    monkeypatch.setattr(provide, "sources_layer", lambda *_: file("sources-1.tar"))
    return built


@pytest.fixture
def engine(environ: dict[str, str], install) -> Docker:
    return Docker(str(install("docker", ENGINE)), environ)


def images(engine: Docker):
    return provide_images(engine, {}, environ=engine.environ, clock=RealClock(), progress=lambda _: None)


@pytest.mark.slow
def test_the_second_time_nothing_is_made(made: list[str], engine: Docker):
    first = images(engine)
    written_ns = first.services.stat().st_mtime_ns

    assert images(engine) == first
    assert made == ["node"]
    assert first.services.stat().st_mtime_ns == written_ns
    assert engine.has(first.node)


@pytest.mark.slow
def test_an_edit_of_ours_is_another_archive_and_the_same_node(made: list[str], engine: Docker, tmp_path: Path):
    first = images(engine)
    (tmp_path / "sources-1.tar").write_text("edited")
    second = images(engine)

    assert (second.node, made) == (first.node, ["node"])
    assert second.services != first.services


@pytest.mark.slow
def test_another_kubelet_is_another_node_and_the_same_archive(made: list[str], engine: Docker, tmp_path: Path):
    first = images(engine)
    (tmp_path / "kubelet").write_text("another one")
    second = images(engine)

    assert second.node != first.node
    assert made == ["node", "node"]
    assert second.services == first.services


@pytest.mark.slow
def test_two_generations_are_kept_and_what_a_cluster_uses(made: list[str], engine: Docker, tmp_path: Path):
    store = Path(engine.environ["HOME"]) / "store"
    store.mkdir(parents=True)
    (store / "in-use").touch()
    os.utime(store / "in-use", (0, 0))
    nodes, archives = [], []
    for number in range(4):
        (tmp_path / "kubelet").write_text("x" * number)
        (tmp_path / "sources-1.tar").write_text("x" * number)
        both = images(engine)
        os.utime(store / both.node.partition(":")[2], (number + 1, number + 1))
        os.utime(both.services, (number + 1, number + 1))
        nodes.append(both.node.partition(":")[2])
        archives.append(both.services)

    assert {path.name for path in store.iterdir()} == {"in-use", *nodes[-2:]}
    assert set(image_directory(engine.environ).glob("services-*")) == set(archives[-2:])


@pytest.mark.slow
@pytest.mark.usefixtures("made")
def test_what_a_killed_one_has_left_is_swept_and_never_used(engine: Docker):
    left = image_directory(engine.environ) / ".build-left"
    left.mkdir(parents=True)
    (left / "node.tar").write_text("half a root")

    images(engine)

    assert not left.exists()
    assert not list(image_directory(engine.environ).glob(".build-*"))


@pytest.mark.slow
@pytest.mark.usefixtures("made")
def test_a_full_disk_is_told_and_leaves_nothing(engine: Docker, monkeypatch: pytest.MonkeyPatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(provide, "write_archive", full)
    with pytest.raises(ProviderError, match=r"No space left on device.*free some space under"):
        images(engine)

    assert not list(image_directory(engine.environ).glob("services-*"))
    assert not list(image_directory(engine.environ).glob(".build-*"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("programs", "root", "remedy"),
    [
        ({}, True, "install Docker"),
        ({"docker": "echo server=20.10.24"}, True, "install debootstrap"),
        ({"docker": "echo server=20.10.24", "debootstrap": ""}, False, "run `harness images` as root"),
    ],
)
def test_what_is_lacking_is_told_before_a_binary_is_built(
    programs, root, remedy, bare: dict[str, str], install, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
    monkeypatch.setattr(provide, "provide", lambda *_, **__: pytest.fail("built"))
    for name, body in programs.items():
        install(name, body)

    with pytest.raises(ProviderError, match=remedy):
        make_images(lambda _: None, environ=bare)


def test_the_default_storage_class_names_images_that_are_in_the_node():
    manifest = provide._storage()
    assert "$" not in manifest.replace("$VOL_DIR", "")
    assert "docker.io/rancher/local-path-provisioner:v" in manifest
