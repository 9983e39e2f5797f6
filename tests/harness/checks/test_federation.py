"""Two clusters behind one Thanos Query, judged from hand-made histories: whole, mixed up, with holes, cut off for too long."""

import pytest

from fawkes.harness.checks.federation import FederationExpectation, check_federation
from fawkes.harness.model import History, Stage, Verdict
from stored_series import record

HOME, DOJO = (
    {"cluster": "fawkes", "app": "prometheus-core", "exposed_part": "jenkins-0"},
    {"cluster": "dojo", "app": "prometheus-learner", "exposed_part": "dojo-lab-0"},
)
EXPECT = FederationExpectation.model_validate(
    {"name": "both", "metric": "seconds", "members": [HOME, DOJO], "cut_app": "prometheus-learner"}
)
THANOS, CORE, LEARNER = "thanos-query-0", "prometheus-core-0", "prometheus-learner-0"
BEGAN_S, CUT_S, HEALED_S, END_S, FACTOR = 1000.0, 1040.0, 1060.0, 1120.0, 20.0
SCRAPE_S = 30 / FACTOR


def scrapes(from_s=BEGAN_S, until_s=END_S):
    times = [from_s + n * SCRAPE_S for n in range(int((until_s - from_s) / SCRAPE_S) + 1)]
    return [[at_s, 1 + max(0.0, at_s - BEGAN_S) * FACTOR] for at_s in times]


WHOLE = scrapes()
HOLED = [one for one in WHOLE if not CUT_S < one[0] < HEALED_S]


def series_of(member, samples=WHOLE, **labels):
    return {"__name__": "seconds", "pod": member["exposed_part"], "cluster": member["cluster"]} | labels, samples


def looked(part, stage, *series):
    where = {"expectation": "both", "stage": stage, "source": part, "query": "seconds{}"}
    yield record("value", **where, value=len(series))
    for labels, samples in series:
        yield record("series", **where, labels=labels, samples=samples)


def answered(at_s, *clusters):
    value = [[{"__name__": "seconds", "cluster": one}, 1.0] for one in clusters]
    return record("answered", source=THANOS, query="seconds", asked_s=at_s, told_s=at_s + 0.1, value=value, error="")


def answers(changes=()):
    """Every 5 s; `changes`: when -> clusters, instead of what must be shown."""
    shown = {at_s: ("fawkes",) if CUT_S < at_s < HEALED_S else ("fawkes", "dojo") for at_s in range(1005, 1120, 5)}
    return [answered(float(at_s), *clusters) for at_s, clusters in (shown | dict(changes)).items()]


def history(thanos=None, core=WHOLE, learner=WHOLE, told=None, drop=(), **faults):
    script = [{"name": "seconds", "type": "counter", "steps": [{"at": "0s", "value": 1, "rate_per_s": 1}]}]
    times = {"cut": (CUT_S - 1, CUT_S), "heal": (HEALED_S - 1, HEALED_S)} | faults
    records = [
        *(
            record("exposed", part=one["exposed_part"], began_s=BEGAN_S, clock_factor=FACTOR, series=script, silent=[])
            for one in (HOME, DOJO)
        ),
        *(
            record("fault", action=action, part="prometheus-learner", began_s=times[key][0], ended_s=times[key][1])
            for key, action in (("cut", "partition"), ("heal", "heal"))
        ),
        *looked(CORE, "prometheus", series_of(HOME, core)),
        *looked(LEARNER, "prometheus", series_of(DOJO, learner)),
        *looked(THANOS, "thanos", *((series_of(HOME), series_of(DOJO)) if thanos is None else thanos)),
        *(answers() if told is None else told),
    ]
    return History([one for one in records if one.kind not in drop])


def test_both_are_shown_and_nothing_is_missing_after_the_cut():
    finding = check_federation(EXPECT, history())
    assert finding.verdict is Verdict.PASS
    assert finding.reason == (
        "cut off for 20.0 s, dojo was missing in answers until 0.1 s later, and no sample of it is missing now"
    )


def test_an_answer_may_come_late_until_the_cut_is_noticed_and_until_tcp_goes_on():
    late = {1045: (), 1065: ("fawkes",), 1080: ("fawkes",)}
    assert check_federation(EXPECT, history(told=answers(late))).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("changes", "stage", "part"),
    [
        ({"learner": HOLED}, Stage.PROMETHEUS, LEARNER),
        ({"learner": []}, Stage.PROMETHEUS, LEARNER),
        ({"core": scrapes(BEGAN_S, 1050.0)}, Stage.PROMETHEUS, CORE),
        ({"thanos": []}, Stage.THANOS, THANOS),
        ({"thanos": [series_of(HOME)]}, Stage.THANOS, THANOS),
        ({"thanos": [series_of(HOME), series_of(DOJO, cluster="fawkes")]}, Stage.THANOS, THANOS),
        ({"thanos": [series_of(HOME), series_of(DOJO), series_of(DOJO, replica="b")]}, Stage.THANOS, THANOS),
        ({"thanos": [series_of(HOME), series_of(DOJO, pod="jenkins-0")]}, Stage.THANOS, THANOS),
        ({"thanos": [series_of(HOME), series_of(DOJO, HOLED)]}, Stage.THANOS, THANOS),
        ({"thanos": [series_of(HOME), series_of(DOJO, scrapes(until_s=1050.0))]}, Stage.THANOS, THANOS),
        ({"thanos": [series_of(HOME), series_of(DOJO, [*WHOLE[:-1], [END_S, 5.0]])]}, Stage.THANOS, THANOS),
        ({"told": answers({1030: ("fawkes",)})}, Stage.THANOS, THANOS),
        ({"told": answers({1055: ("dojo", "fawkes")})}, Stage.THANOS, THANOS),
        ({"told": answers({1055: ()})}, Stage.THANOS, THANOS),
        ({"told": answers({1095: ("fawkes",)})}, Stage.THANOS, THANOS),
    ],
)
def test_what_is_missing_or_mixed_up_or_invented_fails_where_it_broke(changes, stage, part):
    finding = check_federation(EXPECT, history(**changes))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, stage)
    assert finding.reason.startswith(f"{part}: ")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"drop": ["exposed"]}, "0 records say that something followed a script; there must be one"),
        ({"drop": ["fault"]}, "0 records say that something was cut off; there must be one"),
        ({"drop": ["value"]}, "nobody looked at the stage prometheus"),
        ({"told": []}, "nobody asked Thanos Query before the cut"),
        ({"told": answers()[:8]}, "nobody asked Thanos Query while one is cut off"),
        ({"told": answers()[:14]}, "nobody asked Thanos Query once it is back"),
        ({"cut": (1055.0, 1056.0)}, "nobody asked Thanos Query while one is cut off"),
    ],
)
def test_what_is_not_on_record_cannot_be_judged(changes, reason):
    finding = check_federation(EXPECT, history(**changes))
    assert (finding.verdict, finding.stage, finding.reason) == (Verdict.INCONCLUSIVE, Stage.HARNESS, reason)


def test_a_cluster_that_is_no_member_cannot_have_been_cut_off():
    other = EXPECT.model_copy(update={"cut_app": "prometheus-apps"})
    assert check_federation(other, history()).verdict is Verdict.INCONCLUSIVE
