"""Breaks parts of the platform at their times and heals them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from fawkes.harness.scenario import Fault
from fawkes.harness.world import Recorder, World

_BREAK_AND_HEAL: Final = {
    "kill": (("stop", "kill"), ("start", "revive")),
    "pause": (("pause", "pause"), ("resume", "resume")),
    "partition": (("partition", "partition"), ("heal", "heal")),
}
"""Fault -> word in the record and method of World, to break and to heal."""
REPLACED: Final = "replaced"
"""Kind of record: one part after an upgrade, as kubernetes/rollout.py tells it, and its `app`."""

_Step = tuple[float, int, str, Callable[[str], None], str]
"""When (unscaled), order among equals, word in the record, what is done, to whom."""


def break_parts(faults: Sequence[Fault], world: World, record: Recorder) -> None:
    """Break and heal, each at its time from now, scaled with the platform's clock; one `fault` record per action.

    An upgrade has but one, and a record `replaced` for each part.
    """
    began_s = world.now_s()
    for at_s, _, word, act, target in sorted(_steps(faults, world, record), key=lambda step: step[:2]):
        due_s = began_s + at_s / world.clock_factor
        world.poll_for(due_s - world.now_s())
        step_began_s = world.now_s()
        act(target)
        record("fault", action=word, part=target, began_s=step_began_s, ended_s=world.now_s())


def _steps(faults: Sequence[Fault], world: World, record: Recorder) -> Iterator[_Step]:
    def upgrade(app: str) -> None:
        for part in world.upgrade(app):
            record(REPLACED, app=app, **part)

    for order, fault in enumerate(faults):
        if fault.do == "upgrade":
            yield fault.at, order, "upgrade", upgrade, fault.target
            continue
        times = (fault.at, fault.at + fault.lasts)
        for at_s, (word, method) in zip(times, _BREAK_AND_HEAL[fault.do], strict=True):
            yield at_s, order, word, getattr(world, method), fault.target
