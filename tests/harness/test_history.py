"""history.jsonl: whole, cut short, damaged, and on a full disk."""

import itertools
import os
import threading
from pathlib import Path

import pytest

from fawkes.harness.errors import ProviderError, RecordError
from fawkes.harness.history import HistoryWriter, read_history


def write(path, *, close=True):
    ticks = itertools.count(1)
    writer = HistoryWriter(path, wall_s=lambda: 1000.0 + next(ticks), monotonic_s=lambda: 5.0)
    writer("event", ack="stored", value=0.1)
    writer("value", value=None, query='up{job="ä"}')
    if close:
        writer.close()
    return path


def test_what_was_written_is_read(tmp_path):
    history = read_history(write(tmp_path / "h.jsonl"))
    assert history.complete
    assert [(r.kind, r.at_s) for r in history] == [("event", 1001.0), ("value", 1002.0)]
    assert history.of("event", ack="stored")[0].data["value"] == 0.1
    assert history.of("event", ack="lost") == []


def test_a_history_without_its_end_is_incomplete_but_readable(tmp_path):
    history = read_history(write(tmp_path / "h.jsonl", close=False))
    assert (history.complete, len(list(history))) == (False, 2)


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_history_cut_anywhere_near_its_end_keeps_what_is_whole(tmp_path, cut):
    path = write(tmp_path / "h.jsonl")
    path.write_bytes(path.read_bytes()[:-cut])
    history = read_history(path)
    assert not history.complete
    assert len(list(history)) == 2


def test_damage_in_the_middle_is_named_by_line(tmp_path):
    path = write(tmp_path / "h.jsonl")
    lines = path.read_text().splitlines()
    lines[1] = lines[1][:20]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(RecordError, match=r"h.jsonl:2: "):
        read_history(path)


def test_a_missing_history_is_named(tmp_path):
    with pytest.raises(RecordError, match=r"h.jsonl: No such file"):
        read_history(tmp_path / "h.jsonl")


def test_a_full_disk_is_told_with_a_remedy():
    with pytest.raises(ProviderError, match="--runs"):
        HistoryWriterOnFullDisk()("event", ack="stored")


class HistoryWriterOnFullDisk(HistoryWriter):
    """/dev/full refuses every write with ENOSPC, as a full disk does."""

    def __init__(self) -> None:
        self._path, self._wall_s, self._monotonic_s = Path("/dev/full"), lambda: 0.0, lambda: 0.0
        self._began_s, self._lock, self._closed = 0.0, threading.Lock(), False
        self._fd = os.open("/dev/full", os.O_WRONLY)
