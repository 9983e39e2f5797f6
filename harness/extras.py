"""Packages that only some providers need. pytest-kind is GPLv3+, so the core must install and run without it.

Only `harness/kubernetes/` and `harness/providers/kind/` import them, and nothing else imports those two while it is
loaded: whoever needs them asks here first.
"""

from __future__ import annotations

import importlib.util
from typing import Final

from fawkes.harness.errors import UsageError

KIND: Final = {"pytest-kind": "pytest_kind", "kubernetes": "kubernetes", "pytest-testinfra": "testinfra"}
"""Distribution -> module, of the extra `kind`."""


def lacking_of_kind() -> list[str]:
    """Distributions of the extra `kind` that are not installed."""
    return [name for name, module in KIND.items() if importlib.util.find_spec(module) is None]


def require_kind() -> None:
    """UsageError with the remedy where the extra `kind` is not, or not wholly, installed."""
    if lacking := lacking_of_kind():
        raise UsageError(
            f"{', '.join(lacking)}: not installed; pip install fawkes-metrics-harness[kind] "
            "(in a checkout `make` does it; pytest-kind is GPLv3+)"
        )
