"""The contract suite's providers. Another provider passes the suite by being added here."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from fawkes.harness.components.exporter import exporter
from fawkes.harness.eventually import RealClock
from fawkes.harness.ledger import Ledger
from fawkes.harness.model import Component
from fawkes.harness.providers.local import LocalProvider
from fawkes.harness.providers.local.ports import Ports


class Local:
    """A local provider with what a test needs around it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ports = Ports(random.Random(1))
        self.ledger = Ledger(directory / "state", "contract")
        self.provider = LocalProvider(
            directory,
            "contract",
            ports=self.ports,
            ledger=self.ledger,
            clock=RealClock(),
            stop_within_s=0.5,
        )

    def part(self, name: str, value: float = 1, **fields: object) -> Component:
        """A real part: an exporter that serves one gauge."""
        sample = {"name": "contract_value", "type": "gauge", "labels": {}, "value": value}
        made = exporter(name, app=name, port=self.ports.port(name), metrics=[sample])
        return Component(**{**{f: getattr(made, f) for f in made.__slots__}, **fields})


@pytest.fixture(params=["local"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Local]:
    made = {"local": Local}[request.param](tmp_path)
    yield made
    made.provider.close()
    made.ledger.close()
