"""Follows one sample and one event through the platform, and records what each stage shows in the end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

import httpx
from prometheus_client.samples import Sample as ExposedSample

from fawkes.harness.checks.paths import REPLICA_LABEL, EventPathExpectation, PathExpectation, SamplePathExpectation
from fawkes.harness.model import Json, Stage
from fawkes.harness.observe.event_store import count_rows
from fawkes.harness.observe.exposition import exposition_url, read_exposition
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.observe.promql import DEDUPLICATED, EVERY_REPLICA, Sample, instant
from fawkes.harness.observe.recording import record_value
from fawkes.harness.oracle.beacon import BEACON_METRIC, beacon_value
from fawkes.harness.promql.selector import selector
from fawkes.harness.webhook import ack_of, webhook
from fawkes.harness.world import Recorder, World

_REQUEST_WITHIN_S: Final = 5.0
"""A webhook on loopback answers within milliseconds; without an answer by then the event counts as lost."""

_COUNTED_ROWS: Final = "SELECT count(*) FROM events WHERE source = %s AND id = %s"

Series = list[dict[str, Json]]
"""What a stage shows: `[{labels: {...}, value: number}, ...]`."""


def observe_sample_path(expect: SamplePathExpectation, world: World, record: Recorder) -> None:
    """Record the beacon's known value (stage `harness`), and what exporter, replicas, sidecars and Thanos show."""
    way = _Way(expect, world, record)
    value = beacon_value(world.seed)
    way.note(Stage.HARNESS, "seed", "beacon_value(seed)", value)
    query = selector(BEACON_METRIC, {"run_id": world.run_id})
    beacon, thanos = world.replicas("beacon")[0], world.replicas("thanos-query")[0]

    way.page(beacon, BEACON_METRIC, {"run_id": world.run_id}, value)
    way.replicas(query, value)
    way.query(Stage.SIDECAR, thanos, query, EVERY_REPLICA, lambda seen: _one_per_replica(seen, expect.replicas))
    way.query(Stage.THANOS, thanos, query, DEDUPLICATED, lambda seen: _values(seen) == [value])


def observe_event_path(expect: EventPathExpectation, world: World, record: Recorder) -> None:
    """Post one deployment of a team that only this run has; record the answer, and how often each stage counts it."""
    way = _Way(expect, world, record)
    dora, thanos = world.replicas("dora")[0], world.replicas("thanos-query")[0]
    event = deployment_event(world.run_id, world.now_s())
    record("event", expectation=expect.name, event=event, **_post(world, dora, event))

    labels = {name: event["data"][name] for name in ("team", "service", "environment")}
    # The team is this run's alone. `service` is left to the exporter's page: a scrape without honorLabels renames it,
    # because the target has a label of that name, too.
    query = selector("fawkes_deployment_total", {name: labels[name] for name in ("team", "environment")})
    way.rows(event)
    way.page(dora, "fawkes_deployment_total", labels, 1)
    way.replicas(query, 1)
    way.query(Stage.THANOS, thanos, query, DEDUPLICATED, lambda seen: _values(seen) == [1])


def deployment_event(run_id: str, now_s: float) -> dict[str, Any]:
    """The CloudEvent of one successful production deployment; team, id and commit follow from the run id."""
    short = hashlib.blake2b(run_id.encode(), digest_size=20).hexdigest()
    return {
        "specversion": "1.0",
        "id": f"{run_id}/smoke-deployment",
        "source": f"fawkes-harness/{run_id}",
        "type": "dev.fawkes.deployment_completed",
        "time": datetime.fromtimestamp(now_s, UTC).isoformat().replace("+00:00", "Z"),
        "data": {
            "team": f"smoke-{short[:8]}",
            "service": "smoke",
            "environment": "production",
            "deployment_id": f"smoke-{short[:8]}",
            "attempt": 1,
            "commit_sha": short,
            "status": "success",
            "kind": "normal",
        },
    }


class _Way:
    """Looks at one stage after the other. All share one deadline; each records what it saw last, in time or not."""

    def __init__(self, expect: PathExpectation, world: World, record: Recorder) -> None:
        self._expect, self._world, self._record = expect, world, record
        self._until_s = world.now_s() + expect.within

    def note(self, stage: Stage, source: str, query: str, value: Json) -> None:
        record_value(self._record, self._expect, value, stage=stage, part=source, query=query)

    def replicas(self, query: str, value: float) -> None:
        for part in self._world.replicas(self._expect.app):
            self.query(Stage.PROMETHEUS, part, query, {}, lambda seen: _values(seen) == [value])

    def query(
        self, stage: Stage, part: str, query: str, params: dict[str, str], enough: Callable[[Series], bool]
    ) -> None:
        def probe() -> Series:
            return _shown(instant(self._world, part, query, params))

        self._look(stage, part, query, probe, enough)

    def page(self, part: str, metric: str, labels: dict[str, str], value: float) -> None:
        """Samples of `metric` with these labels in the part's exposition."""

        def probe() -> Series:
            return _shown(read_exposition(self._world, part).samples(metric, labels))

        url = exposition_url(self._world, part)
        self._look(Stage.EXPORTER, part, url, probe, lambda seen: _values(seen) == [value])

    def rows(self, event: dict[str, Any]) -> None:
        """Rows of the event store with this event's idempotency key."""

        def probe() -> int:
            return count_rows(self._world, _COUNTED_ROWS, event["source"], event["id"])

        self._look(Stage.STORE, "postgres", _COUNTED_ROWS, probe, lambda seen: seen == 1)

    def _look(
        self, stage: Stage, part: str, query: str, probe: Callable[[], Json], enough: Callable[[Any], bool]
    ) -> None:
        self.note(
            stage, part, query, last_seen(self._world, f"{part} shows {query}", probe, enough, until_s=self._until_s)
        )


def _post(world: World, dora: str, event: dict[str, Any]) -> dict[str, Json]:
    """Sent once, as a pipeline would. `{kind, status, ack, latency_s}`; status 0, ack `lost` when nobody answered."""
    hook, url = webhook(event, world.secret("dora-webhook")), world.url(dora)
    began_s, within_s = world.now_s(), _REQUEST_WITHIN_S
    try:
        answer = world.http.post(url + hook.path, content=hook.body, headers=hook.headers, timeout=within_s)
        status = answer.status_code
    except httpx.TransportError:
        status = 0
    return {"kind": hook.kind, "status": status, "ack": ack_of(status), "latency_s": world.now_s() - began_s}


def _shown(samples: Iterable[Sample | ExposedSample]) -> Series:
    return [{"labels": dict(sample.labels), "value": sample.value} for sample in samples]


def _one_per_replica(seen: Series, replicas: int) -> bool:
    return len(seen) == replicas == len({series["labels"].get(REPLICA_LABEL) for series in seen})


def _values(seen: Series) -> list[float]:
    return [series["value"] for series in seen]
