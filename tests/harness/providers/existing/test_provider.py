"""Faults in somebody else's cluster: real controllers, whose pods only lack a kubelet, are kept from bringing them back."""

import contextlib

import pytest

from fawkes.harness.components.exporter import beacon
from fawkes.harness.eventually import RealClock, eventually, poll_for
from fawkes.harness.kubernetes.apply import apply
from fawkes.harness.kubernetes.whereabouts import Whereabouts
from fawkes.harness.ledger import Ledger
from fawkes.harness.operator.objects import name_of
from fawkes.harness.providers.base import missing_abilities
from fawkes.harness.providers.existing.port_forwards import PortForwards
from fawkes.harness.providers.existing.provider import ExistingProvider

HELD_BACK_S = 2.0
"""A StatefulSet makes its next pod 20 ms after the last."""


def told(container):
    """What a kubelet tells of a pod: ready, but for an image that it can't have."""
    pulled = not container["image"].startswith("127.0.0.1:1/")
    state = {"running": {}} if pulled else {"waiting": {"reason": "ErrImagePull"}}
    status = {"name": container["name"], "image": container["image"], "imageID": "", "restartCount": 0, "state": state}
    return {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": str(pulled)}],
        "containerStatuses": [{**status, "ready": pulled}],
    }


@pytest.fixture
def clock(fence, plane, word):
    """While somebody waits, the kubelet's work is done: every pod runs and is ready."""

    class Kubelet(RealClock):
        def wait(self, seconds):
            for pod in fence.list("v1", "Pod", word):
                (container,) = pod["spec"]["containers"]
                with contextlib.suppress(Exception):  # it may be gone by now
                    plane.set_status("pod", word, name_of(pod), told(container))
            super().wait(seconds)

    return Kubelet()


@pytest.fixture
def provider(fence, plane, tmp_path, word, clock):
    ledger = Ledger(tmp_path / "state", word)
    reach = PortForwards(plane.kubeconfig, "it", ["false"], log=tmp_path / "log", ledger=ledger, run_id="r")
    provider = ExistingProvider(fence, binaries={}, reach=reach, kubectl=[], clock=clock, home=word)
    apply(fence, [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": word}}], clock=clock)
    for name, kind in (("one", "StatefulSet"), ("two", "StatefulSet"), ("three", "Deployment")):
        apply(fence, [workload(word, name, kind)], clock=clock)
        provider.place({f"{name}-0": Whereabouts(word, {"app": name}, "c", {})})
        eventually(f"{name} to run", lambda name=name: provider.is_ready(f"{name}-0"), bool, within_s=30, clock=clock)
    yield provider
    reach.close()
    ledger.close()


def workload(space, name, kind):
    labels = {"app": name}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": pod}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": space},
        "spec": {**spec, "serviceName": name} if kind == "StatefulSet" else spec,
    }


@pytest.mark.parametrize("part", ["one-0", "three-0"])
def test_a_killed_part_stays_away_until_it_is_revived(provider, clock, part):
    provider.kill(part)
    poll_for(HELD_BACK_S, clock=clock)
    assert provider.pods(part) == []
    assert provider.is_ready("two-0")
    provider.revive(part)
    assert provider.is_ready(part)


def test_a_part_of_the_harness_is_killed_in_its_pod_which_stays(provider):
    provider.start([beacon(port=8080, run_id="r", value=1.0)])
    (pod,) = provider.pods("beacon-0")
    provider.kill("beacon-0")
    assert provider.pods("beacon-0") == [pod], "who scrapes it sees that it is down, and not that it is not there"
    assert provider.running() == ["one-0", "two-0", "three-0"]
    provider.revive("beacon-0")
    assert provider.is_ready("beacon-0")


def test_it_comes_back_at_once_and_not_when_its_controller_has_waited_longer_and_longer(provider, clock):
    provider.kill("one-0")
    poll_for(6.0, clock=clock)  # by now its controller waits five seconds between two tries
    began_s = clock.monotonic_s()
    provider.revive("one-0")
    assert clock.monotonic_s() - began_s < 3.0


def test_nothing_of_a_fault_is_left_when_all_are_back(provider, fence, word):
    provider.kill("one-0")
    provider.kill("two-0")
    assert fence.list("v1", "ResourceQuota", word)
    provider.revive("one-0")
    provider.revive("two-0")
    assert fence.list("v1", "ResourceQuota", word) == []
    assert provider.is_ready("one-0")
    assert provider.is_ready("two-0")


def test_no_way_in_is_opened_before_somebody_goes_it(provider):
    provider.place({"four-0": Whereabouts("nowhere", {"app": "four"}, "c", {"http": 80})})
    provider.reachable(["four-0"])  # would wait for it, were it asked


def test_what_needs_the_node_is_said_to_be_missing():
    assert missing_abilities(ExistingProvider, ["kill", "pause", "partition", "kubernetes"]) == ["pause", "partition"]
