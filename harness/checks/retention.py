"""Retention: what is younger than the local limit is there, what is older is gone, and Thanos still has all of it.

Prometheus deletes whole blocks, those whose end is `retention` or more before the end of the newest block
(tsdb/db.go, BeyondTimeRetention). So with samples up to `newest`, blocks `width` wide, and a query at `now`:

    ... gone ...  | newest - keeps - width |  ... may be either ...  | now - keeps |  ... there ...
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from fawkes.harness.duration import DurationS, format_duration
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Json, Observation, Record, Stage, Tolerance, Verdict

Key = tuple[tuple[str, str], ...]
"""A series' own labels, sorted."""
Truth = Mapping[Key, Mapping[float, float]]
"""Every forged sample: series -> Unix seconds -> value."""


class RetentionExpectation(Expectation):
    """The app's replicas keep `keeps` of the forged history, and Thanos has all of it."""

    check: Literal["retention"] = "retention"
    app: str = Field(description="Whose local retention it is, e.g. prometheus-core.")
    keeps: DurationS = Field(gt=0, description="The local limit, e.g. 30d.")
    thanos: bool = Field(default=True, description="Thanos answers the whole forged history, value for value.")


_FAULTS = ("missing", "too_old", "wrong", "foreign")
"""What must be 0, in samples; the fields of _Diff of the same names."""


@dataclass(frozen=True, slots=True)
class _Diff:
    """What is wrong with an answer, in samples; and what it held."""

    series: int = 0
    samples: int = 0
    oldest_s: float | None = None
    missing: int = 0
    """Must be there and are not."""
    too_old: int = 0
    """Are there and must be gone."""
    wrong: int = 0
    """Have another value than was forged."""
    foreign: int = 0
    """Were never forged, or are answered a second time."""

    @property
    def ok(self) -> bool:
        return not any(getattr(self, fault) for fault in _FAULTS)

    def story(self, required: str) -> str:
        parts = [
            f"lacks {self.missing} of the {required}" if self.missing else "",
            f"still has {self.too_old} samples beyond its limit and a block's width" if self.too_old else "",
            f"answers {self.wrong} samples with a wrong value" if self.wrong else "",
            f"answers {self.foreign} samples twice or that were never written" if self.foreign else "",
        ]
        return " and ".join(part for part in parts if part)

    def as_json(self) -> dict[str, Json]:
        return {name: getattr(self, name) for name in ("series", "samples", "oldest_s", *_FAULTS)}


def check_retention(expect: RetentionExpectation, history: History) -> Finding:
    """FAIL at `prometheus` when a replica has too much, too little or wrong samples; at `thanos` when Thanos does.

    INCONCLUSIVE without forged truth, or when a part was never asked.
    """
    forged = [record for record in history.of("forged") if record.data["app"] == expect.app]
    if not forged:
        return _finding(expect, Verdict.INCONCLUSIVE, f"no history was forged for {expect.app}", Stage.HARNESS)
    if any(record.data["min_s"] >= _gone_before_s(expect, record) for record in forged):
        reason = f"the forged history is too short to have anything beyond {_days(expect.keeps)} deleted"
        return _finding(expect, Verdict.INCONCLUSIVE, reason, Stage.HARNESS)
    observations: list[Observation] = []
    for record in forged:
        part = record.data["part"]
        asked = history.of("value", expectation=expect.name, stage=Stage.PROMETHEUS.value, source=part)
        if not asked:
            return _finding(expect, Verdict.INCONCLUSIVE, f"{part} was never asked", Stage.HARNESS, observations)
        observations.append(_locally(expect, record, asked[-1], history))
    if expect.thanos:
        asked = history.of("value", expectation=expect.name, stage=Stage.THANOS.value)
        if not asked:
            return _finding(expect, Verdict.INCONCLUSIVE, "Thanos was never asked", Stage.HARNESS, observations)
        observations.append(_in_thanos(expect, forged, asked[-1], history))
    tolerance = _tolerance(forged[-1], history.of("value", expectation=expect.name)[0].at_s)
    for seen in observations:
        if not seen.ok:
            reason = f"{seen.source} {seen.note}"
            return _finding(expect, Verdict.FAIL, reason, seen.stage, observations, tolerance=tolerance)
    return _finding(expect, Verdict.PASS, _success(expect, forged), None, observations, tolerance=tolerance)


def _locally(expect: RetentionExpectation, forged: Record, asked: Record, history: History) -> Observation:
    truth = _truth([forged])
    there_after_s = asked.at_s - expect.keeps
    gone_before_s = _gone_before_s(expect, forged)
    diff = _diff(truth, _answer(history, expect, asked), there_after_s, gone_before_s)
    required = _count(truth, there_after_s)
    expected = {"samples_at_least": required, "oldest_s_between": [gone_before_s, there_after_s]}
    note = diff.story(f"{required} samples of the last {_days(expect.keeps)}")
    return _observation(Stage.PROMETHEUS, asked, expected, diff, note)


def _gone_before_s(expect: RetentionExpectation, forged: Record) -> float:
    return float(forged.data["max_s"] - expect.keeps - forged.data["block_width_s"])


def _in_thanos(expect: RetentionExpectation, forged: Sequence[Record], asked: Record, history: History) -> Observation:
    """Replicas were given the same samples, so each is expected once: deduplicated."""
    truth = _truth(forged)
    always = float("-inf")
    diff = _diff(truth, _answer(history, expect, asked), always, always)
    required = _count(truth, always)
    expected = {"series": len(truth), "samples": required, "oldest_s": min(r.data["min_s"] for r in forged)}
    return _observation(Stage.THANOS, asked, expected, diff, diff.story(f"{required} samples that were forged"))


def _observation(stage: Stage, asked: Record, expected: Json, diff: _Diff, note: str) -> Observation:
    if asked.data["value"] is None:
        return Observation(stage, asked.data["source"], expected, None, ok=False, note="did not answer")
    return Observation(stage, asked.data["source"], expected, diff.as_json(), ok=diff.ok, note=note)


def _diff(truth: Truth, answer: Sequence[Record], there_after_s: float, gone_before_s: float) -> _Diff:
    names = {name for key in truth for name, _ in key}
    unseen = {key: dict(samples) for key, samples in truth.items()}
    samples = too_old = wrong = foreign = 0
    oldest_s: float | None = None
    for series in answer:
        labels = series.data["labels"]
        left = unseen.get(_key({name: labels[name] for name in names if name in labels}), {})
        for at_s, value in series.data["samples"]:
            samples += 1
            oldest_s = at_s if oldest_s is None else min(oldest_s, at_s)
            if at_s not in left:
                foreign += 1
                continue
            wrong += left.pop(at_s) != value
            too_old += at_s < gone_before_s
    missing = _count(unseen, there_after_s)
    return _Diff(len(answer), samples, oldest_s, missing, too_old, wrong, foreign)


def _answer(history: History, expect: RetentionExpectation, asked: Record) -> list[Record]:
    where = {name: asked.data[name] for name in ("stage", "source")}
    return history.of("series", expectation=expect.name, **where)


def _truth(forged: Sequence[Record]) -> dict[Key, dict[float, float]]:
    return {_key(series["labels"]): dict(series["samples"]) for record in forged for series in record.data["series"]}


def _key(labels: Mapping[str, str]) -> Key:
    return tuple(sorted(labels.items()))


def _count(truth: Truth, after_s: float) -> int:
    return sum(at_s > after_s for samples in truth.values() for at_s in samples)


def _tolerance(forged: Record, asked_s: float) -> Tolerance:
    width_s, since_newest_s = forged.data["block_width_s"], max(0.0, asked_s - forged.data["max_s"])
    source = (
        f"Prometheus deletes whole blocks, counted from the newest one's end: one forged block "
        f"({format_duration(width_s)}) and the time since the newest forged sample"
    )
    return Tolerance(width_s + since_newest_s, "s", source)


def _success(expect: RetentionExpectation, forged: Sequence[Record]) -> str:
    local = f"every replica of {expect.app} keeps {_days(expect.keeps)} and no more"
    days = (forged[0].data["max_s"] - forged[0].data["min_s"]) / 86400
    return f"{local}; Thanos answers all {days:.0f} days, value for value" if expect.thanos else local


def _faults(observed: Json) -> Json:
    return None if observed is None else {fault: observed[fault] for fault in _FAULTS}


def _days(seconds: float) -> str:
    """As retention is spoken of: 30d, not 4w2d."""
    return f"{seconds / 86400:g}d"


def _finding(
    expect: RetentionExpectation,
    verdict: Verdict,
    reason: str,
    stage: Stage | None,
    observations: Sequence[Observation] = (),
    *,
    tolerance: Tolerance | None = None,
) -> Finding:
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=verdict,
        expected={seen.source: dict.fromkeys(_FAULTS, 0) for seen in observations},
        observed={seen.source: _faults(seen.observed) for seen in observations},
        reason=reason,
        stage=stage,
        tolerance=tolerance,
        evidence=tuple(observations),
    )
