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
from fawkes.harness.oracle.counter_bounds import Exposed, Scraping, Window, increase_bounds
from fawkes.harness.oracle.proof.live import prometheus
from fawkes.harness.toolchain import provide

pytestmark = [pytest.mark.platform, pytest.mark.slow]

COUNTED_FOR_S = 4.0
STAMP_TOLERANCE_S = 0.002
"""Prometheus moves a sample's stamp by up to this much onto its grid (scrape/scrape.go, ScrapeTimestampTolerance)."""


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
        times = {"scrape_interval": "100ms", "scrape_timeout": "100ms"}
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


def test_what_prometheus_counts_lies_inside_whatever_the_window(scraped):
    live, target, stopped_s, started_s = scraped
    stamps_ms = list(raw(live, "up"))
    gap_s = max(later - earlier for earlier, later in pairwise(stamps_ms)) / 1000
    ahead_s = max(raw(live, "scrape_duration_seconds").values()) + STAMP_TOLERANCE_S
    scraping = Scraping(gap_s, behind_max_s=0.01, ahead_max_s=ahead_s)
    lives = [Exposed(stamps_ms[0] / 1000, stopped_s), Exposed(from_s=started_s - ahead_s, from_zero=True)]
    told = 0
    for range_ms in (1500, 2500, 4000):
        instants = range(stamps_ms[-1] - 2000, stamps_ms[-1], 100)
        answers = live.ask(f"increase(seen_total[{range_ms}ms])", instants, "job")["seen"]
        for at_ms in instants:
            bounds = increase_bounds(target.event_times_s, Window(at_ms / 1000, range_ms / 1000), scraping, lives)
            assert bounds.admits(answers.get(at_ms)), (at_ms, range_ms, answers.get(at_ms), bounds)
            told += not bounds.admits(2 * answers[at_ms])
    assert told, "an interval that holds twice the count as well says nothing"
