"""What the DORA service's event store holds, in PostgreSQL."""

from __future__ import annotations

from typing import Any, Final, LiteralString

import psycopg

from fawkes.harness.world import World

NO_ANSWER: Final = (psycopg.OperationalError,)
"""What the database's silence or refusal raises here."""

_CONNECT_WITHIN_S: Final = 5
"""A connection on loopback takes milliseconds; a database that needs longer is asked again."""


def select(world: World, query: LiteralString, *params: str) -> list[tuple[Any, ...]]:
    """The rows that `query` answers. Raises one of NO_ANSWER."""
    with psycopg.connect(world.secret("postgres-dsn"), connect_timeout=_CONNECT_WITHIN_S) as store:
        return store.execute(query, params).fetchall()


def count_rows(world: World, query: LiteralString, *params: str) -> int:
    """The number that `query` (SELECT count(*) ...) answers. Raises one of NO_ANSWER."""
    return int(select(world, query, *params)[0][0])
