"""What the child process that makes a cluster is told."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final

READY_WITHIN_S: Final = 240
"""For all of kind's own pods once kind is done: 20 s on two idle cores, minutes where others use them."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which cluster, and what it is made of."""

    name: str
    kubeconfig: str
    image: str
    kind: str
    kubectl: str
    config: str
    """kind's, as a file."""
    archives: tuple[str, ...] = ()
    """Images to load into it."""

    def words(self) -> str:
        """For the command line."""
        return json.dumps(asdict(self))
