"""Alerts and silences posted straight to Alertmanager, by a script. Driver of `do: post_alerts`.

For what the platform's own rules cannot raise at will: every severity of every team, at chosen moments. They are
posted as a Prometheus does it, to every replica, again and again while they fire, and once when they end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from fawkes.harness.duration import DurationS
from fawkes.harness.model import Component, Json
from fawkes.harness.oracle.alert_routing import parse_matcher
from fawkes.harness.script import LabelName
from fawkes.harness.world import Recorder, Site, World

APP: Final = "alertmanager-main"
VALID_FOR_RESENDS: Final = 4
"""A firing alert is said to last that many resend delays more, so that some may be lost (rules/alerting.go)."""
_ANSWER_WITHIN_S: Final = 2.0
"""Alertmanager answers a post in milliseconds. Longer, and the posts behind it would leave late."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PostedAlert(_Strict):
    """One alert, once."""

    labels: dict[LabelName, str] = Field(description="All of them; alertname too.")
    fires: DurationS = Field(default=0.0, description="Unscaled time since the workload began.")
    ends: DurationS = Field(description="Likewise.")

    @model_validator(mode="after")
    def _consistent(self) -> PostedAlert:
        if "alertname" not in self.labels:
            raise ValueError(f"labels {self.labels} lack `alertname`; give the alert a name")
        if self.ends <= self.fires:
            raise ValueError(f"{self.labels['alertname']} ends before it fires; `ends` must be later than `fires`")
        return self


class PostedSilence(_Strict):
    """One silence, made through the API of the first replica, which tells the others."""

    matchers: tuple[str, ...] = Field(min_length=1, description="As in alertmanager.yaml, e.g. 'job = \"jenkins\"'.")
    at: DurationS = Field(default=0.0, description="When it is made and begins; unscaled since the workload began.")
    until: DurationS = Field(description="Its end, likewise.")
    expire: DurationS | None = Field(default=None, description="When it is ended by hand before that, likewise.")

    @field_validator("matchers")
    @classmethod
    def _readable(cls, matchers: tuple[str, ...]) -> tuple[str, ...]:
        for text in matchers:
            parse_matcher(text)
        return matchers

    @model_validator(mode="after")
    def _consistent(self) -> PostedSilence:
        if not self.at < (self.until if self.expire is None else self.expire) <= self.until:
            raise ValueError("a silence must begin (`at`) before it is ended (`expire`), not after its end (`until`)")
        return self


class PostAlertsSpec(_Strict):
    """`do: post_alerts`"""

    do: Literal["post_alerts"]
    alerts: tuple[PostedAlert, ...] = Field(min_length=1)
    silences: tuple[PostedSilence, ...] = ()
    resend: DurationS = Field(default=60.0, gt=0, description="How long until a firing alert is posted again.")
    lasts: DurationS = Field(
        gt=0,
        description="When the workload ends: late enough for the last message, and for those that must not come.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> PostAlertsSpec:
        if late := [alert.labels["alertname"] for alert in self.alerts if alert.ends > self.lasts]:
            raise ValueError(f"{late[0]} ends after the workload; make `lasts` longer")
        return self


class PostAlerts:
    """Driver of `do: post_alerts`."""

    spec: type[BaseModel] = PostAlertsSpec

    def components(self, spec: PostAlertsSpec, site: Site) -> Sequence[Component]:
        """None: it all goes to the platform's own Alertmanager."""
        return ()

    def run(self, spec: PostAlertsSpec, world: World, record: Recorder) -> None:
        """Do every step at its time, and record each: `alert_posted`, `silenced`, `silence_expired`.

        A replica that does not answer is recorded with status null; nothing is tried again before its time.
        """
        script = _Script(world, record)
        for step in steps(spec):
            world.poll_for(script.wall_s(step.at_s) - world.now_s())
            step.act(script)
        world.poll_for(script.wall_s(spec.lasts) - world.now_s())


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do at an unscaled time since the workload began."""

    at_s: float
    act: Callable[[_Script], None]


def steps(spec: PostAlertsSpec) -> list[Step]:
    """Everything there is to do, in order of time."""
    found = [step for alert in spec.alerts for step in _life(alert, spec.resend)]
    for index, silence in enumerate(spec.silences):
        found.append(Step(silence.at, partial(_Script.silence, index=index, silence=silence)))
        if silence.expire is not None:
            found.append(Step(silence.expire, partial(_Script.expire, index=index)))
    return sorted(found, key=lambda step: step.at_s)


def _life(alert: PostedAlert, resend_s: float) -> Iterator[Step]:
    count = 0
    while (at_s := alert.fires + count * resend_s) < alert.ends:
        valid_s = at_s + VALID_FOR_RESENDS * resend_s
        yield Step(at_s, partial(_Script.post, alert=alert, until_s=valid_s))
        count += 1
    yield Step(alert.ends, partial(_Script.post, alert=alert, until_s=alert.ends))


class _Script:
    """Posts and records."""

    def __init__(self, world: World, record: Recorder) -> None:
        self._world, self._record = world, record
        self._began_s = world.now_s()
        self._silences: dict[int, str] = {}

    def wall_s(self, at_s: float) -> float:
        return self._began_s + at_s / self._world.clock_factor

    def post(self, alert: PostedAlert, until_s: float) -> None:
        """To every replica, one after the other."""
        starts_s, ends_s = self.wall_s(alert.fires), self.wall_s(until_s)
        body = [{"labels": alert.labels, "startsAt": instant(starts_s), "endsAt": instant(ends_s)}]
        began_s = self._world.now_s()
        answers = {part: self._send("POST", part, "/api/v2/alerts", body) for part in self._world.replicas(APP)}
        self._record(
            "alert_posted",
            labels=alert.labels,
            starts_s=starts_s,
            ends_s=ends_s,
            began_s=began_s,
            ended_s=self._world.now_s(),
            status={part: _status(answer) for part, answer in answers.items()},
        )

    def silence(self, index: int, silence: PostedSilence) -> None:
        matchers = [parse_matcher(text) for text in silence.matchers]
        began_s, ends_s = self._world.now_s(), self.wall_s(silence.until)
        body = {
            "matchers": [
                {"name": m.name, "value": m.value, "isRegex": "~" in m.op, "isEqual": not m.op.startswith("!")}
                for m in matchers
            ],
            "startsAt": instant(began_s),
            "endsAt": instant(ends_s),
            "createdBy": "fawkes harness",
            "comment": self._world.run_id,
        }
        part = self._world.replicas(APP)[0]
        answer = self._send("POST", part, "/api/v2/silences", body)
        if answer is not None and answer.is_success:
            self._silences[index] = str(answer.json()["silenceID"])
        self._record(
            "silenced",
            id=self._silences.get(index),
            matchers=list(silence.matchers),
            began_s=began_s,
            starts_s=self._world.now_s(),
            ends_s=ends_s,
            status=_status(answer),
        )

    def expire(self, index: int) -> None:
        silence, answer = self._silences.get(index), None
        if silence is not None:
            part = self._world.replicas(APP)[0]
            answer = self._send("DELETE", part, f"/api/v2/silence/{silence}", None)
        self._record("silence_expired", id=silence, ends_s=self._world.now_s(), status=_status(answer))

    def _send(self, method: str, part: str, path: str, body: Json) -> httpx.Response | None:
        """None when there was no answer."""
        url = self._world.url(part) + path
        try:
            return self._world.http.request(method, url, json=body, timeout=_ANSWER_WITHIN_S)
        except httpx.HTTPError:
            return None


def _status(answer: httpx.Response | None) -> int | None:
    return None if answer is None else answer.status_code


def instant(at_s: float) -> str:
    """RFC 3339 in microseconds, e.g. 2026-01-01T00:00:00.250000Z."""
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
