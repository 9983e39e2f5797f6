"""The proof itself: that it compares, that it can fail, and that a seed gives the same series again."""

import dataclasses
import math

import pytest

from fawkes.harness.oracle import promql
from fawkes.harness.oracle.promql_proof import histograms
from fawkes.harness.oracle.promql_proof.comparison import Proof, Tally, compare, prove, relative_error
from fawkes.harness.oracle.promql_proof.mutants import MUTANTS, Mutant, notice
from fawkes.harness.oracle.promql_proof.questions import Port, questions
from fawkes.harness.oracle.promql_proof.series import INSTANTS_MS, counters

SERIES = [*counters("7", 20), *histograms.scraped("7", 2), *histograms.bare("7", 2)]
QUESTIONS = questions(SERIES)


def right_answers():
    """What a Prometheus would say that computes as we do."""
    port = Port(promql)
    return {
        question.expr: {
            key: {at_ms: value for at_ms in INSTANTS_MS if (value := question.compute(port, key, at_ms)) is not None}
            for key in question.elements
        }
        for question in QUESTIONS
    }


@pytest.mark.parametrize(
    ("ours", "theirs", "error"),
    [
        (None, None, 0.0),
        (math.nan, math.nan, 0.0),
        (math.inf, math.inf, 0.0),
        (0.0, -0.0, 0.0),
        (1.0, 1.0 + 2**-52, 2**-52),
        (2.0, 1.0, 0.5),
        (1e308, -1e308, 2.0),
        (None, 0.0, math.inf),
        (0.0, None, math.inf),
        (0.0, math.nan, math.inf),
        (math.inf, 1.0, math.inf),
        (math.inf, -math.inf, math.inf),
    ],
)
def test_the_error_is_relative_and_infinite_where_a_number_faces_none(ours, theirs, error):
    assert relative_error(ours, theirs) == pytest.approx(error, abs=1e-17)


def test_answers_like_ours_leave_no_disagreement():
    proof = prove(QUESTIONS, right_answers(), Port(promql))
    assert proof.disagreements == []
    assert proof.compared == sum(len(q.elements) for q in QUESTIONS) * len(INSTANTS_MS)


@pytest.mark.parametrize("change", [lambda value: value * (1 + 1e-8), lambda _: None, lambda _: math.nan])
def test_one_answer_that_is_off_is_a_disagreement(change):
    answers = right_answers()
    question = QUESTIONS[0]
    key, at_ms = next((k, t) for k, by in answers[question.expr].items() for t, value in by.items() if value > 0)
    answers[question.expr][key][at_ms] = change(answers[question.expr][key][at_ms])
    (worst,) = prove(QUESTIONS, answers, Port(promql)).disagreements
    assert (worst.question, worst.key, worst.at_ms) == (question, key, at_ms)


def test_an_answer_to_what_was_not_stored_is_refused():
    answers = right_answers()
    answers[QUESTIONS[0].expr]["stranger"] = {INSTANTS_MS[0]: 1.0}
    with pytest.raises(ValueError, match="stranger"):
        prove(QUESTIONS, answers, Port(promql))


def test_batches_add_up():
    whole, answers = Proof(), right_answers()
    for _ in range(2):
        whole.join(prove(QUESTIONS, answers, Port(promql)))
    once = prove(QUESTIONS, answers, Port(promql))
    assert whole.compared == 2 * once.compared
    assert whole.branches == once.branches + once.branches
    assert whole.tallies["rate"].values == 2 * once.tallies["rate"].values


def test_a_tally_keeps_the_worst():
    question = QUESTIONS[0]
    key, answers = next((k, by) for k, by in right_answers()[question.expr].items() if by)
    tally = Tally()
    for one in compare(question, {key: answers}, Port(promql), [key]):
        tally.add(one)
        tally.add(one._replace(theirs=1e9))
    assert tally.worst.theirs == 1e9
    assert tally.compared == 2 * len(INSTANTS_MS)


def test_the_right_port_is_no_mutant():
    same = Mutant("nothing changed", "range", "_THRESHOLD = 1.1", "_THRESHOLD = 1.1")
    assert notice(same, QUESTIONS, right_answers(), keys_max=20) is None


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_mutant_is_another_port(mutant):
    assert mutant.old != mutant.new
    wrong = mutant.module()
    assert all(callable(getattr(wrong, name)) for name in ("increase", "rate", "histogram_quantile", "guarded_ratio"))


def test_a_mutant_of_text_that_is_gone_is_refused():
    gone = dataclasses.replace(MUTANTS[0], old="no such text")
    with pytest.raises(ValueError, match="0 times"):
        gone.module()


def test_a_seed_gives_the_same_series_again_and_another_seed_others():
    assert stored("7") == stored("7")
    assert stored("7") != stored("8")


def stored(seed):
    some = [*counters(seed, 20), *histograms.scraped(seed, 2), *histograms.bare(seed, 2)]
    return [(one.labels, repr(one.stored)) for one in some]


def test_samples_are_in_time_order_and_never_two_at_once():
    for one in SERIES:
        times_ms = [at_ms for at_ms, _ in one.stored]
        assert times_ms == sorted(set(times_ms))
