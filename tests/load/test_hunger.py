"""How much memory is taken, given back, or left alone; and a little of it taken for real."""

import json
import subprocess
import sys

import psutil
import pytest

from fawkes.load.hunger import STEP_BYTES, EnoughError, Memory, refuse, steps_to_take

GIB = 1 << 30
SPARE = 2 * GIB


def memory(available_gib, total_gib=24.0):
    return Memory(int(total_gib * GIB), int(available_gib * GIB))


def test_a_machine_is_read_as_the_kernel_tells_it():
    text = "MemTotal:       24576 kB\nMemFree:         100 kB\nMemAvailable:   6144 kB\nSwapTotal: 0 kB\n"
    assert Memory.read(text) == Memory(24 << 20, 6 << 20)
    assert Memory.read(text).used_share == 0.75


@pytest.mark.parametrize(
    ("available_gib", "steps"),
    [(20, 1), (3.2, 1), (3.0, 0), (2.5, -1), (2.0, -1)],
)
def test_it_takes_up_to_the_wish_and_gives_back_what_others_need(available_gib, steps):
    assert steps_to_take(memory(available_gib), 0.87, SPARE) == steps


def test_it_never_takes_what_must_be_left():
    small = memory(2.2, total_gib=17)
    assert small.used_share < 0.88
    assert steps_to_take(small, 0.88, SPARE) == 0


def test_when_too_little_is_left_it_gives_all_back():
    with pytest.raises(EnoughError, match=r"less than 2\.0 GiB: others have grown"):
        steps_to_take(memory(1.9), 0.87, SPARE)


@pytest.mark.parametrize(
    ("it", "why"),
    [
        (memory(10, total_gib=16), "at 87% this machine has 2.1 GiB left, and 2.0 GiB must stay"),
        (memory(5), "others use 79% of this machine's 24.0 GiB already"),
    ],
)
def test_a_machine_without_room_is_left_alone(it, why):
    with pytest.raises(EnoughError, match=why):
        refuse(it, 0.87, SPARE)


def test_a_machine_with_room_is_not_refused():
    refuse(memory(20), 0.87, SPARE)


@pytest.mark.slow
def test_a_process_takes_real_memory_in_steps_and_ends_by_a_signal():
    machine = psutil.virtual_memory()
    used = (machine.total - machine.available) / machine.total
    if used > 0.7:
        pytest.skip(f"{used:.0%} of this machine's memory are in use")
    share = used + 2.5 * STEP_BYTES / machine.total
    command = [sys.executable, "-m", "fawkes.load.hunger", "--share", str(share), "--spare-bytes", str(GIB)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        first, second = (json.loads(process.stdout.readline()) for _ in range(2))
        rss = psutil.Process(process.pid).memory_info().rss
        process.terminate()
    assert first["eaten_bytes"] == 0
    assert first["total_bytes"] == machine.total
    assert second["eaten_bytes"] > 0
    assert rss > second["eaten_bytes"] - STEP_BYTES


@pytest.mark.slow
def test_a_process_that_may_take_nothing_says_why():
    command = [sys.executable, "-m", "fawkes.load.hunger", "--share", "0.87", "--spare-bytes", str(1 << 60)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode == 3
    assert "must stay" in json.loads(ran.stdout)["why"]
