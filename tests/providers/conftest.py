"""The contract suite's providers. Another provider passes the suite by being added here."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from fawkes.harness.components.exporter import exporter
from fawkes.harness.eventually import RealClock
from fawkes.harness.images.docker import Answering, look
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.kubernetes.apply import apply, delete_namespaces
from fawkes.harness.kubernetes.node_ports import NodePorts
from fawkes.harness.kubernetes.pods import restricted_namespace
from fawkes.harness.kubernetes.whereabouts import STAND_INS
from fawkes.harness.ledger import Ledger
from fawkes.harness.model import Component
from fawkes.harness.providers.base import Provider
from fawkes.harness.providers.kind.cluster import Cluster
from fawkes.harness.providers.kind.provider import KindProvider
from fawkes.harness.providers.kind.session import kind_cluster
from fawkes.harness.providers.local import LocalProvider
from fawkes.harness.providers.local.ports import Ports


class Place:
    """A provider with what a test needs around it."""

    provider: Provider

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ports = Ports(random.Random(1))

    def port(self, name: str) -> int:
        """Where a part listens, as it sees itself."""
        return self.ports.port(name)

    def part(self, name: str, value: float = 1, **fields: object) -> Component:
        """A real part: an exporter that serves one gauge."""
        sample = {"name": "contract_value", "type": "gauge", "labels": {}, "value": value}
        made = exporter(name, app=name, port=self.port(name), metrics=[sample])
        return Component(**{**{f: getattr(made, f) for f in made.__slots__}, **fields})

    def close(self) -> None:
        self.provider.close()


class Local(Place):
    """Processes of this machine."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.ledger = Ledger(directory / "state", "contract")
        self.provider = LocalProvider(
            directory,
            "contract",
            ports=self.ports,
            ledger=self.ledger,
            clock=RealClock(),
            stop_within_s=0.5,
        )

    def close(self) -> None:
        super().close()
        self.ledger.close()


class Kind(Place):
    """Pods of a cluster, in the namespace of stand-ins."""

    def __init__(self, directory: Path, cluster: Cluster) -> None:
        super().__init__(directory)
        self.api, self.clock = Api(cluster.kubeconfig), RealClock()
        delete_namespaces(self.api, [STAND_INS], clock=self.clock)  # of a platform before this
        apply(self.api, [restricted_namespace(STAND_INS)], clock=self.clock)
        self.provider = KindProvider(
            self.api, cluster, binaries={}, reach=NodePorts(cluster.host_ports), clock=self.clock
        )

    def port(self, name: str) -> int:
        return 8080

    def close(self) -> None:
        super().close()
        self.api.close()


@pytest.fixture(scope="session")
def contract_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The one that --reuse names, or one for these tests. No Docker is started for a test."""
    if not isinstance(engine := look(os.environ), Answering):
        pytest.skip(f"no Docker daemon answers ({type(engine).__name__})")
    reuse = request.config.getoption("--reuse")
    run_id = f"contract-{os.getpid()}"
    with kind_cluster(
        run_id, reuse=reuse, fixed_ports={}, environ=os.environ, clock=RealClock(), progress=print
    ) as cluster:
        yield cluster


@pytest.fixture(params=["local", pytest.param("kind", marks=pytest.mark.cluster)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    made = Local(tmp_path) if request.param == "local" else Kind(tmp_path, request.getfixturevalue("contract_cluster"))
    yield made
    made.close()
