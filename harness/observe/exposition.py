"""What a part shows at /metrics, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from fawkes.harness.world import World

PAGE_WITHIN_S: Final = 5.0
"""A page on loopback takes milliseconds; a part that needs longer is asked again."""

NO_ANSWER: Final = (httpx.HTTPError,)
"""What a part's silence, refusal or nonsense raises here."""


@dataclass(frozen=True, slots=True)
class Exposition:
    """One reading of a part's /metrics."""

    all_samples: tuple[Sample, ...]

    def samples(self, name: str, labels: Mapping[str, str] | None = None) -> list[Sample]:
        """Those called `name` that have all of `labels`."""
        wanted = (labels or {}).items()
        return [sample for sample in self.all_samples if sample.name == name and wanted <= sample.labels.items()]


def exposition_url(world: World, part: str) -> str:
    return f"{world.url(part)}/metrics"


def read_exposition(world: World, part: str) -> Exposition:
    """The part's whole exposition now. Raises one of NO_ANSWER; DecodingError when it is none."""
    url = exposition_url(world, part)
    answer = world.http.get(url, timeout=PAGE_WITHIN_S).raise_for_status()
    try:
        return parse_exposition(answer.text)
    except ValueError as error:
        raise httpx.DecodingError(f"{url} shows no exposition") from error


def parse_exposition(text: str) -> Exposition:
    """ValueError when it is none."""
    families = text_string_to_metric_families(text)
    return Exposition(tuple(sample for family in families for sample in family.samples))
