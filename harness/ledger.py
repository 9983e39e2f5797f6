"""What a run has created on this machine, written down before it is created, so that `gc` can take it back.

One JSON-lines file per live environment below the state directory: first line the owner, then one line per process
data directory, database or cluster. It is deleted when the environment has closed cleanly.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from fawkes.harness.errors import HarnessError, ProviderError

RUN_MARK: Final = "FAWKES_RUN"
"""Environment variable that says which run a process belongs to."""
_START_SLACK_S: Final = 1.0
"""psutil derives a process' start from clock ticks since boot; two readings differ by less than this."""


def state_directory(environ: Mapping[str, str]) -> Path:
    """$XDG_STATE_HOME/fawkes-harness, by default ~/.local/state/fawkes-harness."""
    base = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "fawkes-harness"


class Ledger:
    """The open ledger of one environment."""

    def __init__(self, directory: Path, run_id: str) -> None:
        self._path = directory / f"{run_id}.jsonl"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("x")
        except OSError as error:
            raise ProviderError(
                f"cannot write {self._path}: {error.strerror}; make it writable or set XDG_STATE_HOME"
            ) from error
        self._add(owner=os.getpid(), started_s=psutil.Process().create_time(), run_id=run_id)

    def process(self, pid: int) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):  # already gone: nothing to take back
            self._add(pid=pid, started_s=psutil.Process(pid).create_time())

    def data(self, directory: Path) -> None:
        self._add(data=str(directory))

    def database(self, name: str) -> None:
        self._add(database=name)

    def cluster(self, record: Mapping[str, str | None]) -> None:
        """What the provider needs to find and remove it."""
        self._add(cluster=dict(record))

    def kept(self) -> None:
        """A person looks around: `harness down` may end it."""
        self._add(kept=True)

    def close(self) -> None:
        """Everything in it has been taken back."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _add(self, **entry: object) -> None:
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()


@dataclass(slots=True)
class Reclaimed:
    """What `collect` took back."""

    runs: list[str] = field(default_factory=list)
    processes: int = 0
    data_directories: int = 0
    databases: list[str] = field(default_factory=list)
    """Left on a PostgreSQL that somebody else runs; the caller, who knows the server, must drop them."""
    clusters: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    """What could not be taken back, and what to do; its run stays in the ledger."""


RemoveCluster = Callable[[Mapping[str, Any]], None]
"""Removes a cluster, given its record. Raises HarnessError where it can't."""


def collect(directory: Path, remove_cluster: RemoveCluster) -> Reclaimed:
    """Take back what crashed runs have left. Runs whose owner lives are not touched, nor is anything unmarked."""
    done = Reclaimed()
    for path in sorted(directory.glob("*.jsonl")):
        entries = list(_entries(path))
        if not entries or _alive(entries[0]["owner"], entries[0]["started_s"]):
            continue
        run_id = str(entries[0]["run_id"])
        for entry in entries[1:]:
            if "pid" in entry and _alive(entry["pid"], entry["started_s"]):
                os.kill(entry["pid"], signal.SIGKILL)
                done.processes += 1
        done.processes += _kill_marked(run_id)
        try:
            for entry in entries[1:]:
                if "cluster" in entry:
                    remove_cluster(entry["cluster"])
                    done.clusters.append(str(entry["cluster"]["name"]))
        except HarnessError as error:
            done.troubles.append(str(error))
            continue
        for entry in entries[1:]:
            if "data" in entry and Path(entry["data"]).is_dir():
                shutil.rmtree(entry["data"], ignore_errors=True)
                done.data_directories += 1
        done.databases += [str(entry["database"]) for entry in entries if "database" in entry]
        path.unlink(missing_ok=True)
        done.runs.append(run_id)
    return done


def kept_runs(directory: Path) -> dict[str, int]:
    """Run id -> pid of the harness that holds it, for every platform that is kept for a person."""
    found: dict[str, int] = {}
    for path in sorted(directory.glob("*.jsonl")):
        entries = list(_entries(path))
        kept = any("kept" in entry for entry in entries)
        if kept and _alive(entries[0]["owner"], entries[0]["started_s"]):
            found[str(entries[0]["run_id"])] = int(entries[0]["owner"])
    return found


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return  # the line that was being written when the harness died


def _alive(pid: int, started_s: float) -> bool:
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started_s) < _START_SLACK_S
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _kill_marked(run_id: str) -> int:
    """Kill processes that carry this run's mark but were started too late to be written down."""
    killed = 0
    for process in psutil.process_iter():
        try:
            if process.environ().get(RUN_MARK) == run_id:
                process.kill()
                killed += 1
        except psutil.Error:
            continue
    return killed
