"""What reports say of DORA values: a cell per stage, and which differ."""

import dataclasses

from fawkes.harness.model import ChainLink, DoraChain, Stage
from fawkes.reports.dora import about, brief, chain_cell, chain_counts, differing, stages_of, whole

SUBJECT = {"environment": "production", "metric": "lead_time_p50_s", "team": "payments", "window": "30d"}


def chain(**seen):
    """Stage -> (value, ok)."""
    links = tuple(ChainLink(Stage(stage), value, ok, f"{stage}-0") for stage, (value, ok) in seen.items())
    return DoraChain("s", "e", SUBJECT, 7200, links)


BROKEN = chain(event=(7200, True), rest=(7200, True), rule=(120.0, False), thanos=(120.0, False))
WHOLE = chain(event=(7200, True), rest=(7200, True))


def test_the_counts_say_where_values_first_differ(mixed):
    run = dataclasses.replace(mixed, dora=(BROKEN, chain(thanos=(1, False)), WHOLE, WHOLE))
    assert chain_counts(run) == ("4 followed, 2 the same at every stage; different: 1 first at rule, 1 first at thanos")
    assert (len(differing(run)), len(whole(run))) == (2, 2)
    assert chain_counts(dataclasses.replace(mixed, dora=(WHOLE,))) == "1 followed, 1 the same at every stage"


def test_the_first_stage_that_differs_is_marked_apart_from_those_it_misled():
    cells = {stage: chain_cell(BROKEN, stage) for stage in Stage}
    states = {stage.value: cell.state for stage, cell in cells.items() if cell.state != "unseen"}
    assert states == {"event": "same", "rest": "same", "rule": "broken", "thanos": "wrong"}
    assert (cells[Stage.RULE].value, cells[Stage.RULE].source) == ("120", "rule-0")


def test_only_stages_that_were_looked_at_have_a_column_and_event_only_where_it_contradicts_the_oracle():
    assert stages_of([BROKEN, WHOLE]) == [Stage.REST, Stage.RULE, Stage.THANOS]
    assert stages_of([chain(event=(1, False))]) == [Stage.EVENT]


def test_a_value_is_named_by_its_metric_and_the_rest_of_its_subject_team_first():
    assert about(BROKEN) == ("lead_time_p50_s", "payments, production, 30d")


def test_whole_numbers_keep_their_digits_and_nothing_is_absent():
    assert [brief(value) for value in (15552000.0, 1.142857142857143, 0.2, None)] == [
        "15552000",
        "1.14286",
        "0.2",
        "absent",
    ]
