"""A replica that dies and comes back, judged from hand-made histories: whole, with gaps, with lost or wrong samples."""

import pytest

from fawkes.harness.checks.continuity import ContinuityExpectation, check_continuity
from fawkes.harness.model import History, Stage, Verdict
from stored_series import looked, record, without

EXPECT = ContinuityExpectation(name="whole", metric="seconds", exposed_part="jenkins-0", fault_part="prometheus-core-0")
KILLED, OTHER, THANOS = "prometheus-core-0", "prometheus-core-1", "thanos-query-0"
BEGAN_S, KILLED_S, BACK_S, END_S, FACTOR = 1000.0, 1015.0, 1045.0, 1060.0, 60.0
SCRAPE_S = 30 / FACTOR


def value_at(at_s):
    """One per second of the unscaled clock."""
    return 1 + max(0.0, at_s - BEGAN_S) * FACTOR


def scrapes(from_s, until_s):
    count = int((until_s - from_s) / SCRAPE_S)
    return [[from_s + n * SCRAPE_S, value_at(from_s + n * SCRAPE_S)] for n in range(count + 1)]


WHOLE = scrapes(BEGAN_S - 2, END_S)
HOLED = without(WHOLE, KILLED_S, BACK_S)


def answered(at_s, *values):
    found = [[{"__name__": "seconds", "pod": "jenkins-0"}, value] for value in values]
    return record("answered", source=THANOS, query="seconds", asked_s=at_s, told_s=at_s + 0.1, value=found, error="")


def history(killed=HOLED, other=WHOLE, thanos=(WHOLE,), answers=None, drop=()):
    series = [{"name": "seconds", "type": "counter", "steps": [{"at": "0s", "value": 1, "rate_per_s": 1}]}]
    answers = [answered(at_s, value_at(at_s - 1)) for at_s in range(1016, 1045)] if answers is None else answers
    records = [
        record("exposed", part="jenkins-0", began_s=BEGAN_S, clock_factor=FACTOR, series=series, silent=[]),
        record("fault", action="stop", part=KILLED, began_s=KILLED_S, ended_s=KILLED_S + 1),
        record("fault", action="start", part=KILLED, began_s=BACK_S - 10, ended_s=BACK_S),
        *looked(KILLED, "prometheus", killed),
        *looked(OTHER, "prometheus", other),
        *looked(THANOS, "thanos", *thanos),
        *answers,
    ]
    return History([one for one in records if one.kind not in drop])


def test_through_a_death_nothing_is_missing():
    finding = check_continuity(EXPECT, history())
    assert finding.verdict is Verdict.PASS
    assert finding.reason == (
        "prometheus-core-0 was away for 30.0 s, Thanos Query without a new sample for 0.5 s and without an answer for up "
        "to 0 s"
    )
    assert finding.tolerance.value == 4 * SCRAPE_S


@pytest.mark.parametrize(
    ("changes", "stage", "part"),
    [
        ({"killed": scrapes(BACK_S, END_S)}, Stage.PROMETHEUS, KILLED),
        ({"killed": without(HOLED, 1005, 1010)}, Stage.PROMETHEUS, KILLED),
        ({"other": without(WHOLE, 1020, 1030)}, Stage.PROMETHEUS, OTHER),
        ({"other": []}, Stage.PROMETHEUS, OTHER),
        ({"thanos": ()}, Stage.THANOS, THANOS),
        ({"thanos": (HOLED,)}, Stage.THANOS, THANOS),
        ({"thanos": (WHOLE, HOLED)}, Stage.THANOS, THANOS),
        ({"thanos": (without(WHOLE, 1050, 1056),)}, Stage.THANOS, THANOS),
        ({"thanos": (scrapes(BEGAN_S, BACK_S - 1),)}, Stage.THANOS, THANOS),
        ({"thanos": ([*WHOLE[:-1], [END_S, 5.0]],)}, Stage.THANOS, THANOS),
        ({"answers": [answered(1020), answered(1026), answered(1027, value_at(1026.5))]}, Stage.THANOS, THANOS),
        ({"answers": [answered(1030, value_at(KILLED_S))]}, Stage.THANOS, THANOS),
        ({"answers": [answered(1030, value_at(1040))]}, Stage.THANOS, THANOS),
        ({"answers": [answered(1030, value_at(1029.5), value_at(1029.5))]}, Stage.THANOS, THANOS),
    ],
)
def test_each_gap_each_loss_and_each_wrong_value_is_found(changes, stage, part):
    finding = check_continuity(EXPECT, history(**changes))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, stage), finding.reason
    assert finding.reason.startswith(part)


def test_thanos_may_be_silent_until_it_notices_and_show_what_it_needs_to_change_replicas():
    answers = [answered(1016), answered(1024.9), answered(1026, value_at(1026 - 4 * SCRAPE_S + 0.1))]
    finding = check_continuity(EXPECT, history(answers=answers))
    assert (finding.verdict, finding.reason[-22:]) == (Verdict.PASS, "an answer for up to 9.9 s"[-22:])


@pytest.mark.parametrize(
    "changes",
    [
        {"killed": WHOLE},
        {"answers": []},
        {"answers": [answered(1020, value_at(1019))]},
        *({"drop": [kind]} for kind in ("exposed", "fault", "value")),
    ],
)
def test_what_is_not_on_record_or_did_not_happen_cannot_be_judged(changes):
    finding = check_continuity(EXPECT, history(**changes))
    assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)


def test_a_part_that_gave_no_answer_cannot_be_judged():
    silent = record("value", expectation="whole", stage="thanos", source=THANOS, query="q", value=None)
    assert check_continuity(EXPECT, History([*history().records, silent])).verdict is Verdict.INCONCLUSIVE
