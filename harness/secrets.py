"""Passwords and tokens of one run: random, never derived from the seed, never printed."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from fawkes.harness.errors import UsageError
from fawkes.harness.senders import AGES, SENDERS, secret_name


def _letters(count: int) -> Callable[[], str]:
    return lambda: "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(count))


_KINDS: Final[Mapping[str, Callable[[], str]]] = {
    "dora-webhook": lambda: secrets.token_hex(32),
    **{secret_name(sender, age): lambda: secrets.token_hex(32) for sender in SENDERS for age in AGES},
    "postgres-password": lambda: secrets.token_hex(16),
    "minio-access-key": _letters(20),
    "minio-secret-key": lambda: secrets.token_hex(20),
    "smtp-password": lambda: secrets.token_hex(16),
    "mattermost-token": _letters(26),  # the form of a real incoming webhook's
    "pagerduty-routing-key": _letters(32),  # the form of a real integration key
}


class Secrets:
    """Made when the run begins; its representation shows none of them."""

    def __init__(self) -> None:
        self._values = {name: make() for name, make in _KINDS.items()}

    def __getitem__(self, name: str) -> str:
        if name not in self._values:
            raise UsageError(f"this run has no secret {name!r}; it has {', '.join(self._values)}")
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        """Their names."""
        return iter(self._values)

    def __repr__(self) -> str:
        return f"Secrets({', '.join(self._values)})"


class Placeholders(Secrets):
    """In place of a run's secrets where they are shown: nobody takes one for a password."""

    def __init__(self) -> None:
        self._values = {name: f"RANDOM-PER-RUN-{name}" for name in _KINDS}
