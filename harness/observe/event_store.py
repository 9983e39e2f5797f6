"""Counting rows of the DORA service's event store, in PostgreSQL."""

from __future__ import annotations

from typing import Final, LiteralString

import psycopg

from fawkes.harness.world import World

NO_ANSWER: Final = (psycopg.OperationalError,)
"""What the database's silence or refusal raises here."""

_CONNECT_WITHIN_S: Final = 5
"""A connection on loopback takes milliseconds; a database that needs longer is asked again."""


def count_rows(world: World, query: LiteralString, *params: str) -> int:
    """The number that `query` (SELECT count(*) ...) answers. Raises one of NO_ANSWER."""
    with psycopg.connect(world.secret("postgres-dsn"), connect_timeout=_CONNECT_WITHIN_S) as store:
        row = store.execute(query, params).fetchone()
    return int(row[0]) if row else 0
