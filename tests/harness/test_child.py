"""Children that end with us, whatever they started and however we end."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from fawkes.harness.child import ask, run
from fawkes.harness.eventually import RealClock, eventually

Script = Callable[[str, str], Path]


def sleepers(marker: str) -> list[int]:
    """Processes whose argv carries the marker."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if marker in (process.info["cmdline"] or []):
            found.append(process.pid)
    return found


@pytest.fixture
def marker() -> str:
    """A duration in seconds that no other sleep on this machine has."""
    return f"9{os.getpid()}.{os.urandom(3).hex().translate(str.maketrans('abcdef', '012345'))}"


def test_lines_of_both_streams_arrive_in_order():
    seen: list[str] = []

    outcome = run(
        ["/bin/sh", "-c", "echo one; echo two >&2; printf three; exit 4"],
        cwd=Path("/"),
        environ={},
        within_s=10.0,
        line=seen.append,
    )

    assert seen == ["one", "two", "three"]
    assert outcome.lines == ("one", "two", "three")
    assert outcome.exit_code == 4


def test_time_out_takes_the_grandchildren_too(marker: str):
    outcome = run(
        ["/bin/sh", "-c", f"sleep {marker} & echo begun; wait"], cwd=Path("/"), environ=dict(os.environ), within_s=0.3
    )

    assert outcome.exit_code is None
    assert outcome.lines == ("begun",)
    assert eventually("no sleeper", lambda: sleepers(marker), lambda s: s == [], within_s=10.0, clock=RealClock()) == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ValueError])
def test_exception_takes_the_whole_tree(marker: str, interruption: type[BaseException]):
    def stop(_: str) -> None:
        raise interruption

    with pytest.raises(interruption):
        run(
            ["/bin/sh", "-c", f"sleep {marker} & echo begun; wait"],
            cwd=Path("/"),
            environ=dict(os.environ),
            within_s=60.0,
            line=stop,
        )

    assert eventually("no sleeper", lambda: sleepers(marker), lambda s: s == [], within_s=10.0, clock=RealClock()) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_our_own_death_takes_the_whole_tree(marker: str, number: signal.Signals):
    program = (
        "import os, pathlib\n"
        "from fawkes.harness.child import run\n"
        f"run(['/bin/sh', '-c', 'sleep {marker} & echo begun; wait'], cwd=pathlib.Path('/'), environ=dict(os.environ),\n"
        "    within_s=600.0, line=lambda text: print(text, flush=True))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as harness:
        try:
            assert harness.stdout is not None
            assert harness.stdout.readline() == "begun\n"
            eventually("a sleeper", lambda: sleepers(marker), bool, within_s=10.0, clock=RealClock())
            harness.send_signal(number)
            harness.wait(10.0)
        finally:
            harness.kill()

    assert harness.returncode != 0
    assert eventually("no sleeper", lambda: sleepers(marker), lambda s: s == [], within_s=10.0, clock=RealClock()) == []


def test_tick_comes_while_a_child_is_silent():
    ticks = 0

    def tick() -> None:
        nonlocal ticks
        ticks += 1

    run(["/bin/sleep", "0.3"], cwd=Path("/"), environ={}, within_s=10.0, tick=tick, tick_s=0.05)

    assert ticks >= 2


def test_ask_answers_none_for_what_cannot_run(tmp_path: Path, script: Script):
    torn = tmp_path / "torn"
    torn.write_bytes(b"\x7fELF")
    torn.chmod(0o755)

    assert ask([str(tmp_path / "absent")], environ={}, within_s=1.0) is None
    assert ask([str(torn)], environ={}, within_s=1.0) is None
    assert ask([str(script("slow", "exec /bin/sleep 600"))], environ={}, within_s=0.1) is None
    assert ask([str(script("quick", "echo yes"))], environ={}, within_s=10.0) == "yes"
