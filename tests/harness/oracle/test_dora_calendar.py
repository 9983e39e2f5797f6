"""Local days: where they begin when clocks change, and which deployments they hold."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from fawkes.harness.oracle.dora import Truth
from fawkes.harness.oracle.dora_calendar import day_of_s, start_of_day_s

BERLIN = "Europe/Berlin"


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("day", "tz", "begins"),
    [
        ("2026-03-29", "UTC", "2026-03-29T00:00"),
        ("2026-03-29", BERLIN, "2026-03-28T23:00"),
        ("2026-03-30", BERLIN, "2026-03-29T22:00"),  # the 29th had 23 hours
        ("2026-10-25", BERLIN, "2026-10-24T22:00"),
        ("2026-10-26", BERLIN, "2026-10-25T23:00"),  # the 25th had 25 hours
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00"),  # no midnight: 23:59:59 was followed by 01:00
        ("2019-02-17", "America/Sao_Paulo", "2019-02-17T03:00"),  # 23:00 to 24:00 of the 16th came twice
        ("2026-11-01", "America/Havana", "2026-11-01T04:00"),  # midnight came twice; the first one counts
        ("1919-03-31", "America/Toronto", "1919-03-31T04:30"),  # 23:30 was followed by 00:30
    ],
)
def test_a_day_begins_at_its_first_instant(day, tz, begins):
    assert start_of_day_s(date.fromisoformat(day), tz) == utc(begins)


@pytest.mark.parametrize("tz", [BERLIN, "America/Sao_Paulo", "America/Havana", "Asia/Beirut", "Pacific/Apia"])
def test_no_instant_before_it_belongs_to_the_day(tz):
    zone = ZoneInfo(tz)
    for number in range(366 * 8):
        day = date(2011, 6, 1) + timedelta(days=number)
        begins = start_of_day_s(day, tz)
        if day == date(2011, 12, 30) and tz == "Pacific/Apia":
            continue  # this one never was
        assert datetime.fromtimestamp(begins, zone).date() == day
        assert datetime.fromtimestamp(begins - 1, zone).date() < day


def test_an_unknown_zone_is_refused():
    with pytest.raises(ZoneInfoNotFoundError):
        start_of_day_s(date(2026, 1, 1), "Europe/Nowhere")


def deployed(name, at, **data):
    body = {"team": "payments", "service": "checkout", "environment": "production", **data}
    body |= {"deployment_id": name, "commit_sha": "c", "status": data.get("status", "success")}
    return {"source": "//t", "id": name, "type": "dev.fawkes.deployment_completed", "time": at, "data": body}


def days_of(events, begins, ends, *, tz=BERLIN, service=None):
    got = Truth(events).calendar("payments", "production", from_s=utc(begins), to_s=utc(ends), tz=tz, service=service)
    return [(str(day.date), day.deployments, day.failed) for day in got]


def test_a_deployment_counts_on_the_local_day_of_its_completion():
    events = [
        deployed("d1", "2026-03-28T22:59:59.999999+00:00"),
        deployed("d2", "2026-03-28T23:00:00+00:00"),
        deployed("d3", "2026-03-29T21:59:59+00:00", kind="rollback"),
        deployed("d4", "2026-03-29T22:00:00+00:00", status="failure"),
        deployed("d5", "2026-03-29T22:00:00+00:00", service="basket"),
    ]
    window = ("2026-03-27T23:00", "2026-03-30T22:00")
    assert days_of(events, *window) == [("2026-03-28", 1, 0), ("2026-03-29", 2, 1), ("2026-03-30", 1, 0)]
    assert days_of(events, *window, service="basket") == [
        ("2026-03-28", 0, 0),
        ("2026-03-29", 0, 0),
        ("2026-03-30", 1, 0),
    ]


def test_a_day_that_the_window_cuts_holds_what_is_inside_only():
    events = [deployed("d1", "2026-05-01T08:00:00+00:00"), deployed("d2", "2026-05-01T12:00:00+00:00")]
    assert days_of(events, "2026-05-01T09:00", "2026-05-02T00:00", tz="UTC") == [("2026-05-01", 1, 0)]
    assert days_of(events, "2026-05-01T09:00", "2026-05-02T00:01", tz="UTC") == [
        ("2026-05-01", 1, 0),
        ("2026-05-02", 0, 0),
    ]


def test_a_day_that_a_zone_skipped_is_none():
    got = days_of([], "2011-12-29T00:00", "2011-12-31T12:00", tz="Pacific/Apia")
    assert [day for day, _, _ in got] == ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"]


def test_an_empty_window_is_refused():
    with pytest.raises(ValueError, match="empty"):
        days_of([], "2026-05-01T09:00", "2026-05-01T09:00")


def test_a_day_that_the_clocks_fall_back_into_has_ended():
    """St John's put the clocks back at 00:01, to 23:01 of the day before."""
    tz, first = "America/St_Johns", date(2010, 11, 7)
    begins = start_of_day_s(first, tz)
    shown = datetime.fromtimestamp(begins + 120, ZoneInfo(tz)).date()
    assert (shown, day_of_s(begins + 120, tz)) == (first - timedelta(days=1), first)
    assert day_of_s(begins - 1, tz) == first - timedelta(days=1)
