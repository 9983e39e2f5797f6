"""Kill the harness with SIGKILL at random moments of a scenario and count what is left.

Example: .venv/bin/python bench/sigkill.py --times 20 --seed 1
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

from fawkes.harness.eventually import RealClock, eventually, poll_for
from fawkes.harness.ledger import RUN_MARK, collect

HARNESS = Path(sys.executable).with_name("harness")
RUN_S = 9.0
"""How long retention_tiers takes on two idle cores: prepare, start, forge, observe, stop are all hit."""
GONE_WITHIN_S = 10.0
"""PostgreSQL's children notice the death of their postmaster within seconds; everything else is killed at once."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    wish = parser.parse_args()
    rng, left_over = random.Random(wish.seed), 0
    for number in range(wish.times):
        moment_s = rng.uniform(0.3, RUN_S)
        left = kill_once(moment_s)
        left_over += len(left)
        sys.stdout.write(f"{number + 1:3} killed after {moment_s:5.2f} s, left: {left or 'nothing'}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{wish.times} kills, {left_over} left over\n")
    sys.exit(1 if left_over else 0)


def kill_once(moment_s: float) -> list[str]:
    """Names of processes, listening ports and shared memory that are left, after gc nothing may be."""
    clock = RealClock()
    memory = shared_memory()
    with tempfile.TemporaryDirectory(prefix="fawkes-sigkill-") as scratch:
        environ = {**os.environ, "XDG_STATE_HOME": scratch}
        words = [str(HARNESS), "run", "retention_tiers", "--runs", f"{scratch}/runs"]
        owner = subprocess.Popen(
            words, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        poll_for(moment_s, clock=clock)
        owner.send_signal(signal.SIGKILL)
        owner.wait()

        def left() -> list[str]:
            return [*of_run(scratch), *sorted(shared_memory() - memory)]

        try:
            eventually("nothing left", left, lambda found: not found, within_s=GONE_WITHIN_S, clock=clock)
        finally:
            remaining = left()
            collect(Path(scratch) / "fawkes-harness", _no_cluster)
        data = [str(path) for path in Path(scratch).glob("runs/*/*/parts")]
        return remaining + data


def _no_cluster(record: object) -> None:
    raise AssertionError(f"{record}: a run on local processes makes no cluster")


def of_run(scratch: str) -> list[str]:
    """Processes that belong to the killed run, by their mark or by a path of its directory on their command line."""
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            mark = process.environ().get(RUN_MARK)
            if scratch in " ".join(process.info["cmdline"] or ()) or (mark and scratch in (process.cwd() or "")):
                found.append(process.info["name"])
        except psutil.Error:
            continue
    return found


def shared_memory() -> set[str]:
    """Ids of System V segments."""
    return {line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]}


if __name__ == "__main__":
    main()
