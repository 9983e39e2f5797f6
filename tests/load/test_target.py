"""The scrape target over real HTTP, its text read back by Prometheus' own Python parser."""

import http.client
import json
import signal
import subprocess
import sys
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fawkes.harness.eventually import RealClock, eventually
from fawkes.load.series import SeriesPlan
from fawkes.load.target import Exposition, main, make_server

PLAN = SeriesPlan(run_id="r1", seed=7, series=1000, churn_per_generation=90, epoch_s=0.0, generation_s=10.0)


def samples(text):
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


@pytest.mark.parametrize("generation", [1, 2, 7])
def test_an_exposition_is_the_whole_truth_of_its_generation(generation):
    seen = samples(Exposition(PLAN).body(generation).decode())
    labels, values = PLAN.labels(generation).tolist(), PLAN.values(generation).tolist()
    assert [(s.labels, s.value) for s in seen["fawkes_load_value"]] == [
        (
            {
                "run_id": "r1",
                "series": f"{index:06d}",
                "shard": f"{index % 100:02d}",
                "generation": str(labels[index]),
            },
            values[index],
        )
        for index in range(1000)
    ]
    assert [s.value for s in seen["fawkes_load_generation"]] == [generation]
    assert [s.value for s in seen["fawkes_load_series_served"]] == [1000]


def test_rendering_only_what_churned_gives_what_rendering_all_gives():
    going_on = Exposition(PLAN)
    for generation in (1, 2, 5, 3):
        assert going_on.body(generation) == Exposition(PLAN).body(generation)


@pytest.fixture
def server():
    now = [0.0]
    with make_server(PLAN, 0, now=lambda: now[0]) as it:
        thread = threading.Thread(target=it.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield it.server_port, now
        it.shutdown()
        thread.join()


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, response.headers["Content-Type"], body


def test_serves_the_generation_of_the_clock(server):
    port, now = server
    status, kind, body = get(port, "/metrics")
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert body == Exposition(PLAN).body(1)
    now[0] = 25.0
    assert get(port, "/metrics")[2] == Exposition(PLAN).body(3)


def test_says_when_it_is_ready_and_what_else_there_is(server):
    port, _ = server
    assert get(port, "/-/ready")[0] == 200
    assert get(port, "/nothing")[0] == 404


@pytest.mark.slow
def test_sigterm_ends_it_cleanly(tmp_path, free_port):
    config = tmp_path / "plan.json"
    config.write_text(PLAN.model_dump_json())
    argv = [sys.executable, "-m", "fawkes.load.target", "--port", str(free_port), "--config", str(config)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE) as process:
        ready = lambda: get(free_port, "/-/ready")[0]  # noqa: E731
        eventually("the target is ready", ready, lambda status: status == 200, within_s=20, clock=RealClock())
        assert get(free_port, "/metrics")[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        assert process.stderr.read() == b""


@pytest.mark.parametrize("text", ["{", json.dumps({"run_id": "r1"}), None])
def test_a_bad_configuration_is_exit_code_3_and_a_sentence(tmp_path, capsys, text):
    config = tmp_path / "plan.json"
    if text is not None:
        config.write_text(text)
    assert main(["--port", "0", "--config", str(config)]) == 3
    assert "correct the file" in capsys.readouterr().err
