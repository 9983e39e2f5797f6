"""What every provider refuses, in the same words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from fawkes.harness.errors import UsageError
from fawkes.harness.model import Component
from fawkes.harness.scenario.loading import did_you_mean


def no_such_part(part: str, known: Collection[str]) -> UsageError:
    """Names the nearest one, or all where none is near."""
    there = ", ".join(sorted(known)) or "none"
    return UsageError(f"there is no part {part!r}{did_you_mean(part, known) or f'; there are: {there}'}")


def no_such_port(part: str, port: str, known: Iterable[str]) -> UsageError:
    """Names those there are."""
    return UsageError(f"{part} has no port {port!r}; it has {', '.join(known) or 'none'}")


def refuse_endless_waits(components: Sequence[Component], started: Collection[str]) -> None:
    """UsageError for a component that waits for what is neither among them nor `started`."""
    known = {component.name for component in components} | set(started)
    for component in components:
        if unknown := set(component.after) - known:
            raise UsageError(f"{component.name} waits for {', '.join(sorted(unknown))}, which nothing starts")
