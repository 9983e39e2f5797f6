"""What arrives, in which order, and that nothing is made up or lost on the way."""

import random
from collections import Counter
from datetime import datetime

import pytest
from pydantic import ValidationError

from fawkes.load.organisation.delivery import DeliverySpec, deliveries
from fawkes.load.organisation.organisation import Organisation

EVENTS = list(Organisation(seed=7, run_id="r", ends_s=1_772_323_200.0, days=60, teams=5).events())


def delivered(seed=1, **spec):
    return list(deliveries(EVENTS, DeliverySpec.model_validate(spec), random.Random(seed)))


def identity(event):
    return event["source"], event["id"]


def test_nothing_befalls_an_ordinary_delivery():
    assert [d.event for d in delivered()] == EVENTS


def test_the_seed_decides_the_order():
    assert delivered(shuffled="1d") == delivered(shuffled="1d")
    assert delivered(shuffled="1d") != delivered(seed=2, shuffled="1d")


def test_shuffled_events_are_the_same_events():
    got = [d.event for d in delivered(shuffled="1d")]
    assert got != EVENTS
    assert sorted(got, key=identity) == sorted(EVENTS, key=identity)


def test_the_stated_share_arrives_twice_the_second_time_after_the_first():
    got = [identity(d.event) for d in delivered(duplicate_percent=10, shuffled="1d")]
    twice = [who for who, times in Counter(got).items() if times == 2]
    assert len(twice) / len(EVENTS) == pytest.approx(0.1, abs=0.02)
    assert len(got) == len(EVENTS) + len(twice)


def test_a_conflict_follows_the_event_that_it_contradicts():
    seen = {}
    for delivery in delivered(conflict_percent=5, duplicate_percent=10, shuffled="1d"):
        who = identity(delivery.event)
        if delivery.is_conflict:
            assert delivery.event != seen[who]
            assert delivery.event["data"] == seen[who]["data"]
        else:
            assert seen.setdefault(who, delivery.event) == delivery.event
    assert len(seen) == len(EVENTS)


def test_the_late_ones_arrive_after_what_happened_a_week_later():
    got = [d.event for d in delivered(late_percent=10)]
    newest_s, late = 0.0, 0
    for event in got:
        occurred_s = datetime.fromisoformat(event["time"]).timestamp()
        late += occurred_s < newest_s - 6 * 86400
        newest_s = max(newest_s, occurred_s)
    assert late / len(EVENTS) == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize("wrong", [{"late_percent": 101}, {"shuffled": "-1s"}, {"lost_percent": 1}])
def test_a_wrong_delivery_is_refused(wrong):
    with pytest.raises(ValidationError):
        DeliverySpec.model_validate(wrong)
