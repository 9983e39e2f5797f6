"""The DORA oracle: seconds to read an organisation's events, and to answer for every team, environment and window.

Example: .venv/bin/python bench/oracle_dora.py --sizes 10000 100000 --seed 1
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time

from fawkes.harness.oracle.dora import Truth
from fawkes.load.organisation.driver import WINDOWS_S
from fawkes.load.organisation.organisation import Organisation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--seed", type=int, default=1)
    wish = parser.parse_args()
    sys.stdout.write(f"{'events':>9} {'teams':>6} {'read s':>8} {'answers':>8} {'answer s':>9} {'s/team':>8}\n")
    for size in wish.sizes:
        ends_s = time.time()
        events = list(Organisation.of_size(size, seed=wish.seed, run_id="bench", ends_s=ends_s).events())
        began_s = time.monotonic()
        truth = Truth(events)
        read_s = time.monotonic() - began_s
        asked = list(itertools.product(truth.teams, ("production", "staging"), WINDOWS_S))
        for team, environment, window_s in asked:
            truth.values(team, environment, from_s=ends_s - window_s, to_s=ends_s)
        took_s, teams = time.monotonic() - began_s, len(truth.teams)
        answer_s = took_s - read_s
        sys.stdout.write(f"{size:9,} {teams:6} {read_s:8.2f} {len(asked):8} {answer_s:9.2f} {took_s / teams:8.4f}\n")


if __name__ == "__main__":
    main()
