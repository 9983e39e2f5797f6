"""What is recorded of a pod's restarts: every sample of every replica, or its silence."""

from fawkes.harness.checks.restarts import RestartsExpectation
from fawkes.harness.observe.restarts import observe_restarts

QUERY = 'kube_pod_container_status_restarts_total{pod="loops"}[60s]'
EXPECT = RestartsExpectation.model_validate({"name": "r", "pod": "loops", "at_least": 1, "within": "2s"})


def test_every_replica_is_read_or_is_silent(world, part, nobody):
    row = {"metric": {"pod": "loops"}, "values": [[60.0, "0"], [61.0, "1"]]}
    part("prometheus-core-0").answers(QUERY, [row])
    world.urls["prometheus-core-1"] = nobody
    observe_restarts(EXPECT, world, world.record)
    assert [(one["source"], one["value"]) for one in world.recorded("value")] == [
        ("prometheus-core-0", 1),
        ("prometheus-core-1", None),
    ]
    assert [one["samples"] for one in world.recorded("series")] == [[[60.0, 0.0], [61.0, 1.0]]]
