"""Compare oracle.notifications with running Alertmanagers on random cases, and show that wrong models are noticed.

Example: .venv/bin/python bench/oracle_alertmanager.py --rounds 10 --seed 1
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fawkes.harness.oracle.notification_proof.cases import ALONE, LATE_S, PAIR, Case, Streams, draw_cases, is_same
from fawkes.harness.oracle.notification_proof.live import play
from fawkes.harness.oracle.notification_proof.wrong import WRONG_CLUSTERS, WRONG_MODELS
from fawkes.harness.oracle.notifications import Cluster
from fawkes.harness.toolchain import provide

CASES: Final = 50
"""Per round and setting: a few hundred posts in 8 s leave in time on two cores."""
SETTINGS: Final = {"alone": ALONE, "pair that gossips": PAIR}


@dataclass(frozen=True, slots=True)
class Judged:
    """One case: what was heard of it, by which cluster."""

    case: Case
    cluster: Cluster
    heard: Streams

    def is_right(self, cluster: Cluster) -> bool:
        return is_same(self.case.predict(cluster), self.heard, late_s=LATE_S)

    def late_s(self) -> Iterator[float]:
        """Of each message that was predicted, when the case is right."""
        for key, messages in self.case.predict(self.cluster).items():
            for expected, heard in zip(messages, self.heard[key], strict=True):
                yield heard[0] - expected[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help=f"of {CASES} cases in each setting, 8 s each")
    parser.add_argument("--seed", type=int, default=1)
    wish = parser.parse_args()
    binary = provide(["alertmanager"], progress=lambda _: None)["alertmanager"].path
    judged: dict[str, list[Judged]] = {name: [] for name in SETTINGS}
    for round_ in range(wish.rounds):
        cases = {name: list(draw_cases(wish.seed + round_, CASES, one)) for name, one in SETTINGS.items()}
        played = play(binary, [(cases[name], cluster) for name, cluster in SETTINGS.items()])
        if any(one.is_void for one in played):
            late_s = max(one.posted_late_s for one in played)
            sys.stdout.write(f"round {round_} is void, the machine was too busy: a post left {late_s:.2f} s late\n")
            continue
        for (name, cluster), one in zip(SETTINGS.items(), played, strict=True):
            judged[name] += [Judged(case, cluster, heard) for case, heard in zip(cases[name], one.heard, strict=True)]
    for name, ones in judged.items():
        show(name, ones)
    show_wrong(judged["alone"], judged["pair that gossips"])


def show(name: str, judged: Sequence[Judged]) -> None:
    right = [one for one in judged if one.is_right(one.cluster)]
    messages = sum(len(some) for one in judged for some in one.heard.values())
    late_s = sorted(late for one in right for late in one.late_s())
    median_ms, worst_ms = late_s[len(late_s) // 2] * 1000, late_s[-1] * 1000
    sys.stdout.write(
        f"{name}: {len(right)} of {len(judged)} cases as predicted, {messages} messages heard, "
        f"late by {median_ms:.0f} ms (median), {worst_ms:.0f} ms (worst)\n"
    )
    for one in [one for one in judged if one not in right][:1]:
        sys.stdout.write(f"  {one.case}\n  predicted {one.case.predict(one.cluster)}\n  heard {one.heard}\n")


def show_wrong(alone: Sequence[Judged], pair: Sequence[Judged]) -> None:
    for name, model in WRONG_MODELS.items():
        with model.in_place():
            told_apart = sum(not one.is_right(one.cluster) for one in alone)
        sys.stdout.write(f"  wrong model, {name}: {told_apart} of {len(alone)} cases notice it\n")
    for name, cluster in WRONG_CLUSTERS.items():
        told_apart = sum(not one.is_right(cluster) for one in pair)
        sys.stdout.write(f"  wrong cluster, {name}: {told_apart} of {len(pair)} cases notice it\n")


if __name__ == "__main__":
    main()
