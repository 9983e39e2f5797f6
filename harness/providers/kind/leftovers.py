"""Removes what bears a cluster's name in Docker, and nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from fawkes.harness.errors import ProviderError
from fawkes.harness.eventually import Clock, eventually
from fawkes.harness.images.command import command
from fawkes.harness.images.docker import ANSWER_WITHIN_S, Docker, own_address, usable_engine
from fawkes.harness.images.own_engine import own_engine
from fawkes.harness.providers.kind.record import Record

_SETTLED_AFTER_S: Final = 1.0
"""A container whose `docker run` was killed may still come: the engine ends the request it has. That took 0.3 s."""
_SETTLE_WITHIN_S: Final = 30.0


def remove(docker: Docker, record: Record, *, settling: Clock | None = None) -> None:
    """Containers with their volumes, and the network when no other cluster is in it.

    `settling` when something may still be coming, because whoever made it was interrupted: looks until twice in a row
    there was nothing. ProviderError when Docker refuses.
    """
    if settling is None:
        _remove_once(docker, record)
        return
    quiet = 0

    def twice_nothing(found: bool) -> bool:
        nonlocal quiet
        quiet = 0 if found else quiet + 1
        return quiet == 2

    eventually(
        f"nothing of cluster {record.name} in Docker",
        lambda: _remove_once(docker, record),
        twice_nothing,
        within_s=_SETTLE_WITHIN_S,
        every_s=_SETTLED_AFTER_S,
        clock=settling,
    )


def reclaim(
    entry: Mapping[str, Any], *, environ: Mapping[str, str], clock: Clock, progress: Callable[[str], None]
) -> None:
    """Remove the cluster of a crashed run, given its entry in the ledger. ProviderError where its engine can't tell."""
    record = Record.of(entry)
    try:
        with _engine_of(record, environ, clock, progress) as docker:
            remove(docker, record, settling=clock)
    except ProviderError as error:
        raise ProviderError(
            f"cluster {record.name} of a crashed run may still be there: {error}; then run `harness gc` again"
        ) from error


@contextlib.contextmanager
def _engine_of(
    record: Record, environ: Mapping[str, str], clock: Clock, progress: Callable[[str], None]
) -> Iterator[Docker]:
    """The engine that it ran in; that of our own is started when it has ended with whoever used it."""
    if record.docker_host == own_address(environ):
        with own_engine(environ=environ, clock=clock, progress=progress) as docker:
            yield docker
        return
    named = {} if record.docker_host is None else {"DOCKER_HOST": record.docker_host}
    asked = {**environ, **named}
    yield Docker(usable_engine(asked).client, asked)


def _remove_once(docker: Docker, record: Record) -> bool:
    """Whether there was anything."""
    containers = docker.remove_containers(record.containers())
    network = record.network
    argv = [docker.client, "network", "ls", "--quiet", "--filter", f"name=^{network}$"]
    ids = command(argv, environ=docker.environ, within_s=ANSWER_WITHIN_S)
    for one in ids:
        inside = [docker.client, "network", "inspect", "--format", "inside={{len .Containers}}", one]
        if "inside=0" in command(inside, environ=docker.environ, within_s=ANSWER_WITHIN_S):
            command([docker.client, "network", "rm", one], environ=docker.environ, within_s=ANSWER_WITHIN_S)
    return bool(containers or ids)
