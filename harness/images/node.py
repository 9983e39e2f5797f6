"""The node image for kind: Debian, containerd, the kubelet, kind's own files, and the cluster's images to import."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fawkes.harness.images.archive import Image, key, seen, write_archive
from fawkes.harness.images.command import command
from fawkes.harness.toolchain.pins import pins

POD_SUBNET: Final = "10.244.0.0/16"
"""kind's default."""
SERVICE_SUBNET: Final = "10.96.0.0/16"
"""kind's default, too."""
_WITHIN_S: Final = 300.0
"""To unpack and pack 500 MB: 15 s on two idle cores."""

_CNI: Final = {
    "cniVersion": "0.4.0",
    "name": "bridge",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "cni0",
            "isGateway": True,
            "hairpinMode": True,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": POD_SUBNET}]], "routes": [{"dst": "0.0.0.0/0"}]},
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}
"""One node needs no more than a bridge; it enforces no NetworkPolicy. What pods send to other nodes is masqueraded by
one rule for all (_RULES): the plugin would call iptables several times for each pod."""

_IMPORT_UNIT: Final = """\
[Unit]
After=containerd.service {after}
Requires=containerd.service
{before}
[Service]
Type={type}
RemainAfterExit=yes
ExecStart=/usr/bin/ctr -n k8s.io images import --no-unpack /kind/images/{archive}.tar
[Install]
WantedBy=multi-user.target
"""
_RULES: Final = f"""\
[Unit]
Before=kubelet.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/iptables --wait --append FORWARD --destination {SERVICE_SUBNET} --jump REJECT
ExecStart=/usr/sbin/iptables --wait --table nat --append POSTROUTING \
  --source {POD_SUBNET} ! --destination {POD_SUBNET} --jump MASQUERADE
[Install]
WantedBy=multi-user.target
"""
"""Until kube-proxy leads a service's address to a pod, whoever asks for it is refused and asks again. Without this its
packets leave the node and are lost: CoreDNS and whoever else is faster than kube-proxy hung for 30 s."""
CONTROL_PLANE: Final = "control-plane"
"""The archive without which nothing starts; the kubelet waits for it and for no other."""
_STATIC_CNI: Final = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cni-is-on-the-node, namespace: kube-system}\n"
"""kind applies this file; there is nothing to apply."""
_BINARIES: Final = ("kubelet", "kubeadm", "kubectl")
_UNITS: Final = ("kubelet.service", "containerd.service", "undo-mount-hacks.service")


@dataclass(frozen=True, slots=True)
class Node:
    """What a node image is made of."""

    debian: Path
    """Its root file system."""
    binaries: Mapping[str, Path]
    """kubelet, kubeadm, kubectl."""
    kind_files: Path
    """images/base/files of the pinned kind module."""
    images: Mapping[str, Sequence[Image]]
    """What the node imports when it starts, by the name of the archive; CONTROL_PLANE is one of them."""
    pause: str
    """Reference of the one of them that holds a pod's namespaces."""
    storage: str
    """The manifest of the default storage class."""

    def key(self) -> str:
        """Names the content."""
        binaries = [seen(self.binaries[name]) for name in _BINARIES]
        images = [(name, [one.content() for one in images]) for name, images in self.images.items()]
        content = (seen(self.debian), binaries, str(self.kind_files), images, self.pause, self.storage)
        return key(*content, recipes=(Path(__file__),))


def build_node_root(node: Node, scratch: Path, *, environ: Mapping[str, str], progress: Callable[[str], None]) -> Path:
    """A tar for `docker import`, in `scratch`. ProviderError when a command fails. Needs root."""
    root, out = scratch / "node", scratch / "node.tar"
    root.mkdir()
    progress("node: unpacking Debian")
    command(["tar", "-C", str(root), "-xf", str(node.debian)], environ=environ, within_s=_WITHIN_S)
    _lay_kind_files(root, node.kind_files)
    _configure_containerd(root, node.pause, environ)
    _write_kubernetes(root, node.binaries, node.storage)
    _enable_units(root, node.images)
    for name, images in node.images.items():
        progress(f"node: {name}: {', '.join(image.reference for image in images)}")
        write_archive(images, root / "kind" / "images" / f"{name}.tar")
    progress("node: packing")
    command(["tar", "--numeric-owner", "-C", str(root), "-cf", str(out), "."], environ=environ, within_s=_WITHIN_S)
    shutil.rmtree(root)
    return out


def _lay_kind_files(root: Path, kind_files: Path) -> None:
    """As kind's images/base/Dockerfile does. The module cache is read-only; the copies are not."""
    shutil.copytree(kind_files, root, dirs_exist_ok=True, copy_function=_copy_writable)
    for script in (root / "usr/local/bin/entrypoint", *(root / "kind/bin").iterdir()):
        script.chmod(0o755)
    (root / "sbin/init").unlink(missing_ok=True)
    (root / "sbin/init").symlink_to("/lib/systemd/systemd")
    with (root / "etc/systemd/journald.conf").open("a") as conf:
        conf.write("ReadKMsg=no\n")


def _copy_writable(source: str, target: str) -> str:
    Path(target).parent.chmod(0o755)
    shutil.copyfile(source, target)
    return target


def _configure_containerd(root: Path, pause: str, environ: Mapping[str, str]) -> None:
    unit = root / "etc/systemd/system/containerd.service"
    unit.write_text(unit.read_text().replace("/usr/local/bin/containerd", "/usr/bin/containerd"))
    config = root / "etc/containerd/config.toml"
    # The node may lack CAP_SYS_RESOURCE, without which no score can be lowered.
    text = config.read_text().replace("restrict_oom_score_adj = false", "restrict_oom_score_adj = true")
    config.write_text(re.sub(r'sandbox_image = ".*"', f'sandbox_image = "{pause}"', text))
    spec = command(["chroot", str(root), "ctr", "oci", "spec"], environ=environ, within_s=_WITHIN_S)
    (root / "etc/containerd/cri-base.json").write_text("\n".join(spec))
    (root / "opt/cni").mkdir(parents=True)
    (root / "opt/cni/bin").symlink_to("/usr/lib/cni")
    conflist = root / "etc/cni/net.d/10-bridge.conflist"
    conflist.parent.mkdir(parents=True, exist_ok=True)
    conflist.write_text(json.dumps(_CNI))


def _write_kubernetes(root: Path, binaries: Mapping[str, Path], storage: str) -> None:
    for name in _BINARIES:
        shutil.copyfile(binaries[name], root / "usr/bin" / name)
        (root / "usr/bin" / name).chmod(0o755)
    for folder in ("etc/kubernetes/manifests", "kind/images", "kind/manifests"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "kind/version").write_text(f"v{pins()['kubelet'].version}\n")
    (root / "kind/manifests/default-cni.yaml").write_text(_STATIC_CNI)
    (root / "kind/manifests/default-storage.yaml").write_text(storage)


def _enable_units(root: Path, archives: Iterable[str]) -> None:
    """Only what a node needs; the rest of Debian's units would fight with the container (kind's Dockerfile)."""
    system = root / "etc/systemd/system"
    vendor = root / "lib/systemd/system"
    for wants in (*system.glob("*.wants"), *(vendor / f"{name}.target.wants" for name in ("multi-user", "local-fs"))):
        shutil.rmtree(wants, ignore_errors=True)
    shutil.rmtree(vendor / "basic.target.wants", ignore_errors=True)
    sockets = vendor / "sockets.target.wants"
    for socket in (*sockets.glob("*udev*"), *sockets.glob("*initctl*")):
        socket.unlink()
    (vendor / "sysinit.target.wants/systemd-tmpfiles-setup.service").unlink(missing_ok=True)
    own = {f"import-{archive}.service": _import_unit(archive) for archive in archives}
    own["packet-rules.service"] = _RULES
    for unit, text in own.items():
        (system / unit).write_text(text)
    wanted = system / "multi-user.target.wants"
    wanted.mkdir(parents=True)
    for unit in (*_UNITS, *own):
        (wanted / unit).symlink_to(f"/etc/systemd/system/{unit}")
    (system / "systemd-binfmt.service").symlink_to("/dev/null")  # it registers with the host's kernel


def _import_unit(archive: str) -> str:
    """Others than the control plane's come after it and beside the start of the cluster, which kind would wait for."""
    if archive == CONTROL_PLANE:
        return _IMPORT_UNIT.format(archive=archive, after="", before="Before=kubelet.service", type="oneshot")
    return _IMPORT_UNIT.format(archive=archive, after=f"import-{CONTROL_PLANE}.service", before="", type="simple")
