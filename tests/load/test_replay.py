"""The replay driver against an HTTP transport that answers as a test says; time passes only when it waits."""

import hashlib
import hmac
import json
from types import SimpleNamespace

import httpx
import pytest
from pydantic import ValidationError

from fawkes.harness.eventually import eventually, poll_for
from fawkes.load.histories import history_path, load_history
from fawkes.load.replay import Replay, ReplaySpec
from fawkes.load.sender import RETRY_WITHIN_S
from still_clock import StillClock

SECRET = "s3cret-of-this-run"
NOW_S = 1_772_323_200.0 + 5 * 3600


class Platform:
    """The World as far as a replay needs it, over a transport instead of a network."""

    run_id, seed = "run-1", 7

    def __init__(self, answer):
        self.time, self.requests = StillClock(), []

        def handle(request):
            self.requests.append(request)
            got = answer(request, len(self.requests))
            return got if isinstance(got, httpx.Response) else httpx.Response(got)

        self.http = httpx.Client(transport=httpx.MockTransport(handle))

    def replicas(self, app):
        return {"dora": ["dora-0"]}[app]

    def url(self, part, port="http"):
        return f"http://{part}.test"

    def secret(self, name):
        return {"dora-webhook": SECRET}[name]

    def now_s(self):
        return NOW_S + self.time.passed_s

    def eventually(self, what, probe, expect, *, within_s):
        return eventually(what, probe, expect, within_s=within_s, clock=self.time)

    def poll_for(self, seconds, tick=None):
        poll_for(seconds, tick, clock=self.time)


def replay(answer, **spec):
    """The platform after a replay, and what was recorded."""
    platform, records, answers = Platform(answer), [], []

    def record(kind, /, **data):
        {"event": records, "answers": answers}[kind].append(data)

    with platform.http:
        Replay().run(ReplaySpec(do="replay", history="golden", **spec), platform, record)
    return SimpleNamespace(platform=platform, records=records, answers=answers)


def stored(request, number):
    return 201


def refuse_connection(request, number):
    raise httpx.ConnectError("refused", request=request)


def test_every_event_is_posted_once_signed_to_its_endpoint():
    got = replay(stored)
    golden = load_history(history_path("golden")).events(NOW_S // 86400 * 86400, "run-1")
    assert [json.loads(r.content) for r in got.platform.requests] == golden
    for request in got.platform.requests:
        signature = hmac.new(SECRET.encode(), request.content, hashlib.sha256).hexdigest()
        assert request.headers["X-Hub-Signature-256"] == f"sha256={signature}"
        assert request.headers["Content-Type"] == "application/cloudevents+json"
        kind = json.loads(request.content)["type"].removeprefix("dev.fawkes.").split("_")[0]
        assert request.url.path == f"/webhook/{kind}"


def test_each_event_is_recorded_with_what_became_of_it():
    answers = {1: 201, 2: 200, 3: 409, 4: 500}
    got = replay(lambda request, number: answers.get(number, 201))
    assert [(r["status"], r["ack"]) for r in got.records[:5]] == [
        (201, "stored"),
        (200, "duplicate"),
        (409, "refused"),
        (500, "refused"),
        (201, "stored"),
    ]
    assert [r["kind"] for r in got.records[:3]] == ["commit", "commit", "build"]
    assert all(r["latency_s"] >= 0 for r in got.records)
    assert SECRET not in json.dumps(got.records)


def test_a_lost_connection_is_tried_again_with_the_same_event():
    def flaky(request, number):
        return refuse_connection(request, number) if number in (3, 4) else 201

    got = replay(flaky)
    bodies = [r.content for r in got.platform.requests]
    assert bodies[2] == bodies[3] == bodies[4]
    assert got.records[2]["attempts"] == 3
    assert got.records[2]["ack"] == "stored"
    assert len(got.records) == len({r["event"]["id"] for r in got.records})


def test_a_service_that_is_gone_is_waited_for_once_and_every_event_is_recorded_as_lost():
    got = replay(refuse_connection)
    assert {(r["status"], r["ack"], r["latency_s"]) for r in got.records} == {(0, "lost", None)}
    assert got.platform.time.passed_s == pytest.approx(RETRY_WITHIN_S, rel=0.02)
    assert got.records[-1]["attempts"] == 1


def test_a_service_that_starts_is_tried_again_until_it_takes_the_event():
    got = replay(lambda request, number: 503 if number in (3, 4) else 201)
    assert (got.records[2]["attempts"], got.records[2]["ack"]) == (3, "stored")


def test_a_service_that_never_gets_ready_refuses():
    got = replay(lambda request, number: 503)
    assert {(r["status"], r["ack"]) for r in got.records} == {(503, "refused")}


def test_shuffled_is_the_same_events_in_an_order_the_seed_decides():
    def order(**spec):
        return [r["event"]["id"] for r in replay(stored, **spec).records]

    plain, shuffled = order(), order(order="shuffled")
    assert shuffled == order(order="shuffled")
    assert shuffled != plain
    assert sorted(shuffled) == sorted(plain)


def test_copies_are_the_whole_history_again():
    got = replay(stored, copies=3)
    ids = [r["event"]["id"] for r in got.records]
    assert ids == ids[: len(ids) // 3] * 3


def test_the_answers_worked_out_by_hand_are_on_record():
    (answers,) = replay(stored).answers
    assert (answers["team"], answers["environment"], answers["window_s"]) == ("payments", "production", 30 * 86400)
    assert answers["answers"]["lead_time_p50_s"] == 7200


def test_a_rate_spreads_the_events_over_time():
    got = replay(stored, rate_per_s=2.0)
    assert got.platform.time.passed_s == pytest.approx((len(got.records) - 1) / 2)


def test_a_replay_adds_no_parts():
    assert Replay().components(ReplaySpec(do="replay", history="golden"), SimpleNamespace()) == ()


@pytest.mark.parametrize("wrong", [{"history": "../golden"}, {"history": "golden", "rate_per_s": 0}])
def test_a_wrong_spec_is_refused(wrong):
    with pytest.raises(ValidationError):
        ReplaySpec(do="replay", **wrong)
