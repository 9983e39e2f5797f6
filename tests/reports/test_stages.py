"""The strip: the first broken stage is marked, absent evidence is not taken for good evidence."""

from fawkes.harness.model import Finding, Observation, Stage, Verdict
from fawkes.reports.stages import CHAIN, noted, shown_evidence, strip


def finding(verdict, stage, *evidence) -> Finding:
    return Finding("e", "c", verdict, 1, 2, "r", stage=stage, evidence=tuple(Observation(*o) for o in evidence))


def states(found: Finding) -> dict[Stage, str]:
    return {cell.stage: cell.state for cell in strip(found)}


def test_the_first_broken_stage_is_marked_and_later_ones_are_wrong():
    seen = states(
        finding(
            Verdict.FAIL,
            Stage.RULE,
            (Stage.STORE, "postgres", 1, 1, True),
            (Stage.RULE, "core-0", 1, 2, False),
            (Stage.THANOS, "query", 1, 2, False),
        )
    )
    assert list(seen) == list(CHAIN)
    assert (seen[Stage.STORE], seen[Stage.RULE], seen[Stage.THANOS]) == ("ok", "broken", "wrong")
    assert {seen[stage] for stage in CHAIN if stage not in (Stage.STORE, Stage.RULE, Stage.THANOS)} == {"unseen"}


def test_a_stage_that_broke_without_evidence_says_so():
    cell = next(cell for cell in strip(finding(Verdict.FAIL, Stage.RECEIVER)) if cell.state == "broken")
    assert (cell.stage, cell.value, cell.word) == (Stage.RECEIVER, "no value", "breaks here")


def test_replicas_that_agree_show_one_value_and_else_the_wrong_one():
    agreed = finding(Verdict.PASS, None, (Stage.RULE, "a", 1, 1, True), (Stage.RULE, "b", 1, 1, True))
    split = finding(Verdict.FAIL, Stage.RULE, (Stage.RULE, "a", 1, 1, True), (Stage.RULE, "b", 1, None, False))
    value = {found.verdict: next(c.value for c in strip(found) if c.stage is Stage.RULE) for found in (agreed, split)}
    assert value == {Verdict.PASS: "1", Verdict.FAIL: "absent"}


def test_a_pass_has_no_broken_stage_even_if_one_is_named():
    assert "broken" not in states(finding(Verdict.PASS, Stage.RULE, (Stage.RULE, "a", 1, 1, True))).values()


def test_other_stages_appear_only_where_spoken_of():
    with_bucket = states(finding(Verdict.FAIL, Stage.BUCKET, (Stage.THANOS, "q", 1, 1, True)))
    assert (
        list(with_bucket).index(Stage.RULE)
        < list(with_bucket).index(Stage.BUCKET)
        < list(with_bucket).index(Stage.THANOS)
    )
    assert next(iter(states(finding(Verdict.INCONCLUSIVE, Stage.LOAD, (Stage.RULE, "a", 1, 1, True))))) is Stage.LOAD
    assert strip(finding(Verdict.INCONCLUSIVE, Stage.LOAD)) == ()
    assert strip(finding(Verdict.INCONCLUSIVE, None)) == ()


def test_a_big_value_is_only_counted():
    many = {f"value_{n}": n / 7 for n in range(5)}
    found = finding(Verdict.PASS, None, (Stage.REST, "dora", many, many, True), (Stage.RULE, "core-0", 1, 1 / 3, True))
    assert [cell.value for cell in strip(found) if cell.value] == ["5 values", "0.333333"]


def test_evidence_that_is_cut_keeps_what_is_wrong_and_its_order():
    found = finding(Verdict.FAIL, Stage.RULE, *((Stage.RULE, f"part-{n}", 1, 1, n not in (6, 8)) for n in range(10)))
    assert [line.source for line in shown_evidence(found, 4)] == ["part-0", "part-1", "part-6", "part-8"]
    assert shown_evidence(found, 10) == list(found.evidence)


def test_a_note_says_what_the_value_is_of_only_where_there_are_several():
    line = Observation(Stage.RULE, "core-0", 1, 2, False, "late", subject={"team": "a", "metric": "m"})
    common = Observation(Stage.STORE, "postgres", 1, 1, True, "rows")
    one = Finding("e", "c", Verdict.FAIL, 1, 2, "r", evidence=(line, common, line))
    assert noted(one, line) == "late"
    other = Observation(Stage.RULE, "core-0", 1, 1, True, subject={"team": "b", "metric": "m"})
    several = Finding("e", "c", Verdict.FAIL, 1, 2, "r", evidence=(line, common, other))
    assert [noted(several, seen) for seen in (line, common, other)] == [
        "metric m, team a: late",
        "rows",
        "metric m, team b",
    ]
