"""What is recorded of a node's memory: both series of every replica, or their silence."""

from fawkes.harness.checks.memory import AVAILABLE, TOTAL, MemoryExpectation
from fawkes.harness.observe.memory import observe_memory

EXPECT = MemoryExpectation.model_validate(
    {"name": "m", "pod": "apps/hungry", "above": 0.85, "spare_bytes": 1, "within": "2s"}
)


def test_both_series_of_every_replica_are_read(world, part, nobody):
    core = part("prometheus-core-0")
    for number, name in enumerate((TOTAL, AVAILABLE)):
        row = {"metric": {"__name__": name}, "values": [[60.0, str(number)]]}
        core.answers(f'{name}{{job="node-exporter"}}[60s]', [row])
    world.urls["prometheus-core-1"] = nobody
    observe_memory(EXPECT, world, world.record)
    assert [one["value"] for one in world.recorded("value")] == [1, 1, None, None]
    assert [(one["labels"]["__name__"], one["samples"]) for one in world.recorded("series")] == [
        (TOTAL, [[60.0, 0.0]]),
        (AVAILABLE, [[60.0, 1.0]]),
    ]
