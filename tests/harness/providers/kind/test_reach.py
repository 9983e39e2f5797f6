"""A pod that knocks at doors of real pods: open ones, and ones that iptables close, as an enforcing plugin would."""

import pytest

from fawkes.harness.checks.reach import ReachExpectation, check_reach
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.kubernetes.apply import apply, delete
from fawkes.harness.kubernetes.waiting import wait_ready
from fawkes.harness.model import History, Record, Verdict
from fawkes.harness.observe.reach import observe_reach
from fawkes.harness.providers.kind.node import PodRef, cut, join
from fawkes.load.objects import completed

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

OPEN, CLOSED = "light.one.svc:80", "other.one.svc:80"
OUTSIDER = completed(
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "outsider", "namespace": "two"},
        "spec": {"containers": [{"name": "k", "command": ["python3", "-m", "fawkes.harness.knock", OPEN, CLOSED]}]},
    }
)
EXPECT = ReachExpectation.model_validate(
    {"name": "doors", "pod": "two/outsider", "reached": [OPEN], "not_reached": [CLOSED], "within": "20s"}
)


class World:
    """What the observer asks of one."""

    def __init__(self, api):
        self._api, self.clock, self.records = api, RealClock(), []

    def kubernetes(self):
        return self._api

    def in_own_namespace(self, manifest):
        return manifest

    def now_s(self):
        return self.clock.monotonic_s()

    def eventually(self, what, probe, expect, *, within_s):
        return eventually(what, probe, expect, within_s=within_s, clock=self.clock)

    def record(self, kind, /, **data):
        self.records.append(Record(0.0, 0.0, kind, data))


@pytest.fixture
def api(cluster):
    api = Api(cluster.kubeconfig)
    apply(api, [OUTSIDER], clock=RealClock())
    wait_ready(api, [OUTSIDER], clock=RealClock())
    yield api
    delete(api, [OUTSIDER], clock=RealClock())
    api.close()


def judged(api):
    world = World(api)
    observe_reach(EXPECT, world, world.record)
    return check_reach(EXPECT, History(world.records))


def test_a_door_that_nobody_closes_is_told_open_and_a_closed_one_closed(api, cluster):
    finding = judged(api)
    assert (finding.verdict, finding.reason) == (
        Verdict.FAIL,
        f"two/outsider reaches {CLOSED}, which should be closed to it",
    )
    pods = [PodRef("two", "outsider"), PodRef("one", "other")]
    cut(cluster, pods)
    try:
        assert judged(api).verdict is Verdict.PASS
    finally:
        join(cluster, pods)
