"""Compare oracle.promql with a running Prometheus on random series, and show that wrong ports are noticed.

Example: .venv/bin/python bench/oracle_promql.py --series 20000 --seed 1
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from fawkes.harness.oracle import promql
from fawkes.harness.oracle.promql_proof.branches import QUANTILE_BRANCHES, RANGE_BRANCHES
from fawkes.harness.oracle.promql_proof.comparison import Proof, prove
from fawkes.harness.oracle.promql_proof.live import prometheus
from fawkes.harness.oracle.promql_proof.mutants import MUTANTS, notice
from fawkes.harness.oracle.promql_proof.questions import Port
from fawkes.harness.oracle.promql_proof.shrink import Shrinker
from fawkes.harness.oracle.promql_proof.trial import try_out
from fawkes.harness.toolchain import provide

BATCH = 2000
"""Counters per Prometheus: keeps what is remembered of one batch below 200 MB."""
KEYS_PER_MUTANT = 500
"""Elements of each question that a wrong port is tried on."""


@dataclass(slots=True)
class Total:
    """Of all batches."""

    proof: Proof = field(default_factory=Proof)
    series: int = 0
    samples: int = 0
    theirs_s: float = 0.0
    ours_s: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=20_000, help="counters; histograms come on top")
    parser.add_argument("--seed", type=int, default=1)
    wish = parser.parse_args()
    binary = provide(["prometheus"], progress=lambda _: None)["prometheus"].path
    total = Total()
    for first in range(0, wish.series, BATCH):
        size = min(BATCH, wish.series - first)
        batch(binary, f"{wish.seed}/{first}", size, total)
    show_total(total)
    show_mutants(binary, f"{wish.seed}/0", min(BATCH, wish.series))


def batch(binary: Path, seed: str, size: int, total: Total) -> None:
    """One Prometheus, one trial, added to `total`; a disagreement is shown at once, as small as it gets."""
    with prometheus(binary) as live:
        began_s = time.monotonic()
        trial = try_out(live, seed=seed, counter_series=size)
        answered_s = time.monotonic()
        port = Port(promql)
        one = prove(trial.questions, trial.answers, port)
        total.theirs_s += answered_s - began_s
        total.ours_s += time.monotonic() - answered_s
        for worst in one.disagreements:
            write(f"DISAGREEMENT (seed {seed}): {Shrinker(live, port).readable(worst)}")
    total.series += len(trial.series)
    total.samples += sum(len(series.stored) for series in trial.series)
    total.proof.join(one)


def show_total(total: Total) -> None:
    proof = total.proof
    write(f"{total.series:,} series, {total.samples:,} samples, {proof.compared:,} comparisons")
    write(f"writing and asking Prometheus {total.theirs_s:.1f} s, computing and comparing {total.ours_s:.1f} s")
    write(f"\n{'function':42} {'compared':>10} {'a value':>10} {'same bits':>10} {'NaN':>8} {'absent':>9}  worst error")
    for name, tally in proof.tallies.items():
        counts = f"{tally.compared:10,} {tally.values:10,} {tally.equal_values:10,} {tally.nan:8,} {tally.absent:9,}"
        write(f"{name:42} {counts}  {tally.worst_error:g}")
    show_branches("branches of extrapolatedRate", RANGE_BRANCHES, proof.branches)
    show_branches("branches of BucketQuantile", QUANTILE_BRANCHES, proof.branches)


def show_branches(head: str, names: Iterable[str], met: Counter[str]) -> None:
    write(f"\n{head:42} {'times':>10}")
    for name in names:
        write(f"{name:42} {met[name]:10,}")


def show_mutants(binary: Path, seed: str, size: int) -> None:
    """Each wrong port, and its smallest counterexample."""
    write(f"\n{'wrong port':42} {'noticed after':>13}  smallest counterexample")
    noticed = 0
    with prometheus(binary) as live:
        trial = try_out(live, seed=seed, counter_series=size)
        for mutant in MUTANTS:
            found = notice(mutant, trial.questions, trial.answers, keys_max=KEYS_PER_MUTANT)
            noticed += found is not None
            after = f"{found.after:13,}" if found else f"{'NOT NOTICED':>13}"
            example = Shrinker(live, Port(mutant.module())).readable(found.at) if found else ""
            write(f"{mutant.name:42} {after}  {example}")
    write(f"{noticed} of {len(MUTANTS)} wrong ports noticed")


def write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
