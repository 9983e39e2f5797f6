"""What the DORA service carries: webhooks per second with fsync on, latency of /metrics and of the API, replay, memory.

Example: .venv/bin/python bench/dora_service.py --events 10000 1000000
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time

import psycopg
from dora_parts import Parts, parts, table
from dora_table import a_year, copy, live, load, row
from open_loop import Outcome, at_rate, request, send

from fawkes.harness.webhook import webhook

P99_AIM_MS = 50.0
"""What the platform promises a sender of webhooks."""
API_90_DAYS = "/api/v1/dora/team-000?window=90d"
PATHS = ("/metrics", API_90_DAYS)
INSERT_ROWS = 500
"""As many as the service commits together at most."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, nargs="+", default=[10_000], help="sizes of the store")
    parser.add_argument("--rates", type=int, nargs="+", default=[1000, 1500, 2000, 2500, 3000, 3500, 4000, 5000])
    parser.add_argument("--for-s", type=float, default=4.0, help="length of each run")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--load-rate", type=int, default=1000, help="webhooks per second while queries are timed")
    parser.add_argument("--seed", type=int, default=1)
    wish = parser.parse_args()
    say(f"{len(os.sched_getaffinity(0))} cores, shared by service, PostgreSQL and load; seed {wish.seed}")
    for count in wish.events:
        with parts() as under_test:
            measure(under_test, count, wish)


def measure(under_test: Parts, count: int, wish: argparse.Namespace) -> None:
    """Everything, with so many events in the store at the beginning."""
    began_s = time.monotonic()
    under_test.restart()
    empty_s = time.monotonic() - began_s
    with under_test.connect() as connection:
        load(connection, a_year(count, seed=wish.seed, ends_s=time.time()))
        (stored,) = connection.execute("SELECT count(*) FROM events").fetchone() or (0,)
        say(f"\n== {stored:,} events in the store ==")
        say(f"PostgreSQL alone, {INSERT_ROWS} rows to a commit: {insert_rate(connection):,.0f} rows/s")
    began_s = time.monotonic()
    under_test.restart()
    ready_s = time.monotonic() - began_s
    say(f"ready after {ready_s:.1f} s (an empty store: {empty_s:.1f} s), {under_test.rss_bytes() / 2**20:,.0f} MiB")
    say("\n" + queries(under_test, 0, wish))
    say("\n" + acknowledgements(under_test, wish))
    say("\n" + queries(under_test, wish.load_rate, wish))
    say(f"\nmemory at the end: {under_test.rss_bytes() / 2**20:,.0f} MiB")


def acknowledgements(under_test: Parts, wish: argparse.Namespace) -> str:
    """Fixed offered rates, ascending, until two in a row are too high: one alone may be the machine's doing."""
    rows, sustained, too_high = [], 0, 0
    for rate in wish.rates:
        before = under_test.cpu_s()
        (outcome,) = send(port_of(under_test), [(wish.connections, webhooks(under_test, rate, wish, f"r{rate}"))])
        cores = {name: (used - before[name]) / outcome.took_s for name, used in under_test.cpu_s().items()}
        rate_got = outcome.statuses[201] / outcome.took_s
        shares = [f"{cores[name]:.2f}" for name in ("service", "postgres", "load")]
        rows.append([rate, rate_got, *(outcome.ms(p) for p in (50, 99, 100)), outcome.errors, *shares])
        good = not outcome.errors and outcome.ms(99) < P99_AIM_MS
        sustained, too_high = (rate, 0) if good else (sustained, too_high + 1)
        if too_high == 2:
            break
    head = ("offered/s", "stored/s", "p50 ms", "p99 ms", "max ms", "errors", "service", "postgres", "load (cores)")
    text = f"acknowledgement over {wish.connections} connections, {wish.for_s:g} s each, from the intended start"
    return f"{text}\n{table(head, rows)}\nhighest offered rate with p99 < {P99_AIM_MS:g} ms: {sustained}/s"


def queries(under_test: Parts, rate: int, wish: argparse.Namespace) -> str:
    """Each path at 2/s, idle or while webhooks arrive."""
    rows = []
    for path in PATHS:
        asked = at_rate([request("GET", path)] * round(2 * 2 * wish.for_s), 2.0)
        schedules = [(4, asked)]
        if rate:
            schedules.append((wish.connections, webhooks(under_test, rate, wish, f"q{path[1]}", 2 * wish.for_s)))
        before_s = under_test.cpu_s()["service"]
        outcomes = send(port_of(under_test), schedules)
        cpu_ms = 1000 * (under_test.cpu_s()["service"] - before_s) / len(asked)
        rows.append([path, *described(outcomes[0]), "" if rate else cpu_ms])
        if rate:
            rows.append(["  and webhooks", *described(outcomes[1]), ""])
    under = f"while {rate} webhooks/s arrive" if rate else "idle"
    head = ("path", "requests", "p50 ms", "p99 ms", "max ms", "errors", "CPU ms each")
    return f"queries {under}, 2/s\n{table(head, rows)}"


def described(outcome: Outcome) -> list[object]:
    return [outcome.offered, outcome.ms(50), outcome.ms(99), outcome.ms(100), outcome.errors]


def webhooks(
    under_test: Parts, rate: int, wish: argparse.Namespace, run: str, for_s: float | None = None
) -> list[tuple[float, bytes]]:
    """Signed webhooks of events of the latest days that are not in the store, at a fixed rate."""
    count = round(rate * (for_s or wish.for_s))
    events = live(count, seed=wish.seed, ends_s=time.time(), run_id=run)
    hooks = (webhook(event, under_test.secret) for event in events)
    return at_rate([request("POST", hook.path, hook.headers, hook.body) for hook in hooks], rate)


def insert_rate(connection: psycopg.Connection, count: int = 20_000) -> float:
    """Rows per second, median of many commits, that PostgreSQL takes by COPY into a table like the store's."""
    connection.execute("CREATE TABLE like_events (LIKE events INCLUDING ALL)")
    rows = [row(event) for event in live(count, seed=0, ends_s=time.time(), run_id="alone")]
    connection.autocommit = False
    rates = []
    for first in range(0, count, INSERT_ROWS):
        began_s = time.perf_counter()
        copy(connection, "like_events", rows[first : first + INSERT_ROWS])
        rates.append(INSERT_ROWS / (time.perf_counter() - began_s))
    connection.execute("DROP TABLE like_events")
    return statistics.median(rates)


def port_of(under_test: Parts) -> int:
    return int(under_test.url.rpartition(":")[2])


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
