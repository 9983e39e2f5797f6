"""A year of the seeded organisation, put straight into the service's table: a million events in a minute."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator
from typing import Final, LiteralString

import psycopg

from fawkes.fixtures.services.dora.events import Event, EventData
from fawkes.fixtures.services.dora.instant import parse_rfc3339_us, to_datetime
from fawkes.load.histories import CloudEvent
from fawkes.load.organisation.organisation import Organisation
from fawkes.load.organisation.parameters import Parameters

TEAMS: Final = 25
PARAMETERS: Final = Parameters(services_per_team=5, deployments_per_day=4.0)
"""So that a year makes about a million events: 125 services in two environments, four deployments a day each."""


def a_year(count: int, *, seed: int, ends_s: float) -> Iterator[CloudEvent]:
    """About `count` events of the days that end at `ends_s`, a year for a million of them, by time."""
    return _organisation("stored", count, seed, ends_s).events()


def live(count: int, *, seed: int, ends_s: float, run_id: str) -> Iterator[CloudEvent]:
    """Exactly `count` events of the latest days, by time, whose identities no other `run_id` has."""
    return itertools.islice(_organisation(run_id, 2 * count, seed, ends_s).events(), count)


def _organisation(run_id: str, count: int, seed: int, ends_s: float) -> Organisation:
    days = math.ceil(count / (TEAMS * PARAMETERS.services_per_team * PARAMETERS.events_per_day))
    return Organisation(seed, run_id, ends_s, days, TEAMS, PARAMETERS)


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
    typed = EventData.model_construct(team=data["team"], service=data["service"])
    event = Event(sent["source"], sent["id"], sent["type"], at_us, typed, data)
    return event.source, event.id, event.type, to_datetime(at_us), event.fingerprint(), json.dumps(data)
