"""Joins the folders: the only module of `harness` that knows what `load` and `reports` offer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from fawkes.harness.catalogue import CATALOGUE
from fawkes.harness.model import RunResult
from fawkes.harness.scenario import Loader
from fawkes.harness.world import Driver
from fawkes.load.adr_rules import AdrRules
from fawkes.load.ask import Ask
from fawkes.load.band_edges import BandEdges
from fawkes.load.churn import ScrapeLoad
from fawkes.load.expose import Expose
from fawkes.load.forge import Forge
from fawkes.load.kwok.driver import Crowd
from fawkes.load.native.driver import NativeSenders
from fawkes.load.objects import ApplyObjects, DeleteObjects
from fawkes.load.organisation.driver import OrganisationDriver
from fawkes.load.post_alerts import PostAlerts
from fawkes.load.query_load import QueryLoad
from fawkes.load.replay import Replay
from fawkes.reports import render_all

DRIVERS: Final[Mapping[str, Driver]] = {
    "replay": Replay(),
    "band_edges": BandEdges(),
    "organisation": OrganisationDriver(),
    "native_senders": NativeSenders(),
    "forge": Forge(),
    "expose": Expose(),
    "adr_rules": AdrRules(),
    "post_alerts": PostAlerts(),
    "scrape_load": ScrapeLoad(),
    "query_load": QueryLoad(),
    "ask": Ask(),
    "apply_objects": ApplyObjects(),
    "delete_objects": DeleteObjects(),
    "crowd": Crowd(),
}
"""What a scenario's `workload` may `do`."""
RENDER: Final[Callable[[RunResult], Mapping[str, str]]] = render_all


def scenario_loader() -> Loader:
    """A loader that knows every kind of expectation and workload."""
    return Loader([kind.expectation for kind in CATALOGUE.values()], [driver.spec for driver in DRIVERS.values()])
