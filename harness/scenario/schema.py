"""The fields of a scenario. What checks and drivers add is joined to it by `scenario_model`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, create_model, field_validator, model_validator

from fawkes.harness.duration import DurationS
from fawkes.harness.expectation import Expectation
from fawkes.harness.providers.base import ABILITIES

Profile = Literal["ci", "nightly"]
PROFILES: Final[tuple[Profile, ...]] = get_args(Profile)

NATIVE_SENDERS: Final = "native_senders"
"""The workload whose teams' tools the DORA service must know."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PlatformSpec(_Strict):
    """How the platform is run for this claim."""

    clock: dict[Profile, Annotated[float, Field(ge=1, le=1000)]] = Field(
        default={},
        description="Per profile, by what factor alerting intervals are divided. 1 is true time, also when absent. "
        "Above 240, where Prometheus would scrape every 125ms, only for Alertmanager alone.",
    )
    parts: tuple[str, ...] = Field(
        default=(),
        description="Apps to run, with what they need; all of them when absent. `services` means all sample services, "
        "whose alert PlatformServiceAbsent fires where they don't run.",
    )
    replicas: dict[str, Annotated[int, Field(ge=1, le=3)]] = Field(
        default={}, description="App -> how many, where it differs from the platform's objects: {alertmanager-main: 2}."
    )
    older: tuple[Literal["prometheus-core", "dora"], ...] = Field(
        default=(),
        description="Apps that start in the version before, for a fault `upgrade`. Of the DORA service there is one: "
        "it starts from an image of another name.",
    )
    native_senders: bool = Field(
        default=False,
        description="The DORA service knows GitHub, GitLab, Argo CD and Jenkins, as `do: native_senders` needs it.",
    )


class _Fault(_Strict):
    at: DurationS = Field(description="Unscaled time since the workload began.")
    lasts: DurationS = Field(gt=0, description="Unscaled time until it is healed.")


class KillFault(_Fault):
    """A part ends at once (SIGKILL) and is started again on its old data."""

    do: Literal["kill"]
    part: str = Field(description="The part's name, e.g. `jenkins-0`.")

    @property
    def target(self) -> str:
        return self.part


class PauseFault(_Fault):
    """A part hangs: it keeps its connections and answers nothing."""

    do: Literal["pause"]
    part: str = Field(description="The part's name, e.g. `dora-0`.")

    @property
    def target(self) -> str:
        return self.part


class PartitionFault(_Fault):
    """The replicas of an app can't reach each other; everybody else still reaches them."""

    do: Literal["partition"]
    app: str = Field(description="The app's name, e.g. `alertmanager-main`.")

    @property
    def target(self) -> str:
        return self.app


class UpgradeFault(_Strict):
    """An app is brought to the version that ships, one replica after the other. Nobody brings it back."""

    do: Literal["upgrade"]
    app: str = Field(description="One of `platform.older`, e.g. `prometheus-core`.")
    at: DurationS = Field(description="Unscaled time since the workload began.")

    @property
    def target(self) -> str:
        return self.app


FAULTS: Final[tuple[type[BaseModel], ...]] = (KillFault, PauseFault, PartitionFault, UpgradeFault)
Fault = Annotated[KillFault | PauseFault | PartitionFault | UpgradeFault, Field(discriminator="do")]
"""What is broken while the workload runs, and for how long."""


class Scenario(_Strict):
    """One claim, what is done to the platform, and what must come of it."""

    claim: str = Field(min_length=10, description="One sentence that is true of a healthy platform.")
    alone: bool = Field(
        default=False, description="No other scenario runs meanwhile: what this one measures would be their load, too."
    )
    profiles: tuple[Profile, ...] = Field(
        default=PROFILES, min_length=1, description="Under which it runs; under another one it is skipped."
    )
    needs: tuple[str, ...] = Field(default=(), description=f"Abilities of the provider: {', '.join(ABILITIES)}.")
    platform: PlatformSpec = PlatformSpec()
    workload: tuple[Any, ...] = ()
    faults: tuple[Fault, ...] = ()
    expect: tuple[Any, ...] = Field(min_length=1)

    @field_validator("needs")
    @classmethod
    def _known_abilities(cls, needs: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [need for need in needs if need not in ABILITIES]:
            raise ValueError(f"{unknown[0]!r} is no ability; there are {', '.join(ABILITIES)}")
        return needs

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        names = [expect.name for expect in self.expect]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"expectation names must be unique, {sorted(twice)[0]!r} is not")
        if lacking := sorted({fault.do for fault in self.faults} - set(self.needs)):
            raise ValueError(f"faults of kind `{lacking[0]}` need `needs: [{', '.join(lacking)}]`")
        if newest := [one.app for one in self.faults if one.do == "upgrade" and one.app not in self.platform.older]:
            raise ValueError(
                f"`do: upgrade` needs `platform: {{older: [{newest[0]}]}}`, or there is nothing to upgrade"
            )
        kinds = {getattr(work, "do", None) for work in self.workload}
        if NATIVE_SENDERS in kinds and not self.platform.native_senders:
            raise ValueError(f"`do: {NATIVE_SENDERS}` needs `platform: {{native_senders: true}}`, or nobody knows them")
        return self

    def clock_factor(self, profile: Profile) -> float:
        """By how much the platform's alerting clock is compressed under `profile`."""
        return self.platform.clock.get(profile, 1.0)


def scenario_model(expectations: Iterable[type[Expectation]], drivers: Iterable[type[BaseModel]]) -> type[Scenario]:
    """Scenario with `expect` and `workload` narrowed to the given kinds, told apart by `check` and `do`."""
    expect: Any = Annotated[_union(expectations), Field(discriminator="check")]
    workload: Any = Annotated[_union(drivers), Field(discriminator="do")]
    return create_model(
        "Scenario",
        __base__=Scenario,
        __doc__=Scenario.__doc__,
        expect=(tuple[expect, ...], Field(min_length=1)),
        workload=(tuple[workload, ...], ()),
    )


def _union(models: Iterable[type[BaseModel]]) -> Any:
    return reduce(or_, models)
