"""Which images a cluster needs, under the names by which kubeadm, the operator and our manifests ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fawkes.harness.images.archive import Image
from fawkes.harness.images.python import SITE
from fawkes.harness.toolchain.pins import pins

SERVICES: Final = "fawkes/services:local"
"""The DORA service, receivers and sample services; PostgreSQL too, which comes as a Python package."""

SERVICES_BEFORE: Final = "fawkes/services:before"
"""The same under another name, for a change of image: there is but one version of our sources."""

_KUBERNETES: Final = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
_PLATFORM: Final[Mapping[str, str]] = {
    "prometheus": "quay.io/prometheus/prometheus:v{}",
    "alertmanager": "quay.io/prometheus/alertmanager:v{}",
    "thanos": "quay.io/thanos/thanos:v{}",
    "minio": "quay.io/minio/minio:RELEASE.{}",
    "prometheus-operator": "quay.io/prometheus-operator/prometheus-operator:v{}",
    "prometheus-config-reloader": "quay.io/prometheus-operator/prometheus-config-reloader:v{}",
    "kube-state-metrics": "registry.k8s.io/kube-state-metrics/kube-state-metrics:v{}",
    "node-exporter": "quay.io/prometheus/node-exporter:v{}",
    "kwok": "registry.k8s.io/kwok/kwok:v{}",
}
"""Binary -> where its image is published."""
_PROVISIONER: Final = "local-path-provisioner"


def reference(binary: str) -> str:
    """The name under which a part of the platform is published, at the pinned version."""
    return _PLATFORM[binary].format(pins()[binary].version)


def provisioner() -> str:
    """The name of the image that makes volumes."""
    return f"docker.io/rancher/{_PROVISIONER}:v{pins()[_PROVISIONER].version}"


def control_plane(binaries: Mapping[str, Path], pods: Path, etcd_tag: str, pause_tag: str) -> list[Image]:
    """What `kubeadm config images list` names, and what makes volumes: all that kind itself starts.

    They run as root: kubeadm's manifests leave it to the image, and the provisioner makes folders of the node.
    `pods` is the Debian that pods stand on: kube-proxy calls iptables.
    """
    version = f"v{pins()['kubelet'].version}"
    root = "0:0"
    return [
        *(
            Image(f"registry.k8s.io/{name}:{version}", (name,), {f"/usr/local/bin/{name}": binaries[name]}, user=root)
            for name in _KUBERNETES
        ),
        Image(
            f"registry.k8s.io/kube-proxy:{version}",
            ("kube-proxy",),
            {"/usr/local/bin/kube-proxy": binaries["kube-proxy"]},
            below=(pods,),
            user=root,
        ),
        Image(f"registry.k8s.io/etcd:{etcd_tag}", ("etcd",), {"/usr/local/bin/etcd": binaries["etcd"]}, user=root),
        Image(
            f"registry.k8s.io/coredns/coredns:v{pins()['coredns'].version}",
            ("/coredns",),
            {"/coredns": binaries["coredns"]},
            user=root,
        ),
        Image(provisioner(), (f"/bin/{_PROVISIONER}",), {f"/bin/{_PROVISIONER}": binaries[_PROVISIONER]}, user=root),
        # It only has to be there; containerd ends it with SIGKILL.
        Image(f"registry.k8s.io/pause:{pause_tag}", ("sleep", "infinity"), below=(pods,)),
    ]


def platform(binaries: Mapping[str, Path]) -> list[Image]:
    """The parts of the platform, of what serves it and of what loads it, that are one binary each."""
    return [Image(reference(name), (f"/bin/{name}",), {f"/bin/{name}": binaries[name]}) for name in _PLATFORM]


def reference_before() -> str:
    """The name under which Prometheus is published in the version from which the platform is upgraded."""
    return _PLATFORM["prometheus"].format(pins()["prometheus-before"].version)


def before(binaries: Mapping[str, Path]) -> Image:
    """Prometheus in that version."""
    return Image(
        reference_before(),
        ("/bin/prometheus",),
        {"/bin/prometheus": binaries["prometheus-before"]},
    )


def services(pods: Path, packages: Path, sources: Path) -> Image:
    """Everything of ours that runs in a pod."""
    return Image(
        SERVICES,
        ("python3",),
        below=(pods, packages, sources),
        environment=(f"PYTHONPATH=/{SITE}", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1"),
    )
