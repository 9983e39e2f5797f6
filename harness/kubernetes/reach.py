"""The contract of a way into a cluster: where on 127.0.0.1 the harness finds a port of a part."""

from __future__ import annotations

from typing import Protocol

from fawkes.harness.kubernetes.whereabouts import Whereabouts
from fawkes.harness.operator.objects import Manifest


class Reach(Protocol):
    """Addresses are known before anything runs."""

    def address(self, part: str, port: str) -> str:
        """127.0.0.1:PORT; the same one each time. ProviderError when no port is left."""

    def manifests(self, part: str, where: Whereabouts) -> list[Manifest]:
        """What must be applied so that the addresses of this part lead there."""
