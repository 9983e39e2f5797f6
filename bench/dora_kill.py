"""Kill the DORA service, then its database, at random moments under load, and count what was lost or doubled.

Senders repeat each event until it is acknowledged. Afterwards every acknowledged event must be in the store, once and
as it was sent, and the REST API must say what the oracle computes from the events sent. Exit code 1 if not.

Example: .venv/bin/python bench/dora_kill.py --kills 20 --seed 1
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
from dora_parts import DATABASE, SERVICE, Parts, parts
from dora_table import live

from fawkes.harness.checks.dora import NAMES
from fawkes.harness.errors import HarnessError
from fawkes.harness.eventually import RealClock, eventually, poll_for
from fawkes.harness.observe.exposition import parse_exposition
from fawkes.harness.oracle.dora import Truth
from fawkes.harness.webhook import webhook
from fawkes.load.histories import CloudEvent

SENDERS = 8
EVENTS_MAX = 200_000
"""More than the senders get through in the longest run."""
FIRST_S, LAST_S = 0.05, 1.0
"""After the part killed last is back. The service commits every few milliseconds: before, in and after are all hit."""
ACKNOWLEDGED_WITHIN_S = 60.0
"""A killed database replays its log, and a killed service its store, in seconds; on two busy cores in a few more."""
AGAIN_AFTER_S = 0.05
ENVIRONMENTS = ("production", "staging")
DAY_S = 86_400


class NotTakenError(HarnessError):
    """The service refused an event that it should have taken; repeating will not help."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """One event, how often it was sent, and whether the service had it before the last time."""

    event: CloudEvent
    attempts: int
    was_duplicate: bool

    @property
    def identity(self) -> tuple[str, str]:
        return self.event["source"], self.event["id"]


class Queue:
    """Events in order, for several senders, until there are enough. One that was taken is sent to its end."""

    def __init__(self, events: Iterator[CloudEvent]) -> None:
        self._events, self._lock, self._enough = events, threading.Lock(), False

    def stop(self) -> None:
        self._enough = True

    def take(self) -> CloudEvent | None:
        with self._lock:
            return None if self._enough else next(self._events, None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="the first half hits the service, the rest the database")
    parser.add_argument("--seed", type=int, default=1)
    wish = parser.parse_args()
    with parts() as under_test:
        under_test.restart()
        acknowledged = under_fire(under_test, wish.kills, wish.seed)
        under_test.restart()  # what is asked below comes from the store alone
        faults = judge(under_test, acknowledged)
    repeated = [one for one in acknowledged if one.attempts > 1]
    say(f"{wish.kills} kills, {len(acknowledged)} events acknowledged, {len(repeated)} of them sent again,")
    say(f"{sum(one.was_duplicate for one in repeated)} of those stored although the kill took the first answer away")
    for fault, count in faults.items():
        say(f"{fault}: {count}")
    sys.exit(1 if any(faults.values()) else 0)


def under_fire(under_test: Parts, kills: int, seed: int) -> list[Acknowledged]:
    """Send until all kills are done. Everything that was sent is acknowledged at the end."""
    rng, clock = random.Random(seed), RealClock()
    queue = Queue(live(EVENTS_MAX, seed=seed, ends_s=time.time(), run_id="kill"))
    with ThreadPoolExecutor(SENDERS) as pool:
        sending = [pool.submit(send_all, under_test, queue) for _ in range(SENDERS)]
        try:
            for number in range(kills):
                part = SERVICE if number < (kills + 1) // 2 else DATABASE
                moment_s = rng.uniform(FIRST_S, LAST_S)
                poll_for(moment_s, lambda: raise_of_failed(sending), clock=clock)
                under_test.provider.kill(part)
                under_test.provider.revive(part)
                say(f"{number + 1:3} {part} killed after {moment_s:.2f} s")
        finally:
            queue.stop()
        return [one for sender in sending for one in sender.result()]


def send_all(under_test: Parts, queue: Queue) -> list[Acknowledged]:
    with httpx.Client(base_url=under_test.url, trust_env=False) as http:
        acknowledged = []
        while (event := queue.take()) is not None:
            acknowledged.append(send(http, event, under_test.secret))
        return acknowledged


def send(http: httpx.Client, event: CloudEvent, secret: str) -> Acknowledged:
    """Post until the service says that it has the event. NotTakenError if it says that it never will."""
    hook, attempts = webhook(event, secret), 0

    def post() -> int:
        nonlocal attempts
        attempts += 1
        answer = http.post(hook.path, content=hook.body, headers=hook.headers)
        if answer.is_client_error:
            raise NotTakenError(f"{event['id']} was answered {answer.status_code}: {answer.text}")
        return answer.status_code

    status = eventually(
        f"an acknowledgement of {event['id']}",
        post,
        lambda answered: answered in {httpx.codes.OK, httpx.codes.CREATED},
        within_s=ACKNOWLEDGED_WITHIN_S,
        every_s=AGAIN_AFTER_S,
        clock=RealClock(),
    )
    return Acknowledged(event, attempts, status == httpx.codes.OK)


def raise_of_failed(sending: Sequence[Future[list[Acknowledged]]]) -> None:
    for sender in sending:
        if sender.done():
            sender.result()


def judge(under_test: Parts, acknowledged: Sequence[Acknowledged]) -> Mapping[str, int]:
    """How many of each fault."""
    sent = {one.identity: one.event for one in acknowledged}
    with under_test.connect() as connection:
        stored = connection.execute("SELECT source, id, type, data FROM events").fetchall()
    found = {(source, identity): (kind, data) for source, identity, kind, data in stored}
    counted = counted_events(under_test)
    return {
        "acknowledged events lost": len(sent.keys() - found.keys()),
        "events doubled": len(stored) - len(found) + max(0, counted - len(found)),
        "events stored that nobody sent": len(found.keys() - sent.keys()),
        "events stored otherwise than sent": sum(
            found[identity] != (event["type"], event["data"]) for identity, event in sent.items() if identity in found
        ),
        "events not counted at /metrics": max(0, len(found) - counted),
        "values that differ from the oracle's": differences(under_test, list(sent.values())),
    }


def counted_events(under_test: Parts) -> int:
    """What /metrics says is in the store."""
    page = parse_exposition(httpx.get(f"{under_test.url}/metrics", trust_env=False).text)
    return sum(int(sample.value) for sample in page.samples("fawkes_dora_events_total"))


def differences(under_test: Parts, events: Sequence[CloudEvent]) -> int:
    """REST against the oracle: every team, environment and metric, over all the time there is. Exactly equal or not."""
    truth, to_s = Truth(events), (int(time.time()) // DAY_S + 1) * DAY_S
    from_s = to_s - 366 * DAY_S
    query = {"from": rfc3339(from_s), "to": rfc3339(to_s)}
    different = compared = 0
    with httpx.Client(base_url=under_test.url, trust_env=False) as http:
        for team in truth.teams:
            for environment in ENVIRONMENTS:
                answer = http.get(f"/api/v1/dora/{team}", params={**query, "environment": environment})
                said: Mapping[str, Any] = answer.raise_for_status().json()["metrics"]
                values = truth.values(team, environment, from_s=from_s, to_s=to_s)
                for metric, name in NAMES.items():
                    group, key = name.rest
                    different += said[group][key] != getattr(values, metric)
                    compared += getattr(values, metric) is not None
    say(f"{compared} values compared with the oracle's, over {len(truth.teams)} teams")
    return different if compared else 1


def rfc3339(at_s: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s))


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
