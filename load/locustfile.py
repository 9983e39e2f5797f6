"""The Locust side of `query_load`: one FastHttpUser that sends the query mix open-loop, writes results, and ends.

    FAWKES_LOAD_CONFIG=run.json python -m locust --headless -u 1 -f load/locustfile.py

run.json is a fawkes.load.query_run.QueryRun. Locust's own statistics count the same requests, but from when they
left, so the results file is what the harness reads.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import time
import traceback
from pathlib import Path

import gevent
from geventhttpclient.client import HTTPClientPool
from locust import FastHttpUser, task

from fawkes.load.dispatch import dispatch, gevent_pool, intended_starts
from fawkes.load.queries import Query, QueryMix
from fawkes.load.query_run import CONFIG_VARIABLE, QueryResults, QueryRun
from fawkes.load.tally import Outcome, Tally

RUN = QueryRun.model_validate_json(Path(os.environ[CONFIG_VARIABLE]).read_bytes())
POOL = gevent_pool(RUN.rate_per_s_max, RUN.timeout_s)


class Dashboards(FastHttpUser):
    """All readers of the platform together. One user is enough: the schedule decides who asks when."""

    host = RUN.url
    fixed_count = 1
    # One connection per request under way; geventhttpclient opens them as they are needed.
    client_pool = HTTPClientPool(concurrency=POOL.size, network_timeout=RUN.timeout_s, connection_timeout=RUN.timeout_s)

    @task
    def run_all(self) -> None:
        """The whole run, once. Trouble of its own ends Locust with exit code 1 and no results."""
        try:
            self._run_all()
        except Exception:
            # Locust would only count it and run the task again. Told last, below Locust's statistics.
            story = traceback.format_exc()
            self.environment.events.quit.add_listener(lambda **_: sys.stderr.write(story))
            self.environment.process_exit_code = 1
        finally:
            self.environment.runner.quit()

    def _run_all(self) -> None:
        rng = random.Random(RUN.seed)
        mix = QueryMix(RUN.plan, RUN.window, RUN.weights)
        starts = intended_starts(RUN.stages, RUN.arrivals, rng)
        started_s = time.time()
        queries = mix.draw([started_s + start for start in starts], rng)
        self._know_the_truth(mix, started_s)
        tally = Tally(mix.kinds)

        def send(index: int, intended: float) -> None:
            query = queries[index]
            outcome, reason, read_at = self._ask(query)
            tally.add(query.kind, outcome, read_at - intended, query=query.promql, reason=reason)

        # A request may take its time-out; then there is a second for the last answers to be looked at.
        sent = dispatch(starts, send, planned_s=RUN.planned_s, drain_s=RUN.timeout_s + 1, pool=POOL)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        results = QueryResults(
            offered=sent.offered,
            achieved=sent.achieved,
            started_s=started_s,
            ended_s=time.time(),
            send_lag_p99_s=sent.send_lag_p99_s,
            generator_cpu_s=usage.ru_utime + usage.ru_stime,
            generator_rss_bytes=usage.ru_maxrss * 1024,
            latency=tally.results(),
        )
        Path(RUN.results_file).write_text(results.model_dump_json(), encoding="utf-8")

    def _know_the_truth(self, mix: QueryMix, started_s: float) -> None:
        """Compute now what would otherwise be computed between two requests (20 ms per generation)."""
        RUN.plan.stable_values()
        first, _ = mix.generations(RUN.window.start_s)
        _, last = mix.generations(started_s + RUN.planned_s)
        for generation in range(first, last + 1):
            RUN.plan.shard_sums(generation)

    def _ask(self, query: Query) -> tuple[Outcome, str, float]:
        """Send, read the whole body, and only then look at it. The last value is when it was read (perf_counter)."""
        left = time.perf_counter()
        with (
            gevent.Timeout(RUN.timeout_s),
            self.client.get(query.path, name=query.kind, catch_response=True) as response,
        ):
            read_at = time.perf_counter()
            failure = response.request_meta["exception"] or getattr(response, "error", None)
            if failure is not None or response.status_code != 200:
                # The client wraps its own and gevent's time-outs in the same error; the clock tells them apart.
                timed_out = read_at - left >= RUN.timeout_s
                reason = f"no answer in {RUN.timeout_s:g} s" if timed_out else f"HTTP {response.status_code}: {failure}"
                response.failure(reason)
                return (Outcome.TIMEOUT if timed_out else Outcome.ERROR), reason, read_at
            if wrong := _wrong(query, response.content):
                response.failure(wrong)
                return Outcome.WRONG, wrong, read_at
            return Outcome.OK, "", read_at


def _wrong(query: Query, body: bytes) -> str | None:
    try:
        return query.verify(json.loads(body))
    except ValueError as err:
        return f"not JSON: {err}"
