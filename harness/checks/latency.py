"""How fast queries were answered, and whether the answers were right."""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Mapping, Sequence
from typing import Literal, Self

from hdrh.codec import HdrCookieException, HdrLengthException
from hdrh.histogram import HdrHistogram
from pydantic import Field, model_validator

from fawkes.harness.checks.load import WITHIN_PERCENT, void_reason
from fawkes.harness.duration import DurationS
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Json, Observation, Record, Stage, Tolerance, Verdict

ALL = "all"
SERVER = "thanos-query"
_COUNTS = ("ok", "wrong", "error", "timeout")

_TOLERANCE = Tolerance(0.1, "%", "the histogram's three significant digits; percentiles are nearest-rank")


class LatencyExpectation(Expectation):
    """Percentiles of query latency, from the intended start to the last byte of the body, stay within an SLO.

    Errors and time-outs count at the time they took; wrong answers are left out here and judged by `answers`.
    """

    check: Literal["latency"] = "latency"
    load: str = Field(default="query_load", description="The load that was timed.")
    query: str = Field(default=ALL, description="One kind of query, or all.")
    p50: DurationS | None = Field(default=None, gt=0)
    p95: DurationS | None = Field(default=None, gt=0)
    p99: DurationS | None = Field(default=None, gt=0)
    slo_source: str = Field(min_length=1, description="Why these numbers.")
    errors_max: float = Field(default=0.0, ge=0, le=1, description="Share of errors and time-outs that is tolerated.")

    @model_validator(mode="after")
    def _promises_something(self) -> Self:
        if not self.slo_s:
            raise ValueError("no percentile is promised; give at least one of p50, p95, p99")
        return self

    @property
    def slo_s(self) -> Mapping[int, float]:
        """Percentile -> seconds, those that are promised."""
        promised = {50: self.p50, 95: self.p95, 99: self.p99}
        return {percent: seconds for percent, seconds in promised.items() if seconds is not None}


class AnswersExpectation(Expectation):
    """Every answer to a query of the load was the known one."""

    check: Literal["answers"] = "answers"
    load: str = Field(default="query_load", description="The load whose answers were compared.")


def check_latency(expect: LatencyExpectation, history: History) -> Finding:
    """PASS when every promised percentile and the share of errors is within its limit, FAIL when one is not.

    INCONCLUSIVE, whatever the numbers, when a load was void, requests went missing, too few were timed for the
    percentile to mean anything, or nothing is on record.
    """
    records = history.of("latency", name=expect.load, query=expect.query)
    if reason := _not_judgeable(expect, history, records):
        return _latency_finding(expect, Verdict.INCONCLUSIVE, reason, stage=Stage.LOAD)
    counts = _counts(records)
    timed = counts["ok"] + counts["error"] + counts["timeout"]
    try:
        histogram = _merged(records)
    except (HdrCookieException, HdrLengthException, zlib.error, binascii.Error, ValueError, IndexError) as err:
        reason = f"a histogram on record cannot be read ({type(err).__name__}: {err}); run the scenario again"
        return _latency_finding(expect, Verdict.INCONCLUSIVE, reason, stage=Stage.HARNESS)
    if histogram.get_total_count() != timed:
        reason = f"{timed} requests were counted but {histogram.get_total_count()} timed; the record is inconsistent"
        return _latency_finding(expect, Verdict.INCONCLUSIVE, reason, stage=Stage.HARNESS)
    # With fewer than 100/(100-p) values the percentile is just the largest of them.
    if few := [percent for percent in expect.slo_s if timed * (100 - percent) < 100]:
        reason = f"{timed} timed requests are too few for p{few[0]}; send at least {-(-100 // (100 - few[0]))}"
        return _latency_finding(expect, Verdict.INCONCLUSIVE, reason, stage=Stage.LOAD)
    return _judged(expect, histogram, counts, timed)


def _not_judgeable(expect: LatencyExpectation, history: History, records: Sequence[Record]) -> str | None:
    loads = history.of("load")
    if not records or not any(load.data["name"] == expect.load for load in loads):
        return f"no latency of {expect.query!r} under {expect.load!r} on record"
    # The lag's p99 belongs to the promise at p99; without one, to the loosest, which is the one at the next percentile.
    loosest_s = max(expect.slo_s.values())
    slo_s = expect.slo_s.get(99, loosest_s)
    if voids := [reason for load in loads if (reason := void_reason(load, WITHIN_PERCENT, slo_s))]:
        return "; ".join(voids)
    offered = sum(load.data["offered"] for load in loads if load.data["name"] == expect.load)
    ended = sum(_counts(history.of("latency", name=expect.load, query=ALL)).values())
    return None if ended == offered else f"{offered} requests were offered but {ended} accounted for; the run is void"


def _judged(expect: LatencyExpectation, histogram: HdrHistogram, counts: Mapping[str, int], timed: int) -> Finding:
    measured_s = {percent: percentile_us(histogram, percent) / 1e6 for percent in expect.slo_s}
    failures = counts["error"] + counts["timeout"]
    evidence = [
        Observation(Stage.THANOS, f"{SERVER} {expect.query} p{percent}", slo_s, measured_s[percent], ok, "seconds")
        for percent, slo_s in expect.slo_s.items()
        for ok in [measured_s[percent] <= slo_s]
    ]
    share_ok = failures <= expect.errors_max * timed
    note = f"share of errors and time-outs among {timed} requests"
    evidence.append(Observation(Stage.THANOS, SERVER, expect.errors_max, failures / timed, share_ok, note))
    late = [
        f"p{percent} is {measured_s[percent] * 1000:.0f} ms, promised are {slo_s * 1000:.0f} ms"
        for percent, slo_s in expect.slo_s.items()
        if measured_s[percent] > slo_s
    ]
    if not share_ok:
        late.append(f"{counts['error']} errors and {counts['timeout']} time-outs among {timed} requests")
    verdict, stage = (Verdict.FAIL, Stage.THANOS) if late else (Verdict.PASS, None)
    reason = "; ".join(late) or f"{expect.query}: every percentile of {timed} requests is within its promise"
    observed = {f"p{percent}_s": seconds for percent, seconds in measured_s.items()} | {"errors": failures / timed}
    return _latency_finding(
        expect, verdict, reason, stage=stage, observed={**observed, **counts}, evidence=tuple(evidence)
    )


def _latency_finding(
    expect: LatencyExpectation,
    verdict: Verdict,
    reason: str,
    *,
    stage: Stage | None,
    observed: Json = None,
    evidence: tuple[Observation, ...] = (),
) -> Finding:
    promised: Json = {f"p{percent}_s": seconds for percent, seconds in expect.slo_s.items()}
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=verdict,
        expected={**promised, "errors": expect.errors_max, "slo_source": expect.slo_source},
        observed=observed,
        reason=reason,
        stage=stage,
        tolerance=_TOLERANCE,
        evidence=evidence,
    )


def _counts(records: Sequence[Record]) -> dict[str, int]:
    return {key: sum(record.data[key] for record in records) for key in _COUNTS}


def _merged(records: Sequence[Record]) -> HdrHistogram:
    histogram = HdrHistogram.decode(records[0].data["histogram_b64"])
    for record in records[1:]:
        histogram.add(HdrHistogram.decode(record.data["histogram_b64"]))
    return histogram


def percentile_us(histogram: HdrHistogram, percent: int) -> int:
    """The nearest-rank percentile in microseconds: the value at rank ceil(percent/100 * n).

    The histogram's own method rounds that rank and so may take one lower. The largest value of the bucket counts.
    """
    rank, seen = max(1, -(-histogram.get_total_count() * percent // 100)), 0
    for index in range(histogram.counts_len):
        seen += histogram.get_count_at_index(index)
        if seen >= rank:
            return int(histogram.get_highest_equivalent_value(histogram.get_value_from_index(index)))
    raise ValueError("a histogram without values has no percentile")


def check_answers(expect: AnswersExpectation, history: History) -> Finding:
    """PASS when every kind of query was answered and every answer was right, FAIL when one was wrong.

    INCONCLUSIVE when nothing is on record, or no answer to some kind of query ever came.
    """
    by_kind: dict[str, list[Record]] = {}
    for record in history.of("latency", name=expect.load):
        if record.data["query"] != ALL:
            by_kind.setdefault(record.data["query"], []).append(record)
    evidence = tuple(_answers(kind, records) for kind, records in by_kind.items())
    wrong = sum(_counts(records)["wrong"] for records in by_kind.values())
    silent = [kind for kind, records in by_kind.items() if not _answered(records)]
    if wrong:
        first = next(observation for observation in evidence if not observation.ok and observation.note)
        reason = f"{wrong} of {sum(map(_answered, by_kind.values()))} answers were wrong; {first.note}"
        verdict, stage = Verdict.FAIL, Stage.THANOS
    elif silent or not by_kind:
        reason = f"no answer to {', '.join(silent)}" if silent else f"no answers under {expect.load!r} on record"
        verdict, stage = Verdict.INCONCLUSIVE, Stage.THANOS if silent else Stage.LOAD
    else:
        reason = f"all {sum(map(_answered, by_kind.values()))} answers were right"
        verdict, stage = Verdict.PASS, None
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=verdict,
        expected={"wrong": 0},
        observed={kind: _counts(records) for kind, records in by_kind.items()},
        reason=reason,
        stage=stage,
        tolerance=Tolerance(0.0, "", "values are integers below 2**53, so float64 sums of them are exact"),
        evidence=evidence,
    )


def _answered(records: Sequence[Record]) -> int:
    counts = _counts(records)
    return counts["ok"] + counts["wrong"]


def _answers(kind: str, records: Sequence[Record]) -> Observation:
    counts = _counts(records)
    examples = [example for record in records for example in record.data["examples"] if example["outcome"] == "wrong"]
    note = f"{examples[0]['query']}: {examples[0]['reason']}" if examples else ""
    ok = counts["wrong"] == 0 and counts["ok"] > 0
    return Observation(Stage.THANOS, f"{SERVER} {kind}", {"wrong": 0}, {**counts, "examples": examples}, ok, note)
