"""How the harness reaches into a cluster that it has made itself: ports of 127.0.0.1 that lead to a node's ports."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fawkes.harness.errors import ProviderError
from fawkes.harness.kubernetes.whereabouts import Whereabouts
from fawkes.harness.operator.objects import Manifest

PREFIX: Final = "reach-"
"""Of the names of these Services, which belong to the harness and not to the platform."""


class NodePorts:
    """Gives each (part, port) a port of the node, in the order in which they are asked for. A Reach."""

    def __init__(
        self, host_ports: Mapping[int, int], kept: Mapping[int, tuple[str, str]] = MappingProxyType({})
    ) -> None:
        """`host_ports`: port of the node -> port of 127.0.0.1 that leads to it. `kept`: of the node -> (part, port)."""
        self._host_ports = dict(host_ports)
        self._free = sorted(set(host_ports) - set(kept))
        self._given = {wished: node_port for node_port, wished in kept.items()}

    def address(self, part: str, port: str) -> str:
        return f"127.0.0.1:{self.host_port(part, port)}"

    def node_port(self, part: str, port: str) -> int:
        """The port of the node by which others than this machine reach it. ProviderError when there is none left."""
        self.host_port(part, port)
        return self._given[part, port]

    def host_port(self, part: str, port: str) -> int:
        """The port of 127.0.0.1 by which that port of the part is reached. ProviderError when there is none left."""
        key = (part, port)
        if key not in self._given:
            if not self._free:
                raise ProviderError(
                    f"no port is left for {part}: the cluster leads {len(self._host_ports)} ports in; "
                    "ask for fewer parts in the scenario's `platform`"
                )
            self._given[key] = self._free.pop(0)
        return self._host_ports[self._given[key]]

    def manifests(self, part: str, where: Whereabouts) -> list[Manifest]:
        """A Service that leads every port of one part out to the node. No monitor selects it: it has no labels."""
        if not where.ports:
            return []
        for port in where.ports:
            self.host_port(part, port)
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": f"{PREFIX}{part}", "namespace": where.namespace},
            "spec": {
                "type": "NodePort",
                "selector": dict(where.labels),
                # A part that is not ready is asked all the same: that is how the harness learns of it.
                "publishNotReadyAddresses": True,
                "ports": [
                    {"name": port, "port": 1 + index, "targetPort": target, "nodePort": self._given[part, port]}
                    for index, (port, target) in enumerate(where.ports.items())
                ],
            },
        }
        return [service]
