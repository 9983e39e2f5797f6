"""Asks the API for every team's bands in every window and edition, and the exporter for its levels. Judges nothing.

Both are asked once: an acknowledged event is in the next answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import product
from typing import Any, Final

from fawkes.harness.checks.dora import event_source
from fawkes.harness.checks.dora_bands import DoraBandsExpectation
from fawkes.harness.duration import format_duration, parse_duration_s
from fawkes.harness.model import Json, Stage
from fawkes.harness.observe import event_store, exposition
from fawkes.harness.observe.dora_api import ask, dora_url
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.oracle.dora_bands import EDITIONS
from fawkes.harness.world import Recorder, World

_LEVEL: Final = "fawkes_dora_performance_level"
_TEAMS: Final = "SELECT DISTINCT data->>'team' FROM events WHERE source = %s"


def observe_dora_bands(expect: DoraBandsExpectation, world: World, record: Recorder) -> None:
    """Record `bands` of each team: of the API per window and edition, of the exporter per window; null if silent."""
    part = world.replicas("dora")[0]
    until_s = world.now_s() + expect.within

    def answer(what: str, probe: Callable[[], Any]) -> Any:
        return last_seen(world, what, probe, until_s=until_s)

    def stored() -> list[str]:
        return sorted(team for (team,) in event_store.select(world, _TEAMS, event_source(world.run_id)))

    teams: list[str] = answer("the teams that the store knows", stored) or []
    for team, window, edition in product(teams, (*expect.windows, *map(format_duration, expect.spans)), EDITIONS):
        over = _Over(team, window, to_s=float(int(world.now_s())))
        url = f"{dora_url(world, part)}/{team}"
        params = {**over.params(named=window in expect.windows), "edition": edition}
        bands = answer(f"the bands of {team}", partial(ask, world, url, params, "classification", _bands))
        about = {"stage": Stage.REST.value, "source": part, "edition": edition, **over.about()}
        record("bands", expectation=expect.name, **about, bands=bands)
    page = answer("a page of the exporter", partial(exposition.read_exposition, world, part))
    for team, window in product(teams, expect.windows):
        about = {"stage": Stage.EXPORTER.value, "source": part, **_Over(team, window, to_s=world.now_s()).about()}
        levels = None if page is None else _levels(page, team, window)
        record("bands", expectation=expect.name, **about, levels=levels)


@dataclass(frozen=True, slots=True)
class _Over:
    """A team and a window that ends at `to_s`."""

    team: str
    window: str
    to_s: float

    @property
    def from_s(self) -> float:
        return self.to_s - parse_duration_s(self.window)

    def params(self, *, named: bool) -> dict[str, str]:
        return {"window": self.window} if named else {"from": _instant(self.from_s), "to": _instant(self.to_s)}

    def about(self) -> dict[str, Json]:
        return {"team": self.team, "window": self.window, "from_s": self.from_s, "to_s": self.to_s}


def _levels(page: exposition.Exposition, team: str, window: str) -> dict[str, float]:
    labels = {"team": team, "environment": "production", "window": window}
    return {sample.labels["metric"]: sample.value for sample in page.samples(_LEVEL, labels)}


def _bands(body: Mapping[str, Any]) -> dict[str, Json]:
    return {metric: band for metric, band in body["classification"].items() if metric != "edition"}


def _instant(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat()
