"""PostgreSQL (fsync on) and the DORA service as processes of their own, for the benchmarks of the service."""

from __future__ import annotations

import random
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import psycopg

from fawkes.harness.components.dora import dora
from fawkes.harness.components.postgres import dsn, postgres
from fawkes.harness.eventually import RealClock
from fawkes.harness.ledger import Ledger
from fawkes.harness.model import Component
from fawkes.harness.providers.local import LocalProvider
from fawkes.harness.providers.local.ports import Ports
from fawkes.harness.session import new_run_id

DATABASE, SERVICE = "postgres-0", "dora-0"
READY_WITHIN_S = 600.0
"""How long a replay may take before the benchmark gives up; what it took is what is measured."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The running database and, once started, the service."""

    provider: LocalProvider
    dsn: str
    secret: str
    service: Component

    @property
    def url(self) -> str:
        """Base URL of the service."""
        return self.provider.url(SERVICE)

    def restart(self) -> None:
        """Start the service, or kill it and start it again; returns when it is ready."""
        if SERVICE in self.provider.running():
            self.provider.kill(SERVICE)
            self.provider.revive(SERVICE)
        else:
            self.provider.start([self.service])

    def connect(self) -> psycopg.Connection:
        """To the database, beside the service."""
        return psycopg.connect(self.dsn)

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds used so far by the service, by PostgreSQL, and by this process, which makes the load."""
        used = {"service": 0.0, "postgres": 0.0, "load": _cpu_s(psutil.Process())}
        for child in psutil.Process().children(recursive=True):
            name = "postgres" if child.name() == "postgres" else "service"
            used[name] += _cpu_s(child)
        return used

    def rss_bytes(self) -> int:
        """Resident memory of the service."""
        return self.provider.rss_bytes()[SERVICE]


@contextmanager
def parts() -> Iterator[Parts]:
    """The database, running and empty, in a directory that is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="fawkes-dora-") as scratch, ExitStack() as stack:
        directory, password, secret = Path(scratch), secrets.token_urlsafe(), secrets.token_urlsafe()
        ports, ledger = Ports(random.Random()), Ledger(directory / "state", new_run_id())
        stack.callback(ledger.close)
        provider = LocalProvider(directory, "bench", ports=ports, ledger=ledger, clock=RealClock())
        stack.callback(provider.close)
        port = ports.port(DATABASE, "postgres")
        provider.start(postgres(port=port, password=password, directory=provider.part_directory(DATABASE)))
        where = dsn(address=f"127.0.0.1:{port}", password=password)
        service = dora("dora-0", port=ports.port(SERVICE), dsn=where, webhook_secret=secret, after=())
        service = replace(service, ready=replace(service.ready, within_s=READY_WITHIN_S))
        yield Parts(provider, where, secret, service)


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    # The postmaster's ended backends are in its children's times; a running one is counted by itself.
    return float(times.user + times.system + times.children_user + times.children_system)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Right-aligned columns, the first one left."""
    cells = [list(head), *[[f"{c:,.1f}" if isinstance(c, float) else str(c) for c in row] for row in rows]]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))])
        for line in cells
    )
