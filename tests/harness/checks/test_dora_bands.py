"""Bands of teams of which each band is reached: what is accepted, what is rejected, and when nothing is known."""

from datetime import UTC, datetime

import pytest

from fawkes.harness.checks.dora_bands import DoraBandsExpectation, check_dora_bands
from fawkes.harness.model import History, Record, Stage, Verdict

NOW_S, DAY_S = 1_772_323_200.0, 86400.0
MONTH = (NOW_S - 30 * DAY_S, NOW_S)


def sent(team, number, kind, days_ago, http=201, **data):
    event = {
        "source": "//t",
        "id": f"{team}-{number}",
        "type": f"dev.fawkes.{kind}",
        "time": datetime.fromtimestamp(NOW_S - days_ago * DAY_S, UTC).isoformat(),
        "data": {"team": team, "service": "shop", "environment": "production", **data},
    }
    return Record(NOW_S, 0.0, "event", {"event": event, "kind": kind, "status": http, "ack": "stored"})


def deployment(team):
    """One in the month, two hours after its commit."""
    return [
        sent(team, 1, "commit", 10, sha="a"),
        sent(team, 2, "deployment_completed", 10 - 2 / 24, deployment_id="d", commit_sha="a", status="success"),
    ]


EVENTS = deployment("payments")
# One a month: high in 2021, medium later. 2 h: high in 2021, elite later. Never failed: elite.
BANDS = {
    "2021": {
        "deployment_frequency_per_day": "high",
        "lead_time_seconds": "high",
        "change_failure_ratio": "elite",
        "time_to_restore_seconds": "insufficient_data",
        "overall": "high",
    },
    "2023": {
        "deployment_frequency_per_day": "medium",
        "lead_time_seconds": "elite",
        "change_failure_ratio": "elite",
        "failed_deployment_recovery_seconds": "insufficient_data",
        "overall": "medium",
    },
}
BANDS["2024"] = BANDS["2023"]
LEVELS = {"deployment_frequency_per_day": 1, "lead_time_seconds": 3, "change_failure_ratio": 3, "overall": 1}


def api(edition, bands, window="30d"):
    about = {"expectation": "bands", "stage": "rest", "source": "dora-0", "team": "payments", "window": window}
    return Record(
        NOW_S, 0.0, "bands", {**about, "edition": edition, "from_s": MONTH[0], "to_s": MONTH[1], "bands": bands}
    )


def exporter(levels):
    about = {"expectation": "bands", "stage": "exporter", "source": "dora-0", "team": "payments", "window": "30d"}
    return Record(NOW_S, 0.0, "bands", {**about, "from_s": MONTH[0], "to_s": MONTH[1], "levels": levels})


def right():
    return [*(api(edition, bands) for edition, bands in BANDS.items()), exporter(LEVELS)]


def judge(records, events=EVENTS):
    return check_dora_bands(DoraBandsExpectation(name="bands"), History([*events, *records]))


def test_right_bands_are_not_enough_while_some_edge_was_never_tried():
    found = judge(right())
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "an edge was not tried" in found.reason
    assert all(line.ok for line in found.evidence)


@pytest.mark.parametrize("edition", BANDS)
@pytest.mark.parametrize("band", ["low", "elite", None])
def test_a_wrong_band_fails_at_the_api(edition, band):
    wrong = api(edition, {**BANDS[edition], "overall": band})
    found = judge([wrong, *right()])
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.REST)
    assert f"overall of payments over 30d, edition {edition}" in found.reason
    assert (found.observed, found.expected) == (band, BANDS[edition]["overall"])


@pytest.mark.parametrize(
    "levels", [{**LEVELS, "overall": 2}, {**LEVELS, "failed_deployment_recovery_seconds": 0}, {}, None]
)
def test_a_wrong_level_fails_at_the_exporter(levels):
    found = judge([*right()[:3], exporter(levels)])
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.EXPORTER)


def test_silence_is_not_right():
    found = judge([api("2021", None), *right()])
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.REST)


def test_an_event_that_was_not_acknowledged_fails_at_the_event():
    found = judge(right(), [*EVENTS, sent("payments", 3, "commit", 5, http=500, sha="b")])
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.EVENT)


@pytest.mark.parametrize(
    ("events", "records"),
    [([], right()), (EVENTS, []), (EVENTS, right()[:3]), (EVENTS, right()[3:])],
    ids=["no events", "nothing", "no exporter", "no api"],
)
def test_without_data_it_is_inconclusive(events, records):
    assert judge(records, events).verdict is Verdict.INCONCLUSIVE
