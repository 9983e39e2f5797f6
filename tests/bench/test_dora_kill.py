"""The durability benchmark in short, with the real service and database; and that it would notice."""

import itertools
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import httpx
import pytest

BENCH = Path(__file__).parents[2] / "bench"
pytestmark = [pytest.mark.slow, pytest.mark.platform]


def test_after_three_kills_nothing_acknowledged_is_lost_or_doubled_and_the_values_are_the_oracles():
    command = [sys.executable, BENCH / "dora_kill.py", "--kills", "3", "--seed", "5"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "acknowledged events lost: 0" in done.stdout
    assert done.stdout.count(" killed after ") == 3


@pytest.fixture
def kill(monkeypatch):
    monkeypatch.syspath_prepend(BENCH)
    return import_module("dora_kill")


def test_what_is_lost_made_up_or_changed_behind_the_services_back_is_noticed(kill):
    with kill.parts() as under_test:
        under_test.restart()
        events = itertools.islice(kill.live(1000, seed=1, ends_s=time.time(), run_id="test"), 400)
        with httpx.Client(base_url=under_test.url, trust_env=False) as http:
            acknowledged = [kill.send(http, event, under_test.secret) for event in events]
        assert not any(kill.judge(under_test, acknowledged).values())
        with under_test.connect() as connection:
            connection.execute("DELETE FROM events WHERE seq IN (SELECT min(seq) FROM events)")
            connection.execute("UPDATE events SET id = id || 'x' WHERE seq IN (SELECT min(seq) FROM events)")
            connection.execute(
                'UPDATE events SET data = data || \'{"status": "failure"}\''
                " WHERE type = 'dev.fawkes.deployment_completed' AND data->>'status' = 'success'"
            )
        under_test.restart()
        faults = kill.judge(under_test, acknowledged)
        assert faults["acknowledged events lost"] == 2
        assert faults["events stored that nobody sent"] == 1
        assert faults["events stored otherwise than sent"] > 10
        assert faults["values that differ from the oracle's"] > 1


def test_a_refused_event_ends_the_sending(kill, monkeypatch):
    monkeypatch.setattr(httpx.Client, "post", lambda *_, **__: httpx.Response(422, text="no"))
    with httpx.Client() as http, pytest.raises(kill.NotTakenError, match="e1 was answered 422"):
        kill.send(http, {"id": "e1", "type": "dev.fawkes.commit"}, "secret")
