"""Recorded histories: hand-written event sequences with known answers, in times relative to the run.

A file says "22 days before, 14:00"; `events` makes CloudEvents of it for one run. Identities (source, event ids,
shas, deployment and incident ids) are made from the run id, so a second run can't pass on the first one's data.
"""

from __future__ import annotations

import hashlib
import re
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationError,
    field_validator,
)
from pydantic_core import ErrorDetails

from fawkes import fixtures
from fawkes.harness.checks.dora import event_source
from fawkes.harness.duration import DurationS
from fawkes.harness.errors import Problem, ScenarioError, UsageError
from fawkes.harness.scenario.yaml_positions import Document, Location, parse

CloudEvent = dict[str, Any]

DAY_S = 86400
ANSWERS_OF = "production"
"""The environment that a history's answers are about."""

_MOMENT = re.compile(r"^-(\d+)d ([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$")

_OFFSET = re.compile(r"^([+-])(0\d|1[0-4]):([0-5]\d)$")


def _offset_s(text: object) -> float:
    """Seconds relative to the midnight (UTC) that began the day of the run."""
    match = _MOMENT.match(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError('is no moment; write days before the day of the run and a UTC time of day, like "-22d 14:00"')
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(-days * DAY_S + hours * 3600 + minutes * 60 + seconds)


def _zone(text: object) -> timezone:
    match = _OFFSET.match(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError('is no offset from UTC; write it like "+02:00"')
    sign, hours, minutes = match.groups()
    return timezone(timedelta(hours=int(f"{sign}{hours}"), minutes=int(f"{sign}{minutes}")))


Moment = Annotated[float, BeforeValidator(_offset_s)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")]
Outcome = Literal["success", "failure", "cancelled"]


@dataclass(frozen=True, slots=True)
class _Run:
    """What turns a file's names and moments into one run's identities and times."""

    anchor_s: float
    run_id: str
    repo: str

    def time(self, offset_s: float, zone: tzinfo = UTC) -> str:
        return datetime.fromtimestamp(self.anchor_s + offset_s, zone).isoformat()

    def sha(self, name: str) -> str:
        return hashlib.sha1(f"{self.run_id}/{name}".encode(), usedforsecurity=False).hexdigest()

    def id(self, name: str) -> str:
        return f"{self.run_id}-{name}"


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    time: Moment
    offset: Annotated[timezone, PlainValidator(_zone)] = UTC
    """The offset from UTC in which the sender writes the time; the moment is the same."""
    service: Name | None = None
    """Another service than the file's."""

    @abstractmethod
    def data(self, run: _Run) -> dict[str, Any]:
        """The event's own payload fields."""


class Commit(_Entry):
    event: Literal["commit"]
    sha: Name
    committed: Moment | None = None
    """When it was committed, where that is not when it was pushed."""

    def data(self, run: _Run) -> dict[str, Any]:
        data = {"sha": run.sha(self.sha), "repo": run.repo, "branch": "main"}
        return data if self.committed is None else data | {"committed_at": run.time(self.committed)}


class BuildStarted(_Entry):
    event: Literal["build_started"]
    build: Name
    attempt: int = Field(default=1, ge=1)
    commit: Name

    def data(self, run: _Run) -> dict[str, Any]:
        return {"build_id": run.id(self.build), "attempt": self.attempt, "commit_sha": run.sha(self.commit)}


class BuildCompleted(BuildStarted):
    event: Literal["build_completed"]  # type: ignore[assignment]
    status: Outcome = "success"

    def data(self, run: _Run) -> dict[str, Any]:
        return super().data(run) | {"status": self.status}


class DeploymentStarted(_Entry):
    event: Literal["deployment_started"]
    deployment: Name
    attempt: int = Field(default=1, ge=1)
    environment: Name
    commit: Name

    def data(self, run: _Run) -> dict[str, Any]:
        return {
            "environment": self.environment,
            "deployment_id": run.id(self.deployment),
            "attempt": self.attempt,
            "commit_sha": run.sha(self.commit),
        }


class DeploymentCompleted(DeploymentStarted):
    event: Literal["deployment_completed"]  # type: ignore[assignment]
    commits: tuple[Name, ...] | None = None
    status: Outcome = "success"
    change: Literal["normal", "rollback", "hotfix", "redeploy"] = Field(default="normal", alias="kind")
    caused_by_incident: Name | None = None

    def data(self, run: _Run) -> dict[str, Any]:
        data = super().data(run) | {"status": self.status, "kind": self.change}
        if self.commits is not None:
            data["commits"] = [run.sha(name) for name in self.commits]
        if self.caused_by_incident is not None:
            data["caused_by_incident"] = run.id(self.caused_by_incident)
        return data


class IncidentCreated(_Entry):
    event: Literal["incident_created"]
    incident: Name
    environment: Name
    severity: Literal["critical", "high", "medium", "low"]
    started: Moment | None = None
    """When it began, where that is not when it was reported."""
    caused_by_deployment: Name | None = None

    def data(self, run: _Run) -> dict[str, Any]:
        data: dict[str, Any] = {
            "environment": self.environment,
            "incident_id": run.id(self.incident),
            "severity": self.severity,
        }
        if self.started is not None:
            data["started_at"] = run.time(self.started)
        if self.caused_by_deployment is not None:
            data["caused_by_deployment"] = run.id(self.caused_by_deployment)
        return data


class IncidentResolved(_Entry):
    event: Literal["incident_resolved"]
    incident: Name
    environment: Name

    def data(self, run: _Run) -> dict[str, Any]:
        return {"environment": self.environment, "incident_id": run.id(self.incident)}


Entry = Annotated[
    Commit
    | BuildStarted
    | BuildCompleted
    | DeploymentStarted
    | DeploymentCompleted
    | IncidentCreated
    | IncidentResolved,
    Field(discriminator="event"),
]


class Answers(BaseModel):
    """What the metrics must be, worked out by hand; null where there is no data. The six are always stated, the others
    where a history is about them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    deployment_frequency_per_day: float | None
    lead_time_p50_s: float | None
    lead_time_p95_s: float | None
    change_failure_ratio: float | None
    failed_deployment_recovery_p50_s: float | None
    time_to_restore_p50_s: float | None
    lead_times: int | None = None
    lead_times_invalid: int | None = None
    recoveries: int | None = None
    recoveries_open: int | None = None
    restores: int | None = None
    restores_open: int | None = None
    rework_ratio: float | None = None

    def stated(self) -> dict[str, float | None]:
        """Field -> value of those that the file states."""
        return self.model_dump(exclude_unset=True)


class RecordedHistory(BaseModel):
    """One history file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    team: Name
    service: Name
    repo: str
    window: DurationS
    """The window, ending now, for which `answers` hold."""
    entries: tuple[Entry, ...] = Field(alias="events")
    answers: Answers

    @field_validator("entries")
    @classmethod
    def _not_empty(cls, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        # min_length would count the entries that are valid, and complain about the others twice
        if not entries:
            raise ValueError("a history needs at least one event")
        return entries

    def events(self, anchor_s: float, run_id: str) -> list[CloudEvent]:
        """The events of one run in the file's order. `anchor_s` is the midnight UTC that began the run's day."""
        run = _Run(anchor_s, run_id, self.repo)
        return [
            {
                "specversion": "1.0",
                "id": run.id(f"{self.team}-{number:04d}"),
                "source": event_source(run_id),
                "type": f"dev.fawkes.{entry.event}",
                "time": run.time(entry.time, entry.offset),
                "datacontenttype": "application/json",
                "data": {"team": self.team, "service": entry.service or self.service} | entry.data(run),
            }
            for number, entry in enumerate(self.entries, 1)
        ]


def midnight_s(now_s: float) -> float:
    """The midnight UTC that began the day of `now_s`."""
    return now_s // DAY_S * DAY_S


def history_path(name: str) -> Path:
    """Where the history of that name is kept. UsageError, with the names there are, if it is not."""
    directory = Path(fixtures.__path__[0]) / "histories"
    known = sorted(path.stem for path in directory.glob("*.yaml"))
    if name not in known:
        raise UsageError(f"there is no history {name!r}; use one of: {', '.join(known)}")
    return directory / f"{name}.yaml"


def load_history(path: Path) -> RecordedHistory:
    """The history in a file. ScenarioError lists everything wrong with it by line; UsageError if it can't be read."""
    try:
        document = parse(path.read_text(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}; give a YAML file as in fixtures/histories") from error
    problems = list(document.problems)
    if document.value is not None:
        try:
            history = RecordedHistory.model_validate(document.value)
            problems += _dangling(history, document, str(path))
            if not problems:
                return history
        except ValidationError as error:
            problems += [_problem(detail, document, str(path)) for detail in error.errors()]
    raise ScenarioError(problems or [Problem(str(path), 1, "", "the file is empty; write a history")])


def _problem(detail: ErrorDetails, document: Document, file: str) -> Problem:
    location = tuple(step for at, step in enumerate(detail["loc"]) if not _is_tag(detail["loc"], at))
    text = detail["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(detail["input"], dict | list) else f" (given: {detail['input']!r})"
    return Problem(file, document.line(location), ".".join(map(str, location)), text + shown)


def _is_tag(loc: Location, at: int) -> bool:
    """pydantic names the union's member after the index of the entry."""
    return at == 2 and loc[0] == "events"


def _dangling(history: RecordedHistory, document: Document, file: str) -> Iterator[Problem]:
    """Names that are used and never introduced; typing errors would otherwise become other correct answers."""
    entries = history.entries
    known = {
        "commit": {e.sha for e in entries if isinstance(e, Commit)},
        "deployment": {e.deployment for e in entries if isinstance(e, DeploymentStarted)},
        "incident": {e.incident for e in entries if isinstance(e, IncidentCreated)},
    }
    for index, entry in enumerate(entries):
        for field, what, name in _references(entry):
            if name not in known[what]:
                location: Location = ("events", index, field)
                message = f"no {what} {name!r} in this file; known are {', '.join(sorted(known[what]))}"
                yield Problem(file, document.line(location), f"events.{index}.{field}", message)


def _references(entry: _Entry) -> Iterator[tuple[str, str, str]]:
    """(field, kind of thing, name) of everything an entry points at."""
    if isinstance(entry, BuildStarted | DeploymentStarted):
        yield "commit", "commit", entry.commit
    if isinstance(entry, DeploymentCompleted):
        yield from (("commits", "commit", name) for name in entry.commits or ())
        if entry.caused_by_incident is not None:
            yield "caused_by_incident", "incident", entry.caused_by_incident
    if isinstance(entry, IncidentCreated) and entry.caused_by_deployment is not None:
        yield "caused_by_deployment", "deployment", entry.caused_by_deployment
    if isinstance(entry, IncidentResolved):
        yield "incident", "incident", entry.incident
