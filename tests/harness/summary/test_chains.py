"""DORA values along their way, out of hand-made evidence."""

from fawkes.harness.model import Finding, Observation, ScenarioResult, Stage, Timing, Verdict
from fawkes.harness.summary.chains import dora_chains


def of(metric, team="a"):
    return {"metric": metric, "team": team}


def seen(stage, source, value, expected=7200, *, ok=None, subject=None):
    subject = of("lead_time_p50_s") if subject is None else subject
    return Observation(stage, source, expected, value, value == expected if ok is None else ok, subject=subject)


def scenario(*evidence, name="s"):
    finding = Finding("values", "dora", Verdict.FAIL, None, None, "because", evidence=evidence)
    return ScenarioResult(name, "a claim", Verdict.FAIL, (finding,), Timing(1, 1, 0))


ROWS = Observation(Stage.STORE, "postgres", 24, 24, True, "rows")
TRUTH = seen(Stage.EVENT, "oracle", 7200)


def test_a_chain_has_the_oracles_value_and_what_each_stage_shows():
    (chain,) = dora_chains([scenario(TRUTH, ROWS, seen(Stage.REST, "dora-0", 7200), seen(Stage.THANOS, "query", 7200))])
    assert (chain.scenario, chain.expectation, chain.subject) == ("s", "values", of("lead_time_p50_s"))
    assert chain.oracle == 7200 and chain.broken is None
    assert [(link.stage.value, link.value) for link in chain.links] == [
        ("event", 7200),
        ("store", 24),
        ("rest", 7200),
        ("thanos", 7200),
    ]


def test_the_first_stage_that_differs_is_named_with_the_part_that_said_so():
    parts = [seen(Stage.RULE, "core-0", 7200), seen(Stage.RULE, "core-1", 120), seen(Stage.THANOS, "query", 120)]
    (chain,) = dora_chains([scenario(TRUTH, seen(Stage.REST, "dora-0", 7200), *parts)])
    assert (chain.broken.stage, chain.broken.source, chain.broken.value) == (Stage.RULE, "core-1", 120)
    assert [link.ok for link in chain.links] == [True, True, False, False]


def test_a_bound_that_holds_does_not_hide_the_value_itself():
    bound = seen(Stage.RULE, "core-0: histogram", 5400, [3600, 7200], ok=True)
    (chain,) = dora_chains([scenario(TRUTH, bound, seen(Stage.RULE, "core-0", 7200))])
    assert chain.links[-1].value == 7200
    (chain,) = dora_chains(
        [scenario(TRUTH, seen(Stage.RULE, "core-0", 7200), seen(Stage.RULE, "core-0: histogram", 9, ok=False))]
    )
    assert (chain.links[-1].ok, chain.links[-1].value) == (False, 9)


def test_evidence_without_a_metric_is_no_chain():
    assert dora_chains([scenario(ROWS, seen(Stage.RULE, "core-0", 1, subject={"series": "up"}))]) == ()


def test_the_worst_come_first_and_whole_chains_keep_their_order():
    def broken(team, stage, value):
        subject = of("lead_time_p50_s", team)
        return [
            seen(Stage.EVENT, "oracle", 100, 100, subject=subject),
            seen(stage, "part", value, 100, subject=subject),
        ]

    evidence = [
        *broken("whole", Stage.RULE, 100),
        *broken("also whole", Stage.REST, 100),
        *broken("late", Stage.THANOS, None),
        *broken("a little off", Stage.RULE, 101),
        *broken("far off", Stage.RULE, 900),
        *broken("gone", Stage.RULE, None),
    ]
    teams = [chain.subject["team"] for chain in dora_chains([scenario(*evidence)])]
    assert teams == ["gone", "far off", "a little off", "late", "whole", "also whole"]


def test_without_an_oracle_the_chain_still_stands():
    (chain,) = dora_chains([scenario(seen(Stage.REST, "dora-0", 1, ok=False))])
    assert chain.oracle is None and chain.broken.stage is Stage.REST
