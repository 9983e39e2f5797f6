"""The query mix: right answers pass, and every way of being wrong is named."""

import copy
import json
import random

import pytest

from fawkes.load.queries import DEFAULT_WEIGHTS, KINDS, QueryMix, Window
from fawkes.load.series import SeriesPlan

PLAN = SeriesPlan(run_id="r1", seed=7, series=1200, churn_per_generation=300, epoch_s=10_000.0, generation_s=10.0)
WINDOW = Window(start_s=10_003.25, scrape_interval_s=5.0)
AT_S = 10_093.5
MIX = QueryMix(PLAN, WINDOW, dict.fromkeys(KINDS, 1.0))


def query(kind):
    return MIX.one(kind, AT_S, random.Random(3))


@pytest.fixture
def right(known_answers):
    answer = known_answers(PLAN)
    return lambda asked: json.loads(answer(asked.path)[1])


@pytest.mark.parametrize("kind", KINDS)
def test_the_right_answer_is_right(kind, right):
    asked = query(kind)
    assert asked.verify(right(asked)) is None


def samples(answer):
    for row in answer["data"]["result"]:
        yield from row.get("values", [row.get("value")])


@pytest.mark.parametrize("kind", KINDS)
def test_any_changed_number_is_wrong(kind, right):
    asked, answer = query(kind), right(query(kind))
    for place in range(len(list(samples(answer)))):
        changed = copy.deepcopy(answer)
        sample = list(samples(changed))[place]
        sample[1] = str(int(sample[1]) + 1)
        assert "expected" in asked.verify(changed)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_answer_is_wrong(kind, right):
    answer = right(query(kind))
    answer["data"]["result"] = []
    assert "got 0" in query(kind).verify(answer)


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_about_another_instant_is_wrong(kind, right):
    answer = right(query(kind))
    for sample in samples(answer):
        sample[0] += 1
    assert query(kind).verify(answer) is not None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "junk", [None, [], 7, {}, {"status": "success"}, {"status": "success", "data": {"result": [{"metric": 1}]}}]
)
def test_junk_is_wrong_and_never_raises(kind, junk):
    assert isinstance(query(kind).verify(junk), str)


def test_an_api_error_is_named():
    answer = {"status": "error", "errorType": "execution", "error": "too many samples"}
    assert "too many samples" in query("count_all").verify(answer)


def test_a_series_twice_in_place_of_another_is_wrong(right):
    answer = right(query("stable_topk"))
    rows = answer["data"]["result"]
    rows[:] = [*rows[:-1], rows[0]] if len(rows) > 1 else rows * 2
    assert query("stable_topk").verify(answer) is not None


def test_a_stale_generation_is_wrong_even_if_its_sum_is_right(known_answers):
    asked = query("shard_sum")
    stale_path = MIX.one("shard_sum", AT_S - 30, random.Random(3)).path
    answer = json.loads(known_answers(PLAN)(stale_path)[1])
    for sample in samples(answer):
        sample[0] = AT_S
    assert "expected a generation from 9 to 10, got 7" in asked.verify(answer)


def test_a_sum_of_the_generation_before_beside_the_new_one_is_wrong(right):
    answer = right(query("shard_sum"))
    named = next(row for row in answer["data"]["result"] if "run_id" in row["metric"])
    assert named["value"][1] == "10"
    named["value"][1] = "9"
    assert "expected" in query("shard_sum").verify(answer)


def test_nothing_before_the_first_scrape_is_asked_for(right):
    for kind in KINDS:
        early = MIX.one(kind, WINDOW.start_s - 100, random.Random(1))
        assert early.at_s == WINDOW.start_s
        assert early.verify(right(early)) is None


def test_a_range_is_a_minute_or_what_there_is():
    assert "start=10033.500&end=10093.500&step=5" in query("stable_range").path
    assert "start=10003.500&end=10013.500" in MIX.one("stable_range", 10_013.5, random.Random(1)).path


def test_queries_are_about_settled_scrapes_and_repeat_with_the_seed():
    sent_s = [10_100.0 + n / 10 for n in range(50)]
    drawn = MIX.draw(sent_s, random.Random(5))
    assert [one.at_s for one in drawn] == [round(at_s - 10, 3) for at_s in sent_s]
    assert [one.path for one in drawn] == [one.path for one in MIX.draw(sent_s, random.Random(5))]
    assert [one.path for one in drawn] != [one.path for one in MIX.draw(sent_s, random.Random(6))]


def test_every_kind_is_drawn_if_there_is_room_however_rare():
    mix = QueryMix(PLAN, WINDOW, {**DEFAULT_WEIGHTS, "count_all": 1e-9})
    for seed in range(20):
        drawn = mix.draw([AT_S] * 10, random.Random(seed))
        assert {one.kind for one in drawn} == set(KINDS)
        assert len(mix.draw([AT_S] * 3, random.Random(seed))) == 3


def test_only_weighted_kinds_are_drawn():
    mix = QueryMix(PLAN, WINDOW, {"stable_instant": 1, "count_all": 0})
    assert {one.kind for one in mix.draw([AT_S] * 20, random.Random(1))} == {"stable_instant"}
    with pytest.raises(ValueError, match="positive weight"):
        QueryMix(PLAN, WINDOW, {"count_all": 0})
