"""history.jsonl: everything sent and seen, one JSON object per line, appended as it happens.

A line is written with one system call, so a crash loses at most the line being written; a reader takes what is
whole and says when the end is missing.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from fawkes.harness.errors import Cancelled, ProviderError, RecordError
from fawkes.harness.model import History, Json, Record

FINAL = "history_end"
"""Kind of the last record; without it the history is incomplete."""


class HistoryWriter:
    """Appends records. Callable, so that it is the Recorder of world.py. Safe from several threads."""

    def __init__(
        self,
        path: Path,
        *,
        wall_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._wall_s, self._monotonic_s = path, wall_s, monotonic_s
        self._began_s = monotonic_s()
        self._lock = threading.Lock()
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)
        self._closed = False

    def __call__(self, kind: str, /, **data: Json) -> None:
        """Append one record. ProviderError when it cannot be written in full (disk full), Cancelled once closed."""
        record = {
            "at_s": round(self._wall_s(), 6),
            "mono_s": round(self._monotonic_s() - self._began_s, 6),
            "kind": kind,
            "data": data,
        }
        line = (json.dumps(record, separators=(",", ":"), ensure_ascii=False) + "\n").encode()
        with self._lock:
            if self._closed:
                raise Cancelled(f"{self._path} is closed")
            try:
                written = os.write(self._fd, line)
            except OSError as error:
                raise ProviderError(f"cannot write {self._path}: {error.strerror}; {_REMEDY}") from error
            if written != len(line):
                raise ProviderError(f"cannot write {self._path}: the disk is full; {_REMEDY}")

    def close(self) -> None:
        """Mark the history as complete and close it."""
        try:
            self(FINAL)
        finally:
            with self._lock:
                self._closed = True
                os.close(self._fd)


_REMEDY = "free space there, or choose another place for run directories with --runs DIR"


def read_history(path: Path) -> History:
    """The history in `path`. `complete` is False when its end is missing or its last line is cut short.

    Raises RecordError naming file and line when a line in the middle is damaged, or when there is no file.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise RecordError(f"{path}: {error.strerror}; give a run directory that holds it") from error
    last = lines.pop()
    records = [_parse(path, number, line) for number, line in enumerate(lines, 1)]
    whole = not last and bool(records) and records[-1].kind == FINAL
    return History([r for r in records if r.kind != FINAL], complete=whole)


def _parse(path: Path, number: int, line: bytes) -> Record:
    try:
        value = json.loads(line)
        return Record(value["at_s"], value["mono_s"], value["kind"], value["data"])
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(
            f"{path}:{number}: not a record ({error}); the file is damaged, run the scenario again"
        ) from error
