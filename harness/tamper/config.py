"""What the proxy listens on, what it stands in front of, and how it tampers."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt, field_validator

from fawkes.harness.loopback import LoopbackUrl


class TamperConfig(BaseModel):
    """The proxy's JSON file. Without any of the fields after `upstream` it only passes on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen_port: int = Field(ge=0, le=65535, description="On 127.0.0.1.")
    upstream: LoopbackUrl
    delay_s: NonNegativeFloat = Field(default=0.0, description="How long each request is held back.")
    drop_nth_post: PositiveInt | None = Field(
        default=None, description="The POST, counted from 1, that is acknowledged as stored and never passed on."
    )
    zero_metrics_matching: str | None = Field(
        default=None, description="Samples of a text exposition whose whole name matches are served as 0."
    )
    corrupt_numbers: bool = Field(
        default=False, description="Every sample value in a Prometheus API answer is changed."
    )

    replace_status: dict[int, int] = Field(default={}, description="Status of an answer -> the one that is passed on.")
    replace_in_json: dict[str, str] = Field(
        default={}, description="Text in JSON answers -> what stands there instead, each place of it."
    )

    @field_validator("zero_metrics_matching")
    @classmethod
    def _is_a_regex(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as err:
                raise ValueError(f"{pattern!r} is not a regular expression: {err}") from None
        return pattern

    @property
    def edits_answers(self) -> bool:
        """Whether it must read what passes."""
        return self.zero_metrics_matching is not None or self.corrupt_numbers or bool(self.replace_in_json)
