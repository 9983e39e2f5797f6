"""Was the load what the scenario says? A load that was not makes whatever was measured under it worthless.

Three things void it: another amount than planned, a generator that was late itself, and a machine that others used.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fawkes.harness.duration import DurationS
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Json, Observation, Record, Stage, Tolerance, Verdict

WITHIN_PERCENT = 1.0
"""Offered and achieved may differ by this much: two requests of 200. More, and another load was measured."""

SEND_LAG_SHARE = 0.1
"""The generator's own lateness may take up a tenth of the promised latency, as a gauge may be off by a tenth of what it
tells apart. Like is compared with like, p99 with p99: a latency counts from the intended start, so the one request in a
hundred that left late is found again in the latency's p99. It is not found in the p50, which one in a hundred cannot
move beyond the p51; holding a p99 of lag against a promised p50 would void runs whose medians nothing has blurred.
What lag stays below the limit makes latencies look longer, never shorter: it cannot turn a FAIL into a PASS."""

FOREIGN_SHARE = 0.25
"""The share of the machine's cores that other processes may use. With exponential arrivals and service a processor
answers in S/(1-r) at utilisation r (M/M/1). Others that take a share f leave the capacity 1-f: S/(1-f-r). The ratio of
the two, (1-r)/(1-r-f), is 2 for f = 1/4 at half load: what others cause is then as large as what is measured."""


class OfferedLoadExpectation(Expectation):
    """Each named load was really put on the platform."""

    check: Literal["offered_load"] = "offered_load"
    loads: list[str] = Field(min_length=1, description="Names of loads, e.g. scrape_load, query_load.")
    within_percent: float = Field(default=WITHIN_PERCENT, ge=0, description="How far achieved may be from offered.")
    slo_p99: DurationS | None = Field(
        default=None, gt=0, description="The latency promised at p99; the p99 of late sending may be a tenth of it."
    )


def check_offered_load(expect: OfferedLoadExpectation, history: History) -> Finding:
    """PASS when every record of every named load kept to its plan; INCONCLUSIVE when one did not or there is none.

    Never FAIL: it is about our own generator, not about the platform.
    """
    evidence, reasons = [], []
    for name in expect.loads:
        records = history.of("load", name=name)
        if not records:
            reasons.append(f"no load {name!r} on record")
        for record in records:
            reason = void_reason(record, expect.within_percent, expect.slo_p99)
            reasons += [reason] if reason else []
            evidence.append(_observation(record, reason))
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=Verdict.INCONCLUSIVE if reasons else Verdict.PASS,
        expected={name: {"within_percent": expect.within_percent} for name in expect.loads},
        observed=[observation.observed for observation in evidence],
        reason="; ".join(reasons) or "every load was put on the platform as planned",
        stage=Stage.LOAD if reasons else None,
        tolerance=Tolerance(expect.within_percent, "%", "the scenario's within_percent"),
        evidence=tuple(evidence),
    )


def void_reason(record: Record, within_percent: float, slo_p99_s: float | None) -> str | None:
    """Why a `load` record is not the load that was meant, in one sentence; None if it is.

    The lag of sending is judged only where the record has one and `slo_p99_s` says what it would blur; the use of the
    machine by others (`foreign_cores` of `cores`) only where the record tells it.
    """
    data = record.data
    name, offered, achieved = data["name"], data["offered"], data["achieved"]
    if not offered:
        return f"{name} offered nothing"
    off_percent = abs(achieved - offered) / offered * 100
    if off_percent > within_percent:
        return f"{name} offered {offered} but achieved {achieved}, {off_percent:.1f} % off; the run is void"
    # A busy machine also makes the generator late, so it is named first.
    foreign = data.get("foreign_cores")
    if foreign is not None and foreign > (limit := FOREIGN_SHARE * data["cores"]):
        return (
            f"other processes used {foreign:.2f} of {data['cores']} cores during {name} "
            f"(at most {limit:.2f}, a quarter); the run is void: run it on a quiet machine"
        )
    lag_s = data.get("send_lag_p99_s")
    if slo_p99_s is not None and lag_s is not None and lag_s > (limit_s := SEND_LAG_SHARE * slo_p99_s):
        return (
            f"{name} sent its requests up to {lag_s * 1000:.0f} ms late (p99; at most {limit_s * 1000:.0f} ms, "
            f"a tenth of {slo_p99_s * 1000:.0f} ms); the run is void: give the generator more CPU"
        )
    return None


def _observation(record: Record, reason: str | None) -> Observation:
    keys = ("name", "offered", "achieved", "rate_per_s", "send_lag_p99_s", "foreign_cores", "cores")
    observed: Json = {key: record.data.get(key) for key in keys}
    return Observation(Stage.LOAD, record.data["name"], record.data["offered"], observed, reason is None, reason or "")
