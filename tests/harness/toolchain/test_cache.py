"""The cache: where it is, what it says when it cannot be used, and who holds its lock."""

import ctypes
import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fawkes.harness.errors import ToolchainError
from fawkes.harness.toolchain import cache
from fawkes.harness.toolchain.cache import cache_directory, keep, key, locked, under_way
from still_clock import StillClock


def without_root_rights(act: Callable[[], None]) -> None:
    """Run `act` in a thread that obeys file modes even if we are root: capset concerns the calling thread only."""

    class Header(ctypes.Structure):
        _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))

    header, none = Header(0x20080522, 0), (ctypes.c_uint32 * 6)()
    failures: list[BaseException] = []

    def obey() -> None:
        try:
            assert ctypes.CDLL(None).capset(ctypes.byref(header), ctypes.byref(none)) == 0
            act()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=obey)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


@pytest.mark.parametrize(
    ("environ", "directory"),
    [
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/fawkes-harness/toolchain"),
        ({"HOME": "/h"}, "/h/.cache/fawkes-harness/toolchain"),
        ({"XDG_CACHE_HOME": "", "HOME": "/h"}, "/h/.cache/fawkes-harness/toolchain"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/fawkes-harness/toolchain"),
        ({}, f"{Path.home()}/.cache/fawkes-harness/toolchain"),
    ],
)
def test_cache_is_where_xdg_says(environ: dict[str, str], directory: str):
    assert str(cache_directory(environ)) == directory


def test_key_depends_on_every_source_and_flag(tmp_path: Path):
    (tmp_path / "go.mod").write_text("module m\n")
    (tmp_path / "go.sum").write_text("")
    first = key(tmp_path, ("-trimpath",))

    assert key(tmp_path, ("-trimpath",)) == first
    assert key(tmp_path, ("-race",)) != first
    (tmp_path / "go.sum").write_text("x")
    assert key(tmp_path, ("-trimpath",)) != first


def test_no_permission_names_the_path_and_the_remedy(tmp_path: Path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)

    def take() -> None:
        with locked(closed / "thanos", what="thanos", progress=print, within_s=1.0, clock=StillClock()):
            pass

    with pytest.raises(ToolchainError) as caught:
        without_root_rights(take)

    assert f"Permission denied ({closed / 'thanos'})" in str(caught.value)
    assert "point XDG_CACHE_HOME to a directory that this user can write" in str(caught.value)


def test_full_disk_names_the_path_and_the_remedy(tmp_path: Path):
    (tmp_path / "lock").symlink_to("/dev/full")

    with (
        pytest.raises(ToolchainError, match=r"No space left on device .*free some space under"),
        locked(tmp_path, what="thanos", progress=print, within_s=1.0, clock=StillClock()),
    ):
        pass


def test_file_in_the_way_names_the_path(tmp_path: Path):
    (tmp_path / "cache").write_text("")

    with (
        pytest.raises(ToolchainError, match=f"Not a directory .*look at {tmp_path}"),
        locked(tmp_path / "cache" / "thanos", what="thanos", progress=print, within_s=1.0, clock=StillClock()),
    ):
        pass


def test_lock_waits_for_its_holder_and_says_once_who_that_is(tmp_path: Path):
    holder = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(holder, fcntl.LOCK_EX)
    os.write(holder, b"4711                ")
    waited = 0

    def on_wait() -> None:
        nonlocal waited
        waited += 1
        if waited == 3:
            os.close(holder)

    said: list[str] = []
    with locked(tmp_path, what="thanos", progress=said.append, within_s=60.0, clock=StillClock(on_wait)):
        assert (tmp_path / "lock").read_text().strip() == str(os.getpid())

    assert waited == 3
    assert said == ["thanos: waiting for another build (pid 4711)"]


def test_lock_that_is_never_released_ends_in_an_error(tmp_path: Path):
    said: list[str] = []
    with (
        locked(tmp_path, what="thanos", progress=said.append, within_s=60.0, clock=StillClock()),
        pytest.raises(ToolchainError, match=rf"pid {os.getpid()}\) did not end within 60 s; look at that process"),
        locked(tmp_path, what="thanos", progress=said.append, within_s=60.0, clock=StillClock()),
    ):
        pass


def test_what_a_killed_build_left_is_swept_and_finished_binaries_are_not(tmp_path: Path):
    (tmp_path / ".build-killed").mkdir()
    (tmp_path / ".build-killed" / "half").write_text("half")
    (tmp_path / "0123").mkdir()

    with under_way(tmp_path) as scratch:
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([scratch.name, "0123"])

    assert [path.name for path in tmp_path.iterdir()] == ["0123"]


def test_keep_replaces_in_one_step(tmp_path: Path):
    made = tmp_path / "made"
    made.write_text("new")
    final = tmp_path / "key" / "thanos"

    keep(made, final)

    assert final.read_text() == "new"
    assert not made.exists()


def test_sources_are_the_files_of_the_module_only(tmp_path: Path):
    (tmp_path / "go.mod").touch()
    (tmp_path / "sub").mkdir()

    assert cache.sources(tmp_path) == [tmp_path / "go.mod"]
