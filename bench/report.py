"""Render the reports of a run as if it had many scenarios: seconds and bytes of each format.

The run's own scenarios are repeated until there are `--scenarios` of them, with their alerts and DORA values; the first
row is the run as it is.

Example: .venv/bin/python bench/report.py .fawkes/runs/latest --scenarios 25 100
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path

from fawkes.harness.model import RunResult
from fawkes.harness.result_io import dump_result, load_result
from fawkes.harness.summary.chains import dora_chains
from fawkes.reports.html import html
from fawkes.reports.junit import junit
from fawkes.reports.markdown import markdown

FORMATS: dict[str, Callable[[RunResult], str]] = {
    "result.json": dump_result,
    "junit.xml": junit,
    "report.md": markdown,
    "report.html": html,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_dir", type=Path, nargs="?", default=Path(".fawkes/runs/latest"))
    parser.add_argument("--scenarios", type=int, nargs="+", default=[25, 100])
    wish = parser.parse_args()
    result = load_result((wish.run_dir / "result.json").read_text())
    sys.stdout.write(f"{'scenarios':>9} {'format':12} {'ms':>9} {'KiB':>9}\n")
    for size in (len(result.scenarios), *wish.scenarios):
        run = grown(result, size)
        for name, render in FORMATS.items():
            began_s = time.perf_counter()
            text = render(run)
            took_s = time.perf_counter() - began_s
            sys.stdout.write(f"{size:9} {name:12} {took_s * 1000:9.1f} {len(text.encode()) / 1024:9.1f}\n")


def grown(result: RunResult, size: int) -> RunResult:
    """The result with `size` scenarios: its own ones, again and again, under other names."""
    numbered = list(enumerate(itertools.islice(itertools.cycle(result.scenarios), size)))
    scenarios = tuple(dataclasses.replace(one, name=f"{one.name}_{n}") for n, one in numbered)
    alerts = tuple(
        dataclasses.replace(
            row,
            sightings=tuple(
                dataclasses.replace(seen, scenario=f"{one.name}_{n}")
                for seen in row.sightings
                for n, one in numbered
                if one.name == seen.scenario
            ),
        )
        for row in result.alerts
    )
    return dataclasses.replace(result, scenarios=scenarios, alerts=alerts, dora=dora_chains(scenarios))


if __name__ == "__main__":
    main()
