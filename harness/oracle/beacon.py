"""What the beacon shows: one gauge whose value is known before anything runs."""

from __future__ import annotations

import hashlib
from typing import Final

BEACON_METRIC: Final = "fawkes_beacon"
"""Gauge with the label `run_id`; served by the part `beacon` at /metrics."""


def beacon_value(seed: int) -> int:
    """The gauge's value for this seed, 1 .. 2^32.

    Never 0, which a counter or an empty default would also show, and small enough to be exact in a double.
    """
    digest = hashlib.blake2b(f"beacon/{seed}".encode(), digest_size=4).digest()
    return 1 + int.from_bytes(digest, "big")
