from fawkes.harness.model import History, Record
from fawkes.harness.summary.timeline import timeline


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


def test_a_scripted_target_is_marked_at_each_change_and_silence_on_the_live_clock():
    steps = [{"at": "0s", "value": 1}, {"at": "1m", "value": 2.5e9}, {"at": "2m", "value": None}]
    data = {
        "part": "node-exporter-0",
        "began_s": 1000.0,
        "clock_factor": 60.0,
        "series": [{"name": "free", "steps": steps}, {"name": "c", "labels": {"pod": "app-1"}, "steps": steps[:2]}],
        "silent": [{"at": "5m", "lasts": "1m"}],
    }
    assert marks(("exposed", data)) == [
        (1001.0, "script", "app-1 c 2.5e+09", None),
        (1001.0, "script", "node-exporter-0 free 2.5e+09", None),
        (1002.0, "script", "node-exporter-0 free gone", None),
        (1005.0, "script", "node-exporter-0 silent", 1006.0),
    ]


def test_an_alert_is_a_span_for_each_episode_as_who_read_it_last_has_seen_it():
    labels = {"__name__": "ALERTS", "alertname": "Down", "alertstate": "firing"}
    early, late = ([[at_s, 1] for at_s in times] for times in ([1.0, 2.0], [1.0, 2.0, 3.0, 9.0, 10.0]))
    read = [("series", {"source": "core-0", "labels": labels, "samples": samples}) for samples in (early, late)]
    assert marks(*read) == [(1.0, "Down on core-0", "firing", 3.0), (9.0, "Down on core-0", "firing", 10.0)]


def test_a_message_that_two_expectations_have_read_is_one_mark_and_two_alerts_in_it_are_two():
    entry = {"receiver": "email", "received_s": 5.0, "alert": "Down", "status": "firing"}
    one, other = entry | {"id": 1}, entry | {"id": 2}
    assert len(marks(("received", one), ("received", other), ("received", one))) == 2
