"""Reached, refused, silent, unknown: told apart on real sockets."""

import itertools
import json
import socket
import subprocess
import sys

import pytest

from fawkes.harness.knock import reached, rounds
from still_clock import StillClock


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def refusing():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


def test_only_who_accepts_is_reached(listening, refusing):
    assert (reached(listening), reached(refusing)) == (True, False)


def test_a_name_that_nobody_knows_says_nothing():
    assert reached("nobody.invalid:80") is None


def test_every_round_tells_of_every_address(listening, refusing):
    clock = StillClock()
    first, second = itertools.islice(rounds([listening, refusing], clock), 2)
    assert first["reached"] == second["reached"] == {listening: True, refusing: False}
    assert first["at_s"] <= second["at_s"]
    assert 0 < clock.passed_s <= 1


@pytest.mark.slow
def test_a_process_writes_a_line_for_each_round(listening):
    command = [sys.executable, "-m", "fawkes.harness.knock", listening]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        told = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.terminate()
    assert [one["reached"] for one in told] == [{listening: True}] * 2
