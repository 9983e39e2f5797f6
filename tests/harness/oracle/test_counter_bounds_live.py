"""The interval oracle against a counter that a running Prometheus scrapes, over a restart that forgets the count."""

import contextlib
import json
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import pytest

from fawkes.harness.eventually import RealClock, eventually, poll_for
from fawkes.harness.oracle.counter_bounds import STAMP_MOVES_S, Exposed, Scraping, Window, increase_bounds
from fawkes.harness.oracle.promql_proof.live import prometheus
from fawkes.harness.toolchain import provide

pytestmark = [pytest.mark.platform, pytest.mark.slow]

COUNTED_FOR_S = 4.0
GAP_MAX_S = 0.8
"""At 4 s of range the widest factor is then 4 / (4 - 1.6), below 2."""


class Target:
    """An exporter with one counter in memory."""

    def __init__(self):
        self.count, self.up, self.event_times_s = 0, True, []
        self.rng = random.Random(5)

    def happen(self):
        """Something to count, as often as not."""
        if self.up and self.rng.random() < 0.5:
            self.event_times_s.append(time.time())
            self.count += 1

    def handler(target):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200 if target.up else 503)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(f"# TYPE seen_total counter\nseen_total {target.count}\n".encode())

            def log_message(self, *_):
                pass

        return Handler


@contextlib.contextmanager
def serving(target):
    with ThreadingHTTPServer(("127.0.0.1", 0), target.handler()) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def scraped():
    """A Prometheus that has scraped a target through a restart; the target; and its two lives."""
    binary = provide(["prometheus"], progress=lambda line: None)["prometheus"].path
    target, clock = Target(), RealClock()
    with serving(target) as port:
        jobs = [{"job_name": "seen", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}]
        times = {"scrape_interval": "200ms", "scrape_timeout": "200ms"}
        with prometheus(binary, json.dumps({"global": times, "scrape_configs": jobs})) as live:
            eventually("a scrape", lambda: raw(live, "up"), bool, within_s=20, clock=clock)
            poll_for(COUNTED_FOR_S / 2, target.happen, every_s=0.02, clock=clock)
            target.up, stopped_s = False, time.time()
            poll_for(0.3, clock=clock)
            target.count, target.up, started_s = 0, True, time.time()
            poll_for(COUNTED_FOR_S / 2, target.happen, every_s=0.02, clock=clock)
            yield live, target, stopped_s, started_s


def raw(live, metric):
    """Unix milliseconds -> value, as stored."""
    return live.stored(metric, time.time() + 1, 60, "job").get("seen", {})


def longest_gap_s(life, stamps_s):
    """Between two successful scrapes of one life, or its begin or end and the next one."""
    inside = [at_s for at_s in stamps_s if life.from_s <= at_s <= life.to_s]
    marks = [max(life.from_s, stamps_s[0]), *inside, min(life.to_s, stamps_s[-1])]
    return max(later - earlier for earlier, later in pairwise(marks))


def test_what_prometheus_counts_lies_inside_whatever_the_window(scraped):
    live, target, stopped_s, started_s = scraped
    stamps_s = [at_ms / 1000 for at_ms, up in raw(live, "up").items() if up]
    ahead_s = max(raw(live, "scrape_duration_seconds").values()) + STAMP_MOVES_S
    lives = [Exposed(stamps_s[0], stopped_s), Exposed(started_s - ahead_s, from_zero=True)]
    gap_s = max(longest_gap_s(life, stamps_s) for life in lives)
    scraping = Scraping(gap_s, behind_max_s=0.01, ahead_max_s=ahead_s)
    told, end_ms = 0, round(stamps_s[-1] * 1000)
    for range_ms in (1500, 2500, 4000):
        instants = range(end_ms - 2000, end_ms, 100)
        answers = live.ask(f"increase(seen_total[{range_ms}ms])", instants, "job")["seen"]
        for at_ms in instants:
            bounds = increase_bounds(target.event_times_s, Window(at_ms / 1000, range_ms / 1000), scraping, lives)
            assert bounds.admits(answers.get(at_ms)), (at_ms, range_ms, answers.get(at_ms), bounds)
            told += at_ms in answers and not bounds.admits(2 * answers[at_ms])
    if gap_s > GAP_MAX_S:
        pytest.skip(f"this host is too busy: no scrape for {gap_s:.1f} s, so the intervals are wide")
    assert told, "an interval that holds twice the count as well says nothing"
