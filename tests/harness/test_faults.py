"""Faults happen at their scaled times, in order, and leave a record each."""

from fawkes.harness.faults import break_parts
from fawkes.harness.scenario.schema import KillFault, PartitionFault, PauseFault, UpgradeFault


class World:
    """A clock that jumps, and the calls that were made at which second."""

    clock_factor = 60.0

    def __init__(self):
        self.now, self.calls = 1000.0, []

    def now_s(self):
        return self.now

    def poll_for(self, seconds):
        self.now += seconds

    def __getattr__(self, method):
        return lambda target: self.calls.append((round(self.now - 1000, 3), method, target))


def test_overlapping_faults_are_broken_and_healed_in_the_order_of_time():
    world, records = World(), []
    faults = [
        KillFault(do="kill", part="dora-0", at="1m", lasts="3m"),
        PauseFault(do="pause", part="jenkins-0", at="2m", lasts="1m"),
        PartitionFault(do="partition", app="alertmanager-main", at="0s", lasts="5m"),
    ]
    break_parts(faults, world, lambda kind, **data: records.append((kind, data["action"], data["part"])))
    assert world.calls == [
        (0.0, "partition", "alertmanager-main"),
        (1.0, "kill", "dora-0"),
        (2.0, "pause", "jenkins-0"),
        (3.0, "resume", "jenkins-0"),
        (4.0, "revive", "dora-0"),
        (5.0, "heal", "alertmanager-main"),
    ]
    assert records == [
        ("fault", "partition", "alertmanager-main"),
        ("fault", "stop", "dora-0"),
        ("fault", "pause", "jenkins-0"),
        ("fault", "resume", "jenkins-0"),
        ("fault", "start", "dora-0"),
        ("fault", "heal", "alertmanager-main"),
    ]


def test_an_upgrade_tells_what_became_of_each_part_and_is_not_taken_back():
    class Upgraded(World):
        def upgrade(self, app):
            self.calls.append((self.now - 1000, "upgrade", app))
            return [{"part": f"{app}-{number}", "image_before": "a:1"} for number in (0, 1)]

    world, records = Upgraded(), []
    fault = UpgradeFault(do="upgrade", app="prometheus-core", at="2m")
    break_parts([fault], world, lambda kind, **data: records.append((kind, data)))
    assert world.calls == [(2.0, "upgrade", "prometheus-core")]
    told = {"app": "prometheus-core", "image_before": "a:1"}
    assert records == [
        ("replaced", {**told, "part": "prometheus-core-0"}),
        ("replaced", {**told, "part": "prometheus-core-1"}),
        ("fault", {"action": "upgrade", "part": "prometheus-core", "began_s": 1002.0, "ended_s": 1002.0}),
    ]
