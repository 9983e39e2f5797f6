"""What a scenario expects: the base of every check's own model."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from fawkes.harness.duration import DurationS


class Expectation(BaseModel):
    """Fields every expectation has. A check's module derives its own and narrows `check` to a Literal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    check: str
    name: str = Field(min_length=1, description="Unique in the scenario; what the pytest item is called.")
    within: DurationS = Field(
        default=60.0,
        gt=0,
        description="How long the harness waits for it, on the true clock; scaled with the platform's.",
    )
