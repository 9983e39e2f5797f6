"""Which image holds which binary, under the name by which a cluster asks for it."""

from collections import Counter
from pathlib import Path

import pytest

from fawkes.harness.images import catalogue
from fawkes.harness.toolchain import CLUSTER_BINARIES, PLATFORM_BINARIES, pins

BINARIES = {name: Path("/made") / name for name in (*PLATFORM_BINARIES, *CLUSTER_BINARIES)}
ON_THE_NODE = {"kubelet", "kubeadm", "kubectl"}
ON_THE_HOST = {"kind", "promtool", "amtool"}
ALL = [
    *catalogue.control_plane(BINARIES, Path("/pods.tar"), "3.6.5-0", "3.10.1"),
    *catalogue.platform(BINARIES),
    catalogue.services(Path("/pods.tar"), Path("/packages.tar"), Path("/sources.tar")),
]


def test_every_binary_that_runs_in_a_pod_is_in_one_image():
    held = Counter(path.name for image in ALL for path in image.files.values())
    assert held == dict.fromkeys(set(BINARIES) - ON_THE_NODE - ON_THE_HOST, 1)


def test_no_two_images_have_one_name():
    assert len({image.reference for image in ALL}) == len(ALL)


@pytest.mark.parametrize("name", ["prometheus", "thanos", "prometheus-operator", "kube-state-metrics"])
def test_an_image_carries_the_pinned_version(name: str):
    assert catalogue.reference(name).endswith(f"/{name}:v{pins()[name].version}")


def test_the_platform_is_upgraded_from_an_older_image_of_the_same_name():
    image = catalogue.before({"prometheus-before": Path("/made/prometheus-before")})
    name, _, older = image.reference.partition(":v")
    assert name == catalogue.reference("prometheus").partition(":")[0]
    assert [int(part) for part in older.split(".")] < [int(part) for part in pins()["prometheus"].version.split(".")]
    # The operator's manifests say nothing of the command: the image must start alike.
    (now,) = [one for one in ALL if one.reference == catalogue.reference("prometheus")]
    assert (image.entrypoint, image.files.keys(), image.user) == (now.entrypoint, now.files.keys(), now.user)


def test_kubeadm_finds_its_images():
    references = {image.reference for image in ALL}
    version = pins()["kubelet"].version
    assert {
        f"registry.k8s.io/kube-apiserver:v{version}",
        f"registry.k8s.io/kube-controller-manager:v{version}",
        f"registry.k8s.io/kube-scheduler:v{version}",
        f"registry.k8s.io/kube-proxy:v{version}",
        f"registry.k8s.io/coredns/coredns:v{pins()['coredns'].version}",
        "registry.k8s.io/etcd:3.6.5-0",
        "registry.k8s.io/pause:3.10.1",
    } <= references


def test_nothing_of_the_platform_runs_as_root():
    assert {image.user for image in (*catalogue.platform(BINARIES), ALL[-1])} == {"65534:65534"}
