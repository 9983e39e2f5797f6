"""The account of the machine's cores: from injected counters, and from real processes of this test."""

import os
import subprocess
import sys
from collections import namedtuple

import psutil
import pytest

from fawkes.harness.host import CpuReading, cores, foreign_cores, own_cpu_s, read_cpu, system_busy_s

Linux = namedtuple("Linux", "user nice system idle iowait irq softirq steal guest guest_nice")
Elsewhere = namedtuple("Elsewhere", "user nice system idle")

BURN = "import time\nwhile time.process_time() < 0.3: pass\n"
READ_S = 0.3 - 2.5 / os.sysconf("SC_CLK_TCK")
"""Of those at least: up to a tick of each of `user` and `system` isn't read yet; the half is for sums of floats."""


def test_busy_is_all_but_idle_and_waiting_and_guests_once():
    assert system_busy_s(lambda: Linux(1, 2, 4, 1000, 1000, 8, 16, 32, 1000, 1000)) == 63


def test_a_system_that_counts_less_is_read_too():
    assert system_busy_s(lambda: Elsewhere(1, 2, 4, 1000)) == 7


def test_what_is_not_ours_is_foreign():
    before, after = CpuReading(10.0, 100.0, 40.0), CpuReading(20.0, 118.0, 53.0)
    assert foreign_cores(before, after) == pytest.approx(0.5)


def test_alone_on_the_machine_rounding_does_not_go_below_zero():
    assert foreign_cores(CpuReading(10.0, 100.0, 40.0), CpuReading(20.0, 109.99, 50.0)) == 0.0


def test_without_time_between_there_is_no_average():
    with pytest.raises(ValueError, match="take it later"):
        foreign_cores(CpuReading(10.0, 100.0, 40.0), CpuReading(10.0, 100.0, 40.0))


def test_a_reading_takes_each_counter_once():
    reading = read_cpu(busy_s=iter([7.0]).__next__, own_s=iter([3.0]).__next__, now_s=iter([1.0]).__next__)
    assert reading == CpuReading(1.0, 7.0, 3.0)


@pytest.mark.slow
def test_a_child_that_has_ended_is_still_ours():
    before = own_cpu_s()
    subprocess.run([sys.executable, "-S", "-c", BURN], check=True)
    assert own_cpu_s() - before >= READ_S


@pytest.mark.slow
def test_descendants_of_descendants_are_ours_while_they_live():
    program = (
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-S', '-c', {BURN!r}])\nprint(flush=True)\ninput()"
    )
    before = own_cpu_s()
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        assert own_cpu_s(psutil.Process(child.pid)) >= READ_S
        assert own_cpu_s() - before >= READ_S
        child.communicate(b"\n")


def test_own_time_is_part_of_the_systems():
    reading = read_cpu()
    assert reading.own_s > 0
    assert reading.busy_s > 0
    assert cores() >= len(os.sched_getaffinity(0))
