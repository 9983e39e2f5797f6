"""The driver against a transport that answers as a test says; time passes only when it waits."""

import json

import httpx
import pytest
from pydantic import ValidationError

from fawkes.load.post_alerts import PostAlerts, PostAlertsSpec

NOW_S = 1_772_323_200.0
DOWN = {"labels": {"alertname": "Down", "team": "search"}, "fires": "1m", "ends": "4m"}


class Platform:
    """The World as far as the driver needs it: two Alertmanagers on a clock ten times as fast."""

    run_id, seed, clock_factor = "run-1", 7, 10.0

    def __init__(self, answer=lambda request: httpx.Response(200)):
        self.passed_s, self.requests, self.records = 0.0, [], []

        def handle(request):
            self.requests.append((round(self.passed_s, 3), request))
            return answer(request)

        self.http = httpx.Client(transport=httpx.MockTransport(handle))

    def replicas(self, app):
        return {"alertmanager-main": ["alertmanager-main-0", "alertmanager-main-1"]}[app]

    def url(self, part, port="http"):
        return f"http://{part}.test"

    def now_s(self):
        return NOW_S + self.passed_s

    def poll_for(self, seconds, tick=None):
        self.passed_s += max(0.0, seconds)

    def record(self, kind, /, **data):
        json.dumps(data)
        self.records.append((kind, data))

    def posted(self, host):
        return [(at_s, json.loads(r.content)[0]) for at_s, r in self.requests if r.url.host == f"{host}.test"]


def run(platform, **fields):
    spec = PostAlertsSpec.model_validate({"do": "post_alerts", "lasts": "5m", **fields})
    PostAlerts().run(spec, platform, platform.record)
    return [data for _, data in platform.records]


def stamp(at_s):
    return f"2026-03-01T00:00:{at_s:09.6f}Z"


def test_an_alert_is_posted_to_every_replica_while_it_fires_and_once_when_it_ends():
    platform = Platform()
    run(platform, alerts=[DOWN])
    for part in platform.replicas("alertmanager-main"):
        assert [(at_s, body["endsAt"]) for at_s, body in platform.posted(part)] == [
            (6.0, stamp(30.0)),
            (12.0, stamp(36.0)),
            (18.0, stamp(42.0)),
            (24.0, stamp(24.0)),
        ]
        assert {body["startsAt"] for _, body in platform.posted(part)} == {stamp(6.0)}
    assert platform.passed_s == 30.0, "the workload lasts five minutes on a clock ten times as fast"


def test_every_post_is_recorded_with_what_each_replica_answered():
    def answer(request):
        if request.url.host.endswith("-1.test"):
            raise httpx.ConnectError("refused")
        return httpx.Response(400)

    records = run(Platform(answer), alerts=[DOWN])
    assert records[0] == {
        "labels": DOWN["labels"],
        "starts_s": NOW_S + 6,
        "ends_s": NOW_S + 30,
        "began_s": NOW_S + 6,
        "ended_s": NOW_S + 6,
        "status": {"alertmanager-main-0": 400, "alertmanager-main-1": None},
    }


def test_a_silence_is_made_at_the_first_replica_and_ended_there():
    platform = Platform(lambda request: httpx.Response(200, json={"silenceID": "s1"}))
    silence = {"matchers": ["team =~ a|b", "job != x"], "at": "10s", "until": "1h", "expire": "2m"}
    run(platform, alerts=[DOWN], silences=[silence])
    calls = [(at_s, r.method, str(r.url)) for at_s, r in platform.requests if "silence" in r.url.path]
    first = "http://alertmanager-main-0.test/api/v2"
    assert calls == [(1.0, "POST", f"{first}/silences"), (12.0, "DELETE", f"{first}/silence/s1")]
    body = json.loads(next(r.content for _, r in platform.requests if r.url.path.endswith("/silences")))
    assert body["matchers"] == [
        {"name": "team", "value": "a|b", "isRegex": True, "isEqual": True},
        {"name": "job", "value": "x", "isRegex": False, "isEqual": False},
    ]
    silenced, expired = (
        next(data for kind, data in platform.records if kind == wanted) for wanted in ("silenced", "silence_expired")
    )
    assert (silenced["id"], silenced["status"], silenced["ends_s"]) == ("s1", 200, NOW_S + 360)
    assert expired == {"id": "s1", "ends_s": NOW_S + 12, "status": 200}


def test_a_silence_that_was_refused_is_recorded_without_an_id_and_its_end_is_not_asked_for():
    platform = Platform(lambda r: httpx.Response(400 if "silence" in r.url.path else 200, text="too large"))
    run(platform, alerts=[DOWN], silences=[{"matchers": ["a = b"], "until": "4m", "expire": "2m"}])
    found = {kind: data for kind, data in platform.records if kind != "alert_posted"}
    assert (found["silenced"]["id"], found["silenced"]["status"]) == (None, 400)
    assert found["silence_expired"]["status"] is None
    assert "DELETE" not in {r.method for _, r in platform.requests}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"alerts": [{"labels": {"team": "x"}, "ends": "1m"}]}, "lack `alertname`"),
        ({"alerts": [{**DOWN, "ends": "1m"}]}, "Down ends before it fires"),
        ({"alerts": [{**DOWN, "ends": "6m"}]}, "Down ends after the workload; make `lasts` longer"),
        ({"alerts": [DOWN], "silences": [{"matchers": ["oops"], "until": "1m"}]}, "'oops' is no matcher"),
        ({"alerts": [DOWN], "silences": [{"matchers": ["a=b"], "until": "1m", "expire": "2m"}]}, "must begin"),
    ],
)
def test_a_script_that_makes_no_sense_is_refused(fields, said):
    with pytest.raises(ValidationError, match=said):
        PostAlertsSpec.model_validate({"do": "post_alerts", "lasts": "5m", **fields})
