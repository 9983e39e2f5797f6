"""Whether somebody enforces NetworkPolicy, by the packets of two real pods: nobody does here, until the test does."""

import threading

import pytest

from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.kubernetes.policy_trial import NAMESPACE, why_not_enforced
from fawkes.harness.providers.kind.node import PodRef, cut

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


@pytest.fixture
def api(cluster):
    api = Api(cluster.kubeconfig)
    yield api
    api.close()


def test_the_bridge_plugin_enforces_nothing_and_the_trial_leaves_nothing(api):
    why = why_not_enforced(api, NAMESPACE, clock=RealClock())
    assert why == "15 s after a policy that lets nobody in, one pod still reached the other"
    assert api.get("v1", "Namespace", NAMESPACE) is None


def test_where_packets_are_dropped_once_there_is_a_policy_it_is_enforced(api, cluster):
    def enforce():
        """What an enforcing plugin does, for these two pods: iptables in their network."""
        there = lambda: api.get("networking.k8s.io/v1", "NetworkPolicy", "nobody-in", NAMESPACE)  # noqa: E731
        eventually("a policy", there, lambda one: one is not None, within_s=120, clock=RealClock())
        cut(cluster, [PodRef(NAMESPACE, "answers"), PodRef(NAMESPACE, "knocks")])

    plugin = threading.Thread(target=enforce, daemon=True)
    plugin.start()
    assert why_not_enforced(api, NAMESPACE, clock=RealClock()) is None
    plugin.join(10)


def test_pods_that_never_reach_each_other_prove_nothing(api, monkeypatch):
    monkeypatch.setattr("fawkes.harness.kubernetes.policy_trial._REACHED_WITHIN_S", 0.0)
    why = why_not_enforced(api, NAMESPACE, clock=RealClock())
    assert why is not None
    assert "even without a policy" in why
