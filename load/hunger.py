"""Takes a machine's memory, but for what must be left: `python -m fawkes.load.hunger --share S --spare-bytes N`.

Runs in a pod without a limit, whose /proc/meminfo is the node's. A line of JSON a second: `{"at_s", "total_bytes",
"available_bytes", "eaten_bytes"}`. It gives back what others need, gives all back and ends when less than the spare is
left, and takes nothing from a machine that is too small or in use; then the last line says `{"why"}`.
"""

from __future__ import annotations

import argparse
import json
import mmap
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fawkes.harness.eventually import RealClock

STEP_BYTES: Final = 256 << 20
"""1 % of a machine of 24 GB. In steps, so that what others take meanwhile is seen in time."""
_EVERY_S: Final = 0.25
"""At most 1 GiB a second, of which a machine with 4 GiB to spare sees every second at least one look."""
_TELL_EVERY: Final = 4
_IN_USE: Final = 0.75
"""Where others use that much already, a rise is theirs as likely as ours."""
_TOO_MUCH: Final = 0.02
"""Above the wish by that: others have taken something; two steps on a machine of 24 GB."""
_PAGE: Final = mmap.PAGESIZE


class EnoughError(Exception):
    """Why nothing must be taken, or all given back."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Of the machine, in bytes."""

    total: int
    available: int

    @property
    def used_share(self) -> float:
        """As the rule HighMemoryUsage computes it."""
        return (self.total - self.available) / self.total

    @classmethod
    def read(cls, text: str) -> Memory:
        """From /proc/meminfo."""
        kib = {name: int(value) for name, value in re.findall(r"^(Mem\w+):\s+(\d+) kB", text, re.MULTILINE)}
        return cls(kib["MemTotal"] << 10, kib["MemAvailable"] << 10)


def refuse(memory: Memory, share: float, spare_bytes: int) -> None:
    """EnoughError for a machine that has no room for this."""
    left = int(memory.total * (1 - share))
    if left < spare_bytes + 2 * STEP_BYTES:
        raise EnoughError(f"at {share:.0%} this machine has {_gib(left)} left, and {_gib(spare_bytes)} must stay")
    if memory.used_share > _IN_USE:
        raise EnoughError(f"others use {memory.used_share:.0%} of this machine's {_gib(memory.total)} already")


def steps_to_take(memory: Memory, share: float, spare_bytes: int) -> int:
    """1 to take a step, -1 to give one back, 0 to stay. EnoughError when too little is left."""
    if memory.available < spare_bytes:
        raise EnoughError(f"only {_gib(memory.available)} are left, less than {_gib(spare_bytes)}: others have grown")
    if memory.used_share < share and memory.available - STEP_BYTES >= spare_bytes:
        return 1
    return -1 if memory.used_share > share + _TOO_MUCH else 0


def eat(share: float, spare_bytes: int, clock: RealClock) -> None:
    """Until a signal ends it, or EnoughError."""
    eaten: list[mmap.mmap] = []
    looks = 0
    refuse(_memory(), share, spare_bytes)
    while True:
        memory = _memory()
        if looks % _TELL_EVERY == 0:
            _tell(
                at_s=time.time(),
                total_bytes=memory.total,
                available_bytes=memory.available,
                eaten_bytes=len(eaten) * STEP_BYTES,
            )
        match steps_to_take(memory, share, spare_bytes):
            case 1:
                eaten.append(_filled())
            case -1 if eaten:
                eaten.pop().close()
        looks += 1
        clock.wait(_EVERY_S)


def _filled() -> mmap.mmap:
    """A step of memory, every page of it written, or it would only be promised."""
    step = mmap.mmap(-1, STEP_BYTES)
    step[::_PAGE] = b"x" * (STEP_BYTES // _PAGE)
    return step


def _memory() -> Memory:
    return Memory.read(Path("/proc/meminfo").read_text())


def _tell(**line: object) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 - its log is what is read


def _gib(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB"


def main(argv: list[str] | None = None) -> int:
    """3 when nothing must be taken, or all was given back."""
    parser = argparse.ArgumentParser(prog="python -m fawkes.load.hunger", description=__doc__)
    parser.add_argument("--share", type=float, required=True, help="of the machine's memory that shall be in use")
    parser.add_argument("--spare-bytes", type=int, required=True, help="that stay available, whatever the share")
    args = parser.parse_args(argv)
    try:
        eat(args.share, args.spare_bytes, RealClock())
    except EnoughError as enough:
        _tell(why=str(enough))
    return 3


if __name__ == "__main__":
    sys.exit(main())
