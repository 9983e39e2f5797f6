"""What one scenario's platform is made of, before it has an address: objects, names, what is broken, which clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fawkes.harness.clock import scale_objects
from fawkes.harness.errors import UsageError
from fawkes.harness.inventory import Inventory, with_replicas
from fawkes.harness.mutants.mutant import Mutant
from fawkes.harness.operator.objects import Objects, load_objects
from fawkes.harness.places import PLATFORM
from fawkes.harness.prefix import NO_PREFIX, Prefix
from fawkes.harness.scenario import PlatformSpec, Scenario

if TYPE_CHECKING:
    from fawkes.harness.run import Setting


TWO_CLUSTERS: Final = "two_clusters"
"""The ability of which a scenario says that it needs it."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The same for every provider; what comes of it differs."""

    run_id: str
    """Unique to this scenario in this run."""
    seed: int
    objects: Objects
    intended: Objects
    """What `objects` are when no mutant breaks them."""
    inventory: Inventory
    prefix: Prefix = NO_PREFIX
    """Of the namespaces; `objects` have it already."""
    mutant: Mutant | None = None
    native_senders: bool = False
    older: tuple[str, ...] = ()
    """Apps that start in the version before."""
    two_clusters: bool = False
    """The dojo has a cluster of its own."""
    keep_data: bool = False
    notes: tuple[str, ...] = ()
    """For the report: how time is treated, what is broken on purpose."""


def blueprint(name: str, scenario: Scenario, setting: Setting) -> Blueprint:
    """Of scenario `name` of a run. UsageError for a clock that can't be, or a mutant that finds nothing to break."""
    factor, counts, prefix = scenario.clock_factor(setting.profile), scenario.platform.replicas, setting.venue.prefix
    shipped = with_replicas(load_objects(PLATFORM), counts)
    if TWO_CLUSTERS in scenario.needs:
        shipped = apart(shipped)
    objects, notes = _objects(shipped, setting.mutant, factor, prefix)
    return Blueprint(
        run_id=f"{setting.run_id}-{name.replace('_', '-')}",
        seed=setting.seed,
        objects=objects,
        intended=_objects(shipped, None, factor, prefix)[0] if setting.mutant else objects,
        inventory=_inventory(scenario.platform, objects, exporters=setting.venue.has_exporters),
        prefix=prefix,
        mutant=setting.mutant,
        native_senders=scenario.platform.native_senders,
        older=scenario.platform.older,
        two_clusters=TWO_CLUSTERS in scenario.needs,
        keep_data=setting.hold is not None,
        notes=tuple(notes),
    )


def bare_blueprint(run_id: str, seed: int, prefix: Prefix = NO_PREFIX) -> Blueprint:
    """The whole platform without a scenario, for a person to look around: true clock, no mutant."""
    objects, _ = _objects(load_objects(PLATFORM), None, 1.0, prefix)
    return Blueprint(run_id, seed, objects, objects, Inventory(objects), prefix)


def refuse_unknown_parts(scenarios: Mapping[str, Scenario]) -> None:
    """UsageError naming the scenario whose `platform` asks for what there isn't, before anything starts."""
    objects = load_objects(PLATFORM)
    for name, scenario in scenarios.items():
        try:
            _inventory(scenario.platform, with_replicas(objects, scenario.platform.replicas), exporters=True)
        except UsageError as error:
            raise UsageError(f"scenario {name}: {error}") from error


def _inventory(platform: PlatformSpec, objects: Objects, *, exporters: bool) -> Inventory:
    return Inventory(objects, parts=platform.parts, counts=platform.replicas, exporters=exporters)


def apart(objects: Objects) -> Objects:
    """The dojo as a cluster of its own calls itself otherwise, or nobody could tell its series from the platform's."""

    def edit(prometheus: dict[str, Any]) -> None:
        prometheus["spec"]["externalLabels"]["cluster"] = "dojo"

    return objects.edit("Prometheus", "fawkes-dojo", "learner", edit)


def _objects(shipped: Objects, mutant: Mutant | None, factor: float, prefix: Prefix) -> tuple[Objects, list[str]]:
    """The platform's objects, broken by the mutant, on the clock; and notes for the report.

    The prefix comes last, because mutants know namespaces as the files call them.
    """
    objects, notes = shipped, []
    if mutant is not None:
        objects = mutant.change(objects)
        notes.append(f"mutant {mutant.name}: {mutant.breaks}")
    if factor == 1.0:
        return prefix.objects(objects), notes
    scaling = scale_objects(objects, factor)
    notes.append(
        f"compressed clock: {len(scaling.scaled)} alerting durations divided by {factor:g}; "
        "the unscaled rules are what is claimed"
    )
    return prefix.objects(scaling.objects), notes
