"""Breaks parts of the platform at their times and heals them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fawkes.harness.scenario import Fault
from fawkes.harness.world import Recorder, World

_BREAK_AND_HEAL: Final = {
    "kill": (("stop", "kill"), ("start", "revive")),
    "pause": (("pause", "pause"), ("resume", "resume")),
    "partition": (("partition", "partition"), ("heal", "heal")),
}
"""Fault -> word in the record and method of World, to break and to heal."""


def break_parts(faults: Sequence[Fault], world: World, record: Recorder) -> None:
    """Break and heal, each at its time from now, scaled with the platform's clock; one `fault` record per action."""
    began_s = world.now_s()
    steps = sorted(
        (at_s, order, word, method, fault.target)
        for order, fault in enumerate(faults)
        for at_s, (word, method) in zip((fault.at, fault.at + fault.lasts), _BREAK_AND_HEAL[fault.do], strict=True)
    )
    for at_s, _, word, method, target in steps:
        due_s = began_s + at_s / world.clock_factor
        world.poll_for(due_s - world.now_s())
        step_began_s = world.now_s()
        getattr(world, method)(target)
        record("fault", action=word, part=target, began_s=step_began_s, ended_s=world.now_s())
