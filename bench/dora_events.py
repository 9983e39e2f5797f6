"""A year of a seeded organisation as CloudEvents, and a way to put a million of them into the store at once."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from typing import Any, LiteralString

import psycopg

from fawkes.fixtures.services.dora.events import Event, EventData
from fawkes.fixtures.services.dora.instant import format_rfc3339, parse_rfc3339_us, to_datetime

TEAMS, SERVICES, ENVIRONMENTS = 20, 5, ("staging", "production")
YEAR_US = 365 * 86_400_000_000
HOUR_US = 3_600_000_000
CloudEvent = dict[str, Any]


def organisation(count: int, *, seed: int, end_us: int, run: str, over_us: int = YEAR_US) -> Iterator[CloudEvent]:
    """`count` events of the time up to `end_us`, about in its order: changes that are committed, built and deployed,
    1 in 10 deployments to production with an incident, 1 in 20 rolled back. `run` is part of every identity."""
    rng, made, change = random.Random(seed), 0, 0
    per_change = 6.6  # events of one change in the mean, see _change
    while made < count:
        at_us = end_us - over_us + round(over_us * min(made / count, 1.0))
        for event in _change(rng, f"{run}-{change}", at_us, 0.9 * (end_us - at_us) / per_change):
            if made < count:
                yield event
            made += 1
        change += 1


def _change(rng: random.Random, name: str, at_us: int, room_us: float) -> Iterator[CloudEvent]:
    """One change of two commits and what follows from it; nothing of it is later than its place permits."""
    step_us = min(rng.expovariate(1 / (4 * HOUR_US)), room_us / 10)
    scope = {"team": f"team-{rng.randrange(TEAMS):02}", "service": f"service-{rng.randrange(SERVICES)}"}
    shas = [f"{rng.getrandbits(160):040x}" for _ in range(2)]
    clock = iter(round(at_us + step * step_us) for step in range(12))

    def event(event_type: str, **data: Any) -> CloudEvent:
        return {
            "specversion": "1.0",
            "id": f"{name}-{event_type}-{data.get('environment', data.get('sha', ''))}",
            "source": "bench",
            "type": f"dev.fawkes.{event_type}",
            "time": format_rfc3339(next(clock)),
            "data": scope | data,
        }

    for sha in shas:
        yield event("commit", sha=sha, repo="shop/app", branch="main", author="somebody")
    yield event("build_completed", build_id=name, commit_sha=shas[1], status="success")
    for environment in ENVIRONMENTS:
        kind = "rollback" if rng.random() < 0.05 else "normal"
        here = {"environment": environment, "deployment_id": f"{name}-{environment}"}
        yield event("deployment_started", **here, commit_sha=shas[1])
        outcome = "success" if rng.random() < 0.95 else "failure"
        yield event("deployment_completed", **here, commit_sha=shas[1], commits=shas, status=outcome, kind=kind)
    if rng.random() < 0.1:
        yield event("incident_created", environment="production", incident_id=name, severity="high")
        yield event("incident_resolved", environment="production", incident_id=name)


def load(connection: psycopg.Connection, events: Iterable[CloudEvent]) -> None:
    """Put events, each identity once, straight into the migrated table, as the service would have stored them."""
    copy(connection, "events", map(row, events))
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE events")


def copy(connection: psycopg.Connection, table: LiteralString, rows: Iterable[tuple[object, ...]]) -> None:
    """Commit `rows` to `table`, which is the service's or like it."""
    statement = f"COPY {table} (source, id, type, occurred_at, fingerprint, data) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as sink:
        for values in rows:
            sink.write_row(values)
    connection.commit()


def row(sent: CloudEvent) -> tuple[object, ...]:
    """What the store holds of an event. Without validation: these are valid by the way they are made."""
    at_us, data = parse_rfc3339_us(sent["time"]), sent["data"]
    event = Event(
        sent["source"],
        sent["id"],
        sent["type"],
        at_us,
        EventData.model_construct(team=data["team"], service=data["service"]),
        data,
    )
    return event.source, event.id, event.type, to_datetime(at_us), event.fingerprint(), json.dumps(data)
