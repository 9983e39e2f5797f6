"""A monitor that comes and goes, judged from hand-made histories: in time, late, never, for ever, after a restart."""

import pytest

from fawkes.harness.checks.discovery import (
    DesertionExpectation,
    DiscoveryExpectation,
    NoDiscoveryExpectation,
    check_desertion,
    check_discovery,
    check_no_discovery,
)
from fawkes.harness.model import History, Record, Stage, Verdict

CORES = ("prometheus-core-0", "prometheus-core-1")
NEWCOMER, STRANGER = "ServiceMonitor fawkes-platform/newcomer", "ServiceMonitor fawkes-platform/stranger"
FOUND = DiscoveryExpectation(name="found", monitor=NEWCOMER, labels={"job": "newcomer"})
IGNORED = NoDiscoveryExpectation(
    name="ignored", monitor=STRANGER, labels={"job": "stranger"}, beside={"job": "newcomer"}
)
GONE = DesertionExpectation(name="gone", monitor=NEWCOMER, labels={"job": "newcomer"})
APPLIED_S, DELETED_S, LIMIT_S = 1000.0, 1400.0, 285.5
"""At a clock 60 times as fast: 90 + 180 + 5 + 0.5 + 10."""


def record(kind, **data):
    return Record(1.0, 1.0, kind, data)


def deeds():
    common = {"clock_factor": 60.0}
    return [
        record("applied", objects=[NEWCOMER, STRANGER], began_s=APPLIED_S - 1, ended_s=APPLIED_S, **common),
        record("deleted", objects=[NEWCOMER], began_s=DELETED_S - 1, ended_s=DELETED_S, **common),
    ]


def ups(expectation, part, labels, samples, *, asked_s=1800.0):
    where = {"expectation": expectation, "stage": "prometheus", "source": part, "query": f"up{labels}"}
    value = None if samples is None else int(bool(samples))
    return [
        record("value", **where, labels=labels, asked_s=asked_s, value=value),
        *([record("series", **where, labels={"__name__": "up", **labels}, samples=samples)] if samples else []),
    ]


def process(part, start_s=500.0, started_s=500.0):
    containers = {"prometheus": {"restarts": 0, "started_s": started_s}}
    return record("process", expectation="found", source=part, start_s=start_s, containers=containers)


def scraped(first_s, last_s):
    return [[first_s, 0.0], [first_s + 1, 1.0], [last_s, 1.0]]


def found(samples=None, processes=None, without=()):
    """Both replicas as they should be, but for one of them."""
    good = scraped(APPLIED_S + 30, DELETED_S + 30)
    records = deeds()
    for part in CORES:
        records += ups("found", part, {"job": "newcomer"}, (samples or {}).get(part, good))
        records.append((processes or {}).get(part, process(part)))
    return History([one for one in records if one.kind not in without])


def test_found_in_time_without_a_restart():
    finding = check_discovery(FOUND, found())
    assert (finding.verdict, finding.observed) == (Verdict.PASS, 31.0)
    assert finding.tolerance.value == LIMIT_S
    assert finding.reason == "every replica scraped it within 31.0 s, without a restart"


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        ([], "seconds until it was scraped was never"),
        ([[APPLIED_S + 30, 0.0], [DELETED_S, 0.0]], "seconds until it was scraped was never"),
        (scraped(APPLIED_S + LIMIT_S, DELETED_S + 30), "seconds until it was scraped was 286.5 s"),
    ],
)
def test_a_replica_that_is_late_or_never_does_it_fails(samples, reason):
    finding = check_discovery(FOUND, found(samples={CORES[1]: samples}))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.PROMETHEUS)
    assert reason in finding.reason
    assert CORES[1] in finding.reason


@pytest.mark.parametrize(
    ("restarted", "name"),
    [
        (process(CORES[0], start_s=APPLIED_S), CORES[0]),
        (process(CORES[0], started_s=APPLIED_S + 20), "prometheus"),
        (process(CORES[0], started_s=None), "prometheus"),
    ],
)
def test_what_has_begun_since_was_restarted(restarted, name):
    finding = check_discovery(FOUND, found(processes={CORES[0]: restarted}))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.PROMETHEUS)
    assert f"containers that began after the monitor came was {name}" in finding.reason


@pytest.mark.parametrize("without", ["applied", "value", "process"])
def test_what_is_not_on_record_cannot_be_judged(without):
    finding = check_discovery(FOUND, found(without=[without]))
    assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)


def test_a_replica_that_did_not_answer_cannot_be_judged():
    records = [*deeds(), *ups("found", CORES[0], {"job": "newcomer"}, None)]
    assert check_discovery(FOUND, History(records)).verdict is Verdict.INCONCLUSIVE


def ignored(stranger=(), *, asked_s=1800.0, newcomer=((APPLIED_S + 60, 1.0),)):
    records = deeds()
    for part in CORES:
        records += ups("ignored", part, {"job": "newcomer"}, [list(one) for one in newcomer], asked_s=asked_s)
        records += ups("ignored", part, {"job": "stranger"}, [list(one) for one in stranger], asked_s=asked_s)
    return History(records)


def test_never_is_told_with_how_long_was_watched():
    finding = check_no_discovery(IGNORED, ignored())
    assert finding.verdict is Verdict.PASS
    assert finding.reason == "not scraped in 800 s, 13.3 times as long as the one beside it needed"


def test_a_single_scrape_is_too_many():
    finding = check_no_discovery(IGNORED, ignored(stranger=[(1010.0, 0.0)]))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.PROMETHEUS)


@pytest.mark.parametrize("history", [ignored(asked_s=APPLIED_S + 89), ignored(newcomer=()), History(deeds())])
def test_never_is_not_said_too_early(history):
    assert check_no_discovery(IGNORED, history).verdict is Verdict.INCONCLUSIVE


def gone(samples=None, without=(), asked_s=1800.0):
    """Both replicas as they should be, but for one of them."""
    records = deeds()
    for part, own in zip(CORES, (scraped(990.0, DELETED_S + 80), samples), strict=True):
        records += ups("gone", part, {"job": "newcomer"}, own or scraped(990.0, DELETED_S + 80), asked_s=asked_s)
    return History([one for one in records if one.kind not in without])


def test_what_was_scraped_until_its_monitor_was_deleted_is_scraped_no_more():
    finding = check_desertion(GONE, gone())
    assert (finding.verdict, finding.reason) == (Verdict.PASS, "no replica scraped it any more after 80.0 s")


def test_a_replica_that_goes_on_for_too_long_fails():
    finding = check_desertion(GONE, gone(samples=scraped(990.0, DELETED_S + LIMIT_S + 1)))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.PROMETHEUS)
    assert finding.reason == f"{CORES[1]}: seconds until it was scraped no more was 286.5 s, not 285.5 s"


@pytest.mark.parametrize(
    "history",
    [
        gone(samples=scraped(DELETED_S, DELETED_S + 80)),
        gone(asked_s=DELETED_S + 81),
        *(gone(without=[kind]) for kind in ("deleted", "value")),
    ],
)
def test_what_may_go_on_or_never_was_cannot_be_judged(history):
    finding = check_desertion(GONE, history)
    assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
