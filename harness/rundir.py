"""The run directory: where each thing lies, and what run.json says.

RUN_DIR/run.json               written before anything starts: seed, versions, machine, git, scenarios
        SCENARIO/history.jsonl everything sent and seen
        SCENARIO/logs/*.log    what each part wrote
        SCENARIO/parts/        configuration and data, only while it runs or with --keep
        result.json, junit.xml, report.md, report.html
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from fawkes.harness.errors import ProviderError, RecordError
from fawkes.harness.model import Json, ShippedAlert
from fawkes.harness.scenario import Profile

FORMAT: Final = 2
"""Of run.json and history.jsonl. A reader refuses what it does not know."""
LATEST: Final = "latest"


@dataclass(frozen=True, slots=True)
class Planned:
    """A scenario as it was when the run began: its plain YAML value, so that it can be judged again."""

    name: str
    value: Json
    skipped: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """run.json."""

    run_id: str
    seed: int
    provider: str
    profile: Profile
    started_at_s: float
    versions: Mapping[str, str]
    machine: Mapping[str, Json]
    git: Mapping[str, Json]
    command: str
    mutant: str | None
    alerts: tuple[ShippedAlert, ...]
    """The platform's, unbroken: what the run could have covered."""
    scenarios: tuple[Planned, ...]


class RunDirectory:
    """Paths of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, runs: Path, manifest: Manifest) -> RunDirectory:
        """A new directory below `runs` with run.json in it; `runs/latest` points at it. ProviderError if impossible."""
        path = runs / manifest.run_id
        with _writing(path):
            path.mkdir(parents=True)
            write_whole(path / "run.json", _text(manifest))
            _point(runs / LATEST, path.name)
        return cls(path)

    def plan_anew(self, manifest: Manifest) -> None:
        """Another run.json, as long as no scenario has run. ProviderError if impossible."""
        with _writing(self.path):
            write_whole(self.path / "run.json", _text(manifest))

    def scenario(self, name: str) -> Path:
        """Directory of one scenario of the run."""
        return self.path / name

    def history(self, name: str) -> Path:
        return self.scenario(name) / "history.jsonl"

    def manifest(self) -> Manifest:
        """What run.json says. RecordError when it is missing, damaged, or of another format."""
        path = self.path / "run.json"
        try:
            value = json.loads(path.read_text())
            if value.pop("format") != FORMAT:
                raise RecordError(f"{path}: written by another version of the harness; judge it with that version")
            scenarios = tuple(Planned(**planned) for planned in value.pop("scenarios"))
            alerts = tuple(ShippedAlert(**alert) for alert in value.pop("alerts"))
            return Manifest(**value, alerts=alerts, scenarios=scenarios)
        except OSError as error:
            raise RecordError(
                f"{path}: {error.strerror}; give the directory of a run, such as .fawkes/runs/latest"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise RecordError(f"{path}: damaged ({error}); the run cannot be judged, run it again") from error


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader sees all of it or the one before. Raises OSError."""
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def _text(manifest: Manifest) -> str:
    return json.dumps({"format": FORMAT, **asdict(manifest)}, indent=2, ensure_ascii=False) + "\n"


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ProviderError(
            f"cannot write the run directory {path}: {error.strerror}; free space there, or give --runs DIR"
        ) from error


def _point(link: Path, target: str) -> None:
    fresh = link.with_name(f"{link.name}.{os.getpid()}")
    fresh.symlink_to(target)
    fresh.replace(link)
