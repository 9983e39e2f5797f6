"""A node's memory: what node-exporter shows is what a process on the node read in /proc/meminfo at the same time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from pydantic import Field

from fawkes.harness.duration import DurationS
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Json, Observation, Stage, Tolerance, Verdict

SAID: Final = "said"
"""Kind of record: `{pod, lines}`, the log of a pod before it was deleted."""
TOTAL: Final = "node_memory_MemTotal_bytes"
AVAILABLE: Final = "node_memory_MemAvailable_bytes"
CHANGES_BYTES: Final = 1 << 30
"""The pod takes 256 MiB four times a second at most (load/hunger.py); the two look up to a scrape apart."""
READ_S: Final = 1.0
"""Between the moment a scrape was due and the moment node-exporter read the file, on a busy machine."""


class MemoryExpectation(Expectation):
    """Every replica stores the node's memory as a hungry pod there has seen it, which has eaten enough."""

    check: Literal["memory"] = "memory"
    pod: str = Field(description="NAMESPACE/NAME of the pod, which runs fawkes.load.hunger and which is deleted.")
    above: float = Field(gt=0, lt=1, description="The share of memory in use that must have been passed.")
    spare_bytes: int = Field(gt=0, description="What must have been available all the time.")
    labels: dict[str, str] = Field(default={"job": "node-exporter"}, description="What picks the node.")
    app: str = Field(default="prometheus-core", description="The Prometheus that scrapes node-exporter.")
    scrape_interval: DurationS = Field(default=30.0, gt=0, description="Unscaled, as it ships.")


def check_memory(expect: MemoryExpectation, history: History) -> Finding:
    """FAIL at `prometheus` when a replica has no samples of that time, or others than the pod has read.

    INCONCLUSIVE when the pod would not eat, ate too little, or somebody left no record.
    """
    try:
        rows, scrape_s = _rows(expect, history), _scrape_s(expect, history)
        stored = _stored(expect, history)
    except _CannotTellError as error:
        return _finding(expect, Verdict.INCONCLUSIVE, str(error), ())
    lines = [line for part, series in stored.items() for line in _compared(part, series, rows, scrape_s)]
    wrong = next((line for line in lines if not line.ok), None)
    if wrong is not None:
        reason = f"{wrong.source}: {wrong.note}: {wrong.observed} instead of {wrong.expected}"
        return _finding(expect, Verdict.FAIL, reason, lines)
    least = min(row["available_bytes"] for row in rows)
    most = max(map(_share, rows))
    reason = f"up to {most:.1%} were in use, {least / (1 << 30):.1f} GiB left, as node-exporter shows"
    return _finding(expect, Verdict.PASS, reason, lines)


class _CannotTellError(Exception):
    """Something that the judgement needs is not on record, or did not happen."""


def _rows(expect: MemoryExpectation, history: History) -> list[Mapping[str, float]]:
    """What the pod has read, in order of time."""
    said = history.of(SAID, pod=f"Pod {expect.pod}")
    lines = [json.loads(line) for record in said for line in record.data["lines"]]
    if (why := next((line["why"] for line in lines if "why" in line), None)) is not None:
        raise _CannotTellError(f"the pod would not eat: {why}")
    if not lines:
        raise _CannotTellError(f"{expect.pod} has said nothing")
    if (most := max(map(_share, lines))) <= expect.above:
        raise _CannotTellError(f"at most {most:.1%} of the memory were in use; the scenario needs {expect.above:.0%}")
    if (least := min(line["available_bytes"] for line in lines)) < expect.spare_bytes:
        raise _CannotTellError(f"only {least} bytes were left at a time; others use this machine")
    return lines


def _scrape_s(expect: MemoryExpectation, history: History) -> float:
    applied = history.of("applied")
    if not applied:
        raise _CannotTellError("there is no record that the pod was applied")
    return expect.scrape_interval / float(applied[0].data["clock_factor"])


def _stored(expect: MemoryExpectation, history: History) -> dict[str, dict[str, list[list[float]]]]:
    """Replica -> name of the series -> its samples."""
    asked = history.of("value", expectation=expect.name)
    if not asked or any(record.data["value"] is None for record in asked):
        raise _CannotTellError(f"{expect.app} gave no answer")
    found: dict[str, dict[str, list[list[float]]]] = {record.data["source"]: {} for record in asked}
    for record in history.of("series", expectation=expect.name):
        found[record.data["source"]].setdefault(record.data["labels"]["__name__"], []).extend(record.data["samples"])
    return found


def _compared(
    part: str, stored: Mapping[str, list[list[float]]], rows: Sequence[Mapping[str, float]], scrape_s: float
) -> Iterator[Observation]:
    totals = sorted({value for _, value in stored.get(TOTAL, [])})
    yield Observation(
        Stage.PROMETHEUS, part, [rows[0]["total_bytes"]], totals, totals == [rows[0]["total_bytes"]], TOTAL
    )
    far, compared = [], 0
    for row in rows:
        near = [
            value
            for at_s, value in stored.get(AVAILABLE, [])
            if row["at_s"] - scrape_s - READ_S <= at_s <= row["at_s"] + scrape_s
        ]
        compared += bool(near)
        if near and min(abs(value - row["available_bytes"]) for value in near) > CHANGES_BYTES:
            far.append([row["available_bytes"], near])
    yield Observation(Stage.PROMETHEUS, part, len(rows), compared, compared == len(rows), "readings with a sample near")
    yield Observation(
        Stage.PROMETHEUS, part, [], far[:3], not far, "readings far from every sample near: [bytes, samples]"
    )


def _share(row: Mapping[str, float]) -> float:
    return (row["total_bytes"] - row["available_bytes"]) / row["total_bytes"]


def _finding(expect: MemoryExpectation, verdict: Verdict, reason: str, lines: Sequence[Observation]) -> Finding:
    observed: Json = {f"{line.source}: {line.note}": line.observed for line in lines}
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=verdict,
        expected=f"more than {expect.above:.0%} in use, as the pod reads it",
        observed=observed,
        reason=reason,
        stage={Verdict.PASS: None, Verdict.FAIL: Stage.PROMETHEUS}.get(verdict, Stage.HARNESS),
        tolerance=Tolerance(CHANGES_BYTES, "bytes", "what the pod takes in a second; both read /proc/meminfo")
        if lines
        else None,
        evidence=tuple(lines),
    )
