from fawkes.harness.model import History, Record
from fawkes.harness.timeline import timeline


def marks(*records):
    found = timeline(History([Record(0.0, 0.0, kind, data) for kind, data in records]))
    return [(mark.at_s, mark.lane, mark.label, mark.until_s) for mark in found]


def test_a_posted_alert_is_one_span_as_its_last_post_had_it():
    post = {"labels": {"alertname": "Down", "team": "a"}, "starts_s": 5.0, "ends_s": 60.0}
    end, again = post | {"ends_s": 9.0}, post | {"starts_s": 20.0}
    assert marks(("alert_posted", post), ("alert_posted", end), ("alert_posted", again)) == [
        (5.0, "posted", "Down", 9.0),
        (20.0, "posted", "Down", 60.0),
    ]


def test_a_silence_is_a_span():
    silence = {"matchers": ["a = b", "c = d"], "starts_s": 5.0, "ends_s": 9.0}
    assert marks(("silenced", silence)) == [(5.0, "silence", "a = b, c = d", 9.0)]
