"""The node's key follows everything that is in it."""

import dataclasses
from pathlib import Path

import pytest

from fawkes.harness.images.archive import Image
from fawkes.harness.images.node import Node, _enable_units, _lay_kind_files


@pytest.fixture
def node(tmp_path: Path) -> Node:
    for name in ("debian.tar", "kubelet", "kubeadm", "kubectl", "thanos", "kind"):
        (tmp_path / name).write_text(name)
    binaries = {name: tmp_path / name for name in ("kubelet", "kubeadm", "kubectl", "kind")}
    images = {"platform": [Image("quay.io/thanos/thanos:v1", ("/bin/thanos",), {"/bin/thanos": tmp_path / "thanos"})]}
    return Node(tmp_path / "debian.tar", binaries, Path("/mod/kind@v1"), images, "registry/pause:1", "storage")


def test_the_same_content_is_the_same_node(node: Node):
    assert dataclasses.replace(node, binaries=dict(node.binaries)).key() == node.key()


@pytest.mark.parametrize("name", ["debian.tar", "kubelet", "kubeadm", "kubectl", "thanos"])
def test_another_file_is_another_node(node: Node, tmp_path: Path, name: str):
    before = node.key()
    (tmp_path / name).write_text("another one")
    assert node.key() != before


@pytest.mark.parametrize(
    "change", [{"kind_files": Path("/mod/kind@v2")}, {"pause": "registry/pause:2"}, {"storage": ""}]
)
def test_another_setting_is_another_node(node: Node, change: dict[str, object]):
    assert dataclasses.replace(node, **change).key() != node.key()


def test_what_is_not_in_it_does_not_matter(node: Node, tmp_path: Path):
    before = node.key()
    (tmp_path / "kind").write_text("another one")
    assert node.key() == before


def test_only_what_a_node_needs_is_started_and_the_kubelet_waits_for_the_control_planes_images_alone(tmp_path: Path):
    vendor = tmp_path / "lib/systemd/system"
    for unit in (
        "multi-user.target.wants/getty.service",
        "sockets.target.wants/systemd-udevd.socket",
        "sockets.target.wants/dbus.socket",
    ):
        (vendor / unit).parent.mkdir(parents=True, exist_ok=True)
        (vendor / unit).touch()
    system = tmp_path / "etc/systemd/system"
    system.mkdir(parents=True)

    _enable_units(tmp_path, ["control-plane", "platform"])

    wanted = {path.name for path in (system / "multi-user.target.wants").iterdir()}
    imports = {"import-control-plane.service", "import-platform.service"}
    assert wanted == {
        "kubelet.service",
        "containerd.service",
        "undo-mount-hacks.service",
        "packet-rules.service",
        *imports,
    }
    assert not (vendor / "multi-user.target.wants").exists()
    assert [path.name for path in (vendor / "sockets.target.wants").iterdir()] == ["dbus.socket"]
    first, other = ((system / name).read_text() for name in sorted(imports))
    assert "Before=kubelet.service" in first
    assert "Type=oneshot" in first
    assert "/kind/images/control-plane.tar" in first
    assert "kubelet" not in other
    assert "Type=simple" in other
    assert "After=containerd.service import-control-plane.service" in other


def test_kinds_files_are_laid_over_debian_writable(tmp_path: Path):
    files, root = tmp_path / "files", tmp_path / "root"
    for name in ("usr/local/bin/entrypoint", "kind/bin/mount-product-files.sh", "etc/sysctl.d/10-network.conf"):
        (files / name).parent.mkdir(parents=True, exist_ok=True)
        (files / name).write_text(name)
        (files / name).chmod(0o444)  # as in Go's module cache
    (root / "sbin").mkdir(parents=True)
    (root / "sbin/init").touch()
    (root / "etc/systemd").mkdir(parents=True)

    _lay_kind_files(root, files)

    assert (root / "usr/local/bin/entrypoint").stat().st_mode & 0o777 == 0o755
    assert (root / "etc/sysctl.d/10-network.conf").stat().st_mode & 0o200
    assert str((root / "sbin/init").readlink()) == "/lib/systemd/systemd"
    assert (root / "etc/systemd/journald.conf").read_text() == "ReadKMsg=no\n"
