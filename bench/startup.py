"""Start the whole platform and take it down again: seconds for each step, memory of each app.

Example: .venv/bin/python bench/startup.py --times 5
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from fawkes.harness.blueprint import bare_blueprint
from fawkes.harness.environment import Environment
from fawkes.harness.eventually import RealClock
from fawkes.harness.providers.local.venue import LocalVenue
from fawkes.harness.session import new_run_id
from fawkes.harness.toolchain import PLATFORM_BINARIES, provide

Steps = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    wish = parser.parse_args()
    binaries = {name: b.path for name, b in provide(PLATFORM_BINARIES, progress=lambda _: None).items()}
    seconds: dict[str, list[float]] = defaultdict(list)
    memory: dict[str, list[float]] = defaultdict(list)
    for _ in range(wish.times):
        with tempfile.TemporaryDirectory(prefix="fawkes-startup-") as scratch:
            steps, rss_bytes = once(Path(scratch), binaries)
        for step, took_s in steps.items():
            seconds[step].append(took_s)
        for app, used in rss_bytes.items():
            memory[app].append(used / 2**20)
    show("step", "s", seconds)
    show("app", "MiB", memory)


def once(scratch: Path, binaries: dict[str, Path]) -> tuple[Steps, dict[str, int]]:
    """Seconds of each step, resident bytes of each app once everything is scraped."""
    marks = [("", time.monotonic())]
    clock = RealClock()
    site = LocalVenue(binaries).site(scratch, bare_blueprint(new_run_id(), seed=1), clock)
    rss_bytes: dict[str, int] = defaultdict(int)
    try:
        environment = Environment(site, [])
        marks.append(("assembled", time.monotonic()))
        environment.start()
        marks.append(("every part ready", time.monotonic()))
        query = environment.url("thanos-query-0") + "/api/v1/query"
        environment.eventually(
            "a scraped sample in Thanos Query",
            lambda: environment.http.get(query, params={"query": "count(up)"}).json()["data"]["result"],
            bool,
            within_s=60,  # twice the scrape interval of the true clock
        )
        marks.append(("first sample in Thanos Query", time.monotonic()))
        for part, used in environment.rss_bytes().items():
            rss_bytes[part.rpartition("-")[0]] += used
        rss_bytes["all together"] = sum(rss_bytes.values())
    finally:
        began_s = time.monotonic()
        site.close()
    steps = {name: at_s - before_s for (_, before_s), (name, at_s) in itertools.pairwise(marks)}
    return {**steps, "taken down": time.monotonic() - began_s}, dict(rss_bytes)


def show(head: str, unit: str, table: dict[str, list[float]]) -> None:
    """Minimum, median and maximum of each row."""
    sys.stdout.write(f"\n{head:32} {'min':>8} {'median':>8} {'max':>8}  {unit}\n")
    for name, values in table.items():
        low, middle, high = min(values), statistics.median(values), max(values)
        sys.stdout.write(f"{name:32} {low:8.2f} {middle:8.2f} {high:8.2f}\n")


if __name__ == "__main__":
    main()
