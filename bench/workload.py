"""Make an organisation's events: events per second and resident memory, by size, each in a process of its own.

Example: .venv/bin/python bench/workload.py --sizes 10 10000 1000000
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time

from fawkes.load.organisation.organisation import Organisation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--seed", type=int, default=1)
    wish = parser.parse_args()
    sys.stdout.write(f"{'events':>9} {'teams':>6} {'days':>6} {'s':>8} {'events/s':>9} {'peak MiB':>9}\n")
    # A spawned process has nothing of the ones before it, so its peak is its own.
    spawn = multiprocessing.get_context("spawn")
    for size in wish.sizes:
        with spawn.Pool(1) as fresh:
            teams, days, took_s, rss_bytes = fresh.apply(once, (size, wish.seed))
        rate = size / took_s
        sys.stdout.write(f"{size:9,} {teams:6} {days:6.0f} {took_s:8.2f} {rate:9,.0f} {rss_bytes / 2**20:9.1f}\n")


def once(size: int, seed: int) -> tuple[int, float, float, int]:
    """Teams, days, seconds, and peak resident bytes."""
    organisation = Organisation.of_size(size, seed=seed, run_id="bench", ends_s=time.time())
    began_s = time.monotonic()
    for _ in organisation.events():
        pass
    took_s = time.monotonic() - began_s
    return (
        organisation.teams,
        organisation.days,
        took_s,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )


if __name__ == "__main__":
    main()
