"""A PostgreSQL that somebody else runs, given by FAWKES_POSTGRES_DSN: each environment gets a database of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from fawkes.harness.errors import ProviderError, UsageError

SETTING: Final = "FAWKES_POSTGRES_DSN"
_CONNECT_WITHIN_S: Final = 10
"""A server that somebody runs answers at once; this is for one across a busy network."""


class GivenDatabase:
    """A database of one run on the given server. It is dropped by `drop`, and by `harness gc` after a crash."""

    def __init__(self, server_dsn: str, run_id: str) -> None:
        self.name = f"fawkes_{run_id}".replace("-", "_").lower()[:63]  # PostgreSQL's limit for names
        self._server_dsn = server_dsn

    @property
    def dsn(self) -> str:
        """libpq URL of the database. Holds the password."""
        return urlsplit(self._server_dsn)._replace(path=f"/{self.name}").geturl()

    def create(self) -> None:
        """Make it. ProviderError when the server refuses."""
        execute(self._server_dsn, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.name)))

    def drop(self) -> None:
        drop(self._server_dsn, self.name)


def server_dsn(environ: Mapping[str, str]) -> str | None:
    """The given server's URL, or None when there is none. UsageError when it is no PostgreSQL URL."""
    dsn = environ.get(SETTING)
    if not dsn:
        return None
    if not dsn.startswith("postgresql://"):
        raise UsageError(f"{SETTING} is not a PostgreSQL URL; write postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    return dsn


def drop(server: str, name: str) -> None:
    """Drop a database, also while somebody is connected. Nothing happens when it is gone."""
    execute(server, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def execute(server: str, statement: sql.Composed) -> None:
    """Run one statement outside a transaction. ProviderError, without the password, when the server refuses."""
    try:
        with psycopg.connect(server, autocommit=True, connect_timeout=_CONNECT_WITHIN_S) as connection:
            connection.execute(statement)
    except psycopg.Error as error:
        raise ProviderError(
            f"the PostgreSQL of {SETTING} refuses: {str(error).strip()}; it must be reachable, "
            "and its user must be allowed to create databases"
        ) from error
