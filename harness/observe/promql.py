"""Questions to a part that has Prometheus' query API: Prometheus and Thanos Query.

One question is one request: retries are off, because waiting is `eventually`'s business, and a proxy from the
environment never sees what goes to loopback.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException

from fawkes.harness.world import World

ANSWER_WITHIN_S: Final = 5.0
"""Until the connection stands, and between two pieces of the answer. An instant query on loopback takes milliseconds;
a part that needs longer is asked again."""

DEDUPLICATED: Final = {"dedup": "true", "partial_response": "false"}
"""Thanos Query: one series for all replicas, and an error rather than a gap."""

EVERY_REPLICA: Final = {"dedup": "false", "partial_response": "false"}
"""Thanos Query: each replica's own series, and an error rather than a gap."""

NO_ANSWER: Final = (OSError, PrometheusApiClientException)
"""What a part's silence, refusal or nonsense raises here; the errors of requests are OSErrors."""

_SINCE_START_EXTRA_S: Final = 60
"""A sample may carry the time of a scrape that began before the platform was called ready."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One element of an instant vector."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """One element of a range vector."""

    labels: Mapping[str, str]
    samples: list[list[float]]
    """[[unix_s, value], ...] ascending, as they were stored: true time stamps, no step, no staleness."""


def instant(world: World, part: str, query: str, params: Mapping[str, str] | None = None) -> list[Sample]:
    """The instant vector of `query` now. Raises one of NO_ANSWER."""
    rows = _ask(world, part, query, params or {}, ANSWER_WITHIN_S)
    try:
        return [Sample(row["metric"], float(row["value"][1])) for row in rows]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise _nonsense(part, "an instant vector", error) from error


def raw_samples(
    world: World,
    part: str,
    selector: str,
    over: str,
    params: Mapping[str, str] | None = None,
    *,
    within_s: float = ANSWER_WITHIN_S,
) -> list[Series]:
    """Every stored sample of `selector` in the last `over` (a PromQL duration such as `400d`).

    Asked for by a range selector at one instant, because a range query would interpolate. Raises one of NO_ANSWER.
    """
    rows = _ask(world, part, f"{selector}[{over}]", params or {}, within_s)
    try:
        return [Series(row["metric"], [[float(at_s), float(value)] for at_s, value in row["values"]]) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise _nonsense(part, "a range vector", error) from error


def samples_since_start(world: World, part: str, selector: str) -> list[Series]:
    """Every sample of `selector` that was stored since the platform's start. Raises one of NO_ANSWER."""
    return raw_samples(world, part, selector, f"{int(world.now_s() - world.started_at_s) + _SINCE_START_EXTRA_S}s")


def _ask(world: World, part: str, query: str, params: Mapping[str, str], within_s: float) -> Any:
    with requests.Session() as session:
        session.trust_env = False
        api = PrometheusConnect(url=world.url(part), session=session, retry=0, timeout=within_s)
        try:
            return api.custom_query(query, params=dict(params))
        except (KeyError, TypeError) as error:
            raise _nonsense(part, "the query API", error) from error


def _nonsense(part: str, wanted: str, error: Exception) -> PrometheusApiClientException:
    return PrometheusApiClientException(f"{part} answered something else than {wanted} ({type(error).__name__})")
