"""The scripted target over real HTTP, its text read back by Prometheus' own Python parser."""

import threading

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from fawkes.harness.script import Script
from fawkes.load.scripted_target import main, make_server

SCRIPT = Script.model_validate(
    {
        "series": [
            {"name": "used_ratio", "labels": {"node": 'a "b" \\\n'}, "steps": [{"at": "0s", "value": 0.1}, {"at": "5m", "value": 0.9}]},
            {"name": "c_total", "type": "counter", "steps": [{"at": "0s", "value": 0, "rate_per_s": 1}]},
            {"name": "used_ratio", "labels": {"node": "late"}, "steps": [{"at": "10m", "value": 0.5}]},
        ],
        "silent": [{"at": "20m", "lasts": "5m"}],
    }
)  # fmt: skip


@pytest.fixture
def target():
    """A client of the target, and the time it believes in."""
    now = [1000.0]
    with make_server(SCRIPT, 0, now=lambda: now[0]) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        with httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}", trust_env=False) as client:
            yield client, now
        server.shutdown()
        thread.join()


def samples(client):
    families = list(text_string_to_metric_families(client.get("/metrics").text))
    assert {family.name: family.type for family in families} == {"used_ratio": "gauge", "c": "counter"}
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_the_page_stands_still_until_it_begins_and_then_keeps_the_clocks_pace(target):
    client, now = target
    start = {("used_ratio", 'a "b" \\\n'): 0.1, ("c_total",): 0}
    assert samples(client) == start
    now[0] = 2000.0
    assert samples(client) == start
    assert client.post("/-/begin", json={"clock_factor": 60}).json() == {"began_s": 2000.0}
    now[0] = 2004.5  # 4 min 30 s on a clock 60 times as fast
    assert samples(client) == start | {("c_total",): 270}
    now[0] = 2010.0
    assert samples(client) == {("used_ratio", 'a "b" \\\n'): 0.9, ("c_total",): 600, ("used_ratio", "late"): 0.5}


def test_it_says_when_it_was_read_and_how_much_there_was(target):
    client, now = target
    client.get("/metrics")
    client.post("/-/begin", json={"clock_factor": 60})
    now[0] = 1010.0
    client.get("/metrics")
    assert client.get("/-/served").json() == [[1000.0, 0.0, 2], [1010.0, 600.0, 3]]


def test_a_silent_page_closes_the_connection_and_only_the_page(target):
    client, now = target
    client.post("/-/begin", json={"clock_factor": 60})
    now[0] = 1020.0
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/metrics")
    assert client.get("/-/served").json() == []
    now[0] = 1025.0
    assert client.get("/metrics").status_code == 200


def test_time_begins_once_and_with_a_sensible_factor(target):
    client, _ = target
    assert client.post("/-/begin", json={"clock_factor": 0}).status_code == 400
    assert client.post("/-/begin", content=b"{").status_code == 400
    assert client.post("/-/begin", json={"clock_factor": 1}).status_code == 200
    assert client.post("/-/begin", json={"clock_factor": 1}).status_code == 409
    assert client.get("/-/ready").status_code == 200
    assert client.get("/other").status_code == 404


def test_a_bad_script_is_exit_code_3_and_a_sentence(tmp_path, capsys):
    (tmp_path / "script.json").write_text('{"series": [{"name": "x", "steps": []}]}')
    assert main(["--port", "0", "--config", str(tmp_path / "script.json")]) == 3
    assert "correct the file" in capsys.readouterr().err
