"""A PostgreSQL that somebody else runs: a database per run, dropped afterwards."""

import random

import psycopg
import pytest

from fawkes.harness.components.postgres import dsn, postgres
from fawkes.harness.errors import ProviderError, UsageError
from fawkes.harness.eventually import RealClock
from fawkes.harness.given_postgres import SETTING, GivenDatabase, drop, server_dsn
from fawkes.harness.ledger import Ledger
from fawkes.harness.providers.local import LocalProvider
from fawkes.harness.providers.local.ports import Ports


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A real server, as somebody else would run it."""
    directory, ports = tmp_path_factory.mktemp("given"), Ports(random.Random())
    ledger = Ledger(directory / "state", "given")
    provider = LocalProvider(directory, "given", ports=ports, ledger=ledger, clock=RealClock())
    port = ports.port("postgres-0", "postgres")
    provider.start(postgres(port=port, password="hush", directory=provider.part_directory("postgres-0")))
    yield dsn(address=f"127.0.0.1:{port}", password="hush")
    provider.close()
    ledger.close()


def names(server: str) -> set[str]:
    with psycopg.connect(server) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()}


@pytest.mark.platform
@pytest.mark.slow
def test_a_run_gets_a_database_of_its_own_which_goes_with_it(server):
    database = GivenDatabase(server, "20260101-120000-ab12-dora-golden")
    database.create()
    assert database.name in names(server)
    with psycopg.connect(database.dsn) as connection:
        connection.execute("CREATE TABLE t (x int)")
        connection.commit()
        database.drop()  # also while somebody is connected
    assert database.name not in names(server)
    drop(server, database.name)


@pytest.mark.platform
@pytest.mark.slow
def test_a_refusal_is_told_with_a_remedy_and_without_the_password(server):
    with pytest.raises(ProviderError, match="allowed to create databases") as refused:
        GivenDatabase(server.replace("hush", "guess"), "r").create()
    assert "guess" not in str(refused.value)


def test_what_is_no_postgresql_url_is_refused():
    assert server_dsn({}) is None
    assert server_dsn({SETTING: "postgresql://u@h/d"}) == "postgresql://u@h/d"
    for wrong in ("mysql://u@h/d", "host=127.0.0.1"):
        with pytest.raises(UsageError, match="postgresql://USER"):
            server_dsn({SETTING: wrong})
