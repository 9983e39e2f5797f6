"""A change of version, judged from hand-made histories: whole, with gaps, with lost samples, to the wrong version."""

import pytest

from fawkes.harness.checks.rollout import RolloutExpectation, check_rollout
from fawkes.harness.model import History, Stage, Verdict
from stored_series import looked, record, without

EXPECT = RolloutExpectation(name="whole", metric="seconds", exposed_part="jenkins-0", version="v2")
FIRST, SECOND, THANOS = "prometheus-core-1", "prometheus-core-0", "thanos-query-0"
BEGAN_S, END_S, FACTOR = 1000.0, 1120.0, 10.0
AWAY = {FIRST: (1030.0, 1040.0), SECOND: (1040.0, 1055.0)}
"""Replica -> when it left and was back."""
SCRAPE_S = 30 / FACTOR


def scrapes(from_s=BEGAN_S, until_s=END_S):
    times = [from_s + n * SCRAPE_S for n in range(int((until_s - from_s) / SCRAPE_S) + 1)]
    return [[at_s, 1 + max(0.0, at_s - BEGAN_S) * FACTOR] for at_s in times]


WHOLE = scrapes()
HOLED = {part: without(WHOLE, left_s, back_s + SCRAPE_S) for part, (left_s, back_s) in AWAY.items()}


def replaced(part, **changes):
    left_s, back_s = AWAY[part]
    told = {"image_before": "prometheus:v1", "left_s": left_s, "image_after": "prometheus:v2", "back_s": back_s}
    return record("replaced", app="prometheus-core", part=part, **told | changes)


def answered(at_s, found=True):
    value = [[{"__name__": "seconds"}, 1.0]] if found else []
    return record("answered", source=THANOS, query="seconds", asked_s=at_s, told_s=at_s + 0.1, value=value, error="")


ASKED = [answered(float(at_s)) for at_s in range(1020, 1080)]


def history(first=HOLED[FIRST], second=HOLED[SECOND], thanos=(WHOLE,), went=None, answers=ASKED, drop=()):
    series = [{"name": "seconds", "type": "counter", "steps": [{"at": "0s", "value": 1, "rate_per_s": 1}]}]
    records = [
        record("exposed", part="jenkins-0", began_s=BEGAN_S, clock_factor=FACTOR, series=series, silent=[]),
        *(went if went is not None else (replaced(SECOND), replaced(FIRST))),
        *looked(FIRST, "prometheus", first),
        *looked(SECOND, "prometheus", second),
        *looked(THANOS, "thanos", *thanos),
        *answers,
    ]
    return History([one for one in records if one.kind not in drop])


def test_each_replica_misses_its_restart_and_together_they_miss_nothing():
    finding = check_rollout(EXPECT, history())
    assert finding.verdict is Verdict.PASS
    assert finding.reason == (
        "each replica was away for 10.0 and 15.0 s and without samples for up to 21 s, Thanos Query without a new sample "
        "for 3 s and without an answer for 1 s"
    )


NEVER = {"image_before": "prometheus:v1"}


@pytest.mark.parametrize(
    ("changes", "stage", "part"),
    [
        ({"went": [replaced(FIRST), replaced(SECOND, image_after="prometheus:v1")]}, Stage.PART, SECOND),
        (
            {"went": [replaced(FIRST), record("replaced", app="prometheus-core", part=SECOND, **NEVER)]},
            Stage.PART,
            SECOND,
        ),
        ({"went": [replaced(FIRST), replaced(SECOND, left_s=1035.0)]}, Stage.PART, SECOND),
        ({"went": [replaced(FIRST)]}, Stage.PART, FIRST),
        ({"first": scrapes(1045.0)}, Stage.PROMETHEUS, FIRST),
        ({"first": without(HOLED[FIRST], 1010, 1020)}, Stage.PROMETHEUS, FIRST),
        ({"second": without(HOLED[SECOND], 1070, 1090)}, Stage.PROMETHEUS, SECOND),
        ({"second": without(HOLED[SECOND], 1040, 1085)}, Stage.PROMETHEUS, SECOND),
        ({"second": scrapes(BEGAN_S, 1040.0)}, Stage.PROMETHEUS, SECOND),
        ({"second": []}, Stage.PROMETHEUS, SECOND),
        ({"thanos": ()}, Stage.THANOS, THANOS),
        ({"thanos": (HOLED[SECOND],)}, Stage.THANOS, THANOS),
        ({"thanos": (WHOLE, WHOLE)}, Stage.THANOS, THANOS),
        ({"thanos": ([*WHOLE[:-1], [END_S, 5.0]],)}, Stage.THANOS, THANOS),
        (
            {"answers": [one for one in ASKED if not 1035 < one.data["asked_s"] < 1055]},
            Stage.THANOS,
            THANOS,
        ),
        (
            {"answers": [answered(float(at_s), found=not 1035 < at_s < 1055) for at_s in range(1020, 1080)]},
            Stage.THANOS,
            THANOS,
        ),
    ],
)
def test_what_is_lost_or_wrong_or_old_fails_where_it_broke(changes, stage, part):
    finding = check_rollout(EXPECT, history(**changes))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, stage)
    assert finding.reason.startswith(f"{part}: ")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"went": []}, "nobody upgraded prometheus-core"),
        ({"went": [replaced(FIRST, image_before="prometheus:v2")]}, "prometheus-core-1 ran v2 before already"),
        (
            {"went": [replaced(FIRST, left_s=1007.0)]},
            "prometheus-core-1 was replaced before it had scraped enough to lose",
        ),
        ({"drop": ["exposed"]}, "0 records say that jenkins-0 followed a script"),
        ({"drop": ["value"]}, "nobody looked at the stage prometheus"),
        ({"answers": []}, "nobody asked Thanos Query until the last replica had been back for a while"),
        ({"answers": ASKED[:30]}, "nobody asked Thanos Query until the last replica had been back for a while"),
    ],
)
def test_what_is_not_on_record_or_shows_nothing_cannot_be_judged(changes, reason):
    finding = check_rollout(EXPECT, history(**changes))
    assert (finding.verdict, finding.stage, finding.reason) == (Verdict.INCONCLUSIVE, Stage.HARNESS, reason)
