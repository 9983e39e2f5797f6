"""A look inside a part that is a process of this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping

from fawkes.harness.extras import require_kind
from fawkes.harness.inside import host_on
from fawkes.harness.world import Inside


def inside(pid: int, ports: Mapping[str, int]) -> Inside:
    """By testinfra's `local` backend. UsageError where the extra `kind`, which brings testinfra, is not installed."""
    require_kind()
    from testinfra.backend.local import LocalBackend  # noqa: PLC0415 - the core does without testinfra

    return Inside(host_on(LocalBackend(), os.environ), pid, ports, own_network=False)
