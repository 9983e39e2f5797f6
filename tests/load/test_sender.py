"""Many connections at once: everything is sent once, and what belongs together stays in order."""

import json
import threading
from collections import defaultdict

import httpx
import pytest

from fawkes.harness.eventually import RealClock, eventually
from fawkes.load.sender import Delivery, Sender, send_side_by_side
from still_clock import StillClock


class Platform:
    """The World as far as a sender needs it. Answers 201, or what `answer` says."""

    def __init__(self, answer=lambda request: 201, replicas=2):
        self.parts = [f"dora-{n}" for n in range(replicas)]
        self.time, self.lock, self.arrived, self.answer = StillClock(), threading.Lock(), [], answer
        self.http = httpx.Client(transport=httpx.MockTransport(self._take))

    def _take(self, request):
        with self.lock:
            self.arrived.append((request.url.host, json.loads(request.content)))
        return httpx.Response(self.answer(request))

    def replicas(self, app):
        return self.parts

    def url(self, part, port="http"):
        return f"http://{part}.test"

    def secret(self, name):
        return "key"

    def now_s(self):
        return self.time.passed_s

    def eventually(self, what, probe, expect, *, within_s):
        return eventually(what, probe, expect, within_s=within_s, clock=self.time)


def event(number, version=0):
    return {"source": "//t", "id": str(number), "type": "dev.fawkes.deployment_completed", "version": version}


def sent(platform, deliveries, connections=4):
    """The records, by kind."""
    records, lock = defaultdict(list), threading.Lock()

    def record(kind, /, **data):
        with lock:
            records[kind].append(data)

    with platform.http:
        send_side_by_side(Sender(platform, record), deliveries, connections=connections)
    return records


def test_everything_arrives_once_and_is_on_record_once():
    platform = Platform()
    records = sent(platform, (Delivery(event(n)) for n in range(500)))
    assert sorted(int(e["id"]) for _, e in platform.arrived) == list(range(500))
    assert sorted(int(r["event"]["id"]) for r in records["event"]) == list(range(500))
    assert {(r["kind"], r["status"], r["ack"]) for r in records["event"]} == {("deployment", 201, "stored")}


def test_what_has_one_identity_arrives_in_its_order():
    platform = Platform()
    sent(platform, [Delivery(event(n, version), is_conflict=version > 0) for version in range(5) for n in range(50)])
    versions = defaultdict(list)
    for _, one in platform.arrived:
        versions[one["id"]].append(one["version"])
    assert set(map(tuple, versions.values())) == {(0, 1, 2, 3, 4)}


def test_a_conflict_is_not_on_record_among_the_events():
    records = sent(Platform(lambda request: 409), [Delivery(event(1), is_conflict=True)])
    assert [(r["status"], r["ack"]) for r in records["conflict"]] == [(409, "refused")]
    assert not records["event"]


def test_all_replicas_of_the_service_get_events():
    platform = Platform(replicas=3)
    sent(platform, [Delivery(event(n)) for n in range(100)])
    assert {host for host, _ in platform.arrived} == {"dora-0.test", "dora-1.test", "dora-2.test"}


def test_deliveries_are_taken_as_they_are_needed():
    taken, blocked = [], threading.Event()

    def many():
        for n in range(2_000):
            taken.append(n)
            yield Delivery(event(n))

    def answer(request):
        blocked.wait(10)
        return 201

    platform = Platform(answer)
    thread = threading.Thread(target=sent, args=(platform, many(), 2))
    thread.start()
    eventually("the queues are full", lambda: len(taken), lambda n: n > 64, within_s=10, clock=RealClock())
    assert len(taken) < 1000
    blocked.set()
    thread.join()
    assert len(taken) == 2_000


def test_a_mistake_of_our_own_ends_the_sending_and_is_raised():
    def record(kind, /, **data):
        raise OSError("disk full")

    platform = Platform()
    with platform.http, pytest.raises(OSError, match="disk full"):
        send_side_by_side(Sender(platform, record), [Delivery(event(n)) for n in range(1000)], connections=2)
