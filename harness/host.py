"""Who used the machine's cores: the run itself, or somebody else."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import psutil

_BUSY: Final = ("user", "nice", "system", "irq", "softirq", "steal")
"""Of /proc/stat. `guest` is left out because `user` has it already; `steal` is what the hypervisor gave to others."""


@dataclass(frozen=True, slots=True)
class CpuReading:
    """CPU seconds used since some moment in the past, which is the same for all readings of one process."""

    at_s: float
    busy_s: float
    """By everybody, over all cores."""
    own_s: float
    """By this process and its descendants."""


def system_busy_s(times: Callable[[], Any] = psutil.cpu_times) -> float:
    """CPU seconds all cores were busy since boot, hardware and software interrupts and stolen time included.

    `times` gives a value with psutil's field names; one that the system does not know counts 0.
    """
    now = times()
    return sum(getattr(now, name, 0.0) for name in _BUSY)


def own_cpu_s(root: psutil.Process | None = None) -> float:
    """CPU seconds of `root` (this process if absent) and all its descendants, the ended ones included.

    An ended process stays in its parent's `children_user` and `children_system` once the parent has waited for it, so
    the sum never falls when one ends. What is missed counts as foreign: a descendant that ends while this reads, one
    nobody waits for, one that a daemon's double fork has moved to another parent, and interrupts on the run's behalf.
    """
    root = root or psutil.Process()
    total_s = _with_ended_children_s(root)
    for process in root.children(recursive=True):
        try:
            total_s += _with_ended_children_s(process)
        except psutil.NoSuchProcess:
            continue
    return total_s


def _with_ended_children_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def read_cpu(
    *,
    busy_s: Callable[[], float] = system_busy_s,
    own_s: Callable[[], float] = own_cpu_s,
    now_s: Callable[[], float] = time.monotonic,
) -> CpuReading:
    """A reading now. Both counters advance in ticks of 10 ms, and are read within milliseconds of each other."""
    return CpuReading(at_s=now_s(), busy_s=busy_s(), own_s=own_s())


def foreign_cores(before: CpuReading, after: CpuReading) -> float:
    """The average number of cores that others used between two readings; 0.0 where rounding would make it negative.

    ValueError when no time has passed between them.
    """
    passed_s = after.at_s - before.at_s
    if passed_s <= 0:
        raise ValueError(f"the second reading is {passed_s} s after the first; take it later")
    foreign_s = (after.busy_s - before.busy_s) - (after.own_s - before.own_s)
    return max(0.0, foreign_s / passed_s)


def cores() -> int:
    """Logical cores of the machine, the ones `system_busy_s` is about. In a container too that is the whole host."""
    return psutil.cpu_count() or 1
