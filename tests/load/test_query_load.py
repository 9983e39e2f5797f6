"""Real Locust against a server on this machine that is right, wrong, failing, or silent."""

import json
import subprocess
import time

import httpx
import pytest
from hdrh.histogram import HdrHistogram
from pydantic import ValidationError

from fawkes.harness.errors import ComponentError, UsageError
from fawkes.harness.eventually import RealClock, eventually
from fawkes.load import query_load
from fawkes.load.queries import Window
from fawkes.load.query_load import QueryLoad, QueryLoadSpec, run_locust
from fawkes.load.query_run import QueryRun
from fawkes.load.series import SeriesPlan

STARTED_S = time.time()
PLAN = SeriesPlan(run_id="r1", seed=7, series=1000, churn_per_generation=90, epoch_s=STARTED_S - 600, generation_s=30.0)


class OneServer:
    """A world with one part."""

    run_id, seed = "r1", 5

    def __init__(self, directory, url):
        self.directory, self._url = directory, url
        self.http = httpx.Client()
        (directory / "work").mkdir()
        (directory / "work" / "scrape_load.json").write_text(PLAN.model_dump_json())

    def cpu_s(self):
        return 0.0

    def replicas(self, app):
        return [f"{app}-0"]

    def url(self, part, port="http"):
        return self._url

    def now_s(self):
        return time.time()

    def eventually(self, what, probe, expect, *, within_s):
        return eventually(what, probe, expect, within_s=within_s, clock=RealClock())


def spec(**changed):
    return QueryLoadSpec.model_validate({"do": "query_load", "rate_per_s": 30, "for": "1s", **changed})


def with_scrapes(respond):
    """The server's answer to "which scrapes are stored", and `respond` for all else."""
    stamps = [[STARTED_S - 60 + 5 * n, "1000"] for n in range(13)]
    matrix = {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": stamps}]}}
    return lambda path: (200, json.dumps(matrix).encode()) if "series_served" in path else respond(path)


@pytest.fixture
def measure(tmp_path, serve):
    """Runs the load against a server that answers with `respond`; gives the `load` record and `latency` by query."""

    def run(respond, wanted=None):
        world, records = OneServer(tmp_path, serve(with_scrapes(respond))), []
        with world.http:
            QueryLoad().run(wanted or spec(), world, lambda kind, /, **data: records.append((kind, data)))
        (load,) = [data for kind, data in records if kind == "load"]
        return load, {data["query"]: data for kind, data in records if kind == "latency"}

    return run


def counts(latency):
    return {key: latency["all"][key] for key in ("ok", "wrong", "error", "timeout")}


@pytest.mark.slow
def test_right_answers_are_counted_and_timed(measure, known_answers):
    load, latency = measure(known_answers(PLAN))
    assert (load["offered"], load["achieved"]) == (30, 30)
    assert counts(latency) == {"ok": 30, "wrong": 0, "error": 0, "timeout": 0}
    assert set(latency) == {"all", "stable_instant", "stable_range", "stable_topk", "shard_sum", "stable_sum_by_shard"}
    assert sum(one["ok"] for query, one in latency.items() if query != "all") == 30
    histogram = HdrHistogram.decode(latency["all"]["histogram_b64"])
    assert histogram.get_total_count() == 30
    assert load["ended_s"] - load["started_s"] >= 29 / 30
    assert 0 <= load["foreign_cores"] <= load["cores"]


@pytest.mark.slow
def test_fast_wrong_answers_are_wrong_and_not_timed(measure, known_answers):
    right = known_answers(PLAN)

    def lie(path):
        status, body = right(path)
        return status, body.replace(b'"]', b'1"]')

    _, latency = measure(lie)
    assert counts(latency) == {"ok": 0, "wrong": 30, "error": 0, "timeout": 0}
    assert HdrHistogram.decode(latency["all"]["histogram_b64"]).get_total_count() == 0
    assert "expected" in latency["stable_instant"]["examples"][0]["reason"]


@pytest.mark.slow
@pytest.mark.parametrize("body", [b"", b"busy", b'{"status":"error"}'])
def test_refusals_are_errors_and_timed(measure, body):
    _, latency = measure(lambda path: (503, body))
    assert counts(latency) == {"ok": 0, "wrong": 0, "error": 30, "timeout": 0}
    assert HdrHistogram.decode(latency["all"]["histogram_b64"]).get_total_count() == 30
    assert "503" in latency["all"]["examples"][0]["reason"]


@pytest.mark.slow
def test_silence_is_a_time_out_and_holds_up_nothing(measure, monkeypatch):
    monkeypatch.setattr(query_load, "QUERY_TIMEOUT_S", 1.5)
    load, latency = measure(lambda path: None)
    # A closed loop would have sent one or two in that time.
    assert (load["offered"], load["achieved"]) == (30, 30)
    assert counts(latency) == {"ok": 0, "wrong": 0, "error": 0, "timeout": 30}
    assert HdrHistogram.decode(latency["all"]["histogram_b64"]).get_min_value() >= 1_498_000


@pytest.mark.slow
def test_a_server_that_is_gone_is_an_error(tmp_path, free_port):
    world = OneServer(tmp_path, f"http://127.0.0.1:{free_port}")
    run = query_run(world)
    with world.http:
        run_locust(run, world, tmp_path / "work")
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["latency"]["all"]["error"] == 5


def query_run(world, **changed):
    fields = {
        "url": world.url("thanos-query"),
        "plan": PLAN,
        "window": Window(start_s=STARTED_S - 60, scrape_interval_s=5),
        "weights": {"stable_instant": 1.0},
        "stages": [{"for_s": 0.5, "rate_per_s": 10}],
        "arrivals": "constant",
        "timeout_s": 1.0,
        "seed": 1,
        "results_file": str(world.directory / "results.json"),
    }
    return QueryRun.model_validate({**fields, **changed})


@pytest.mark.slow
def test_locusts_own_trouble_is_told_with_its_log(tmp_path, free_port):
    world = OneServer(tmp_path, f"http://127.0.0.1:{free_port}")
    run = query_run(world, results_file=str(tmp_path / "no" / "such" / "folder.json"))
    with world.http, pytest.raises(ComponentError, match=r"folder\.json"):
        run_locust(run.model_copy(update={"timeout_s": 1.0}), world, tmp_path / "work")


@pytest.mark.slow
def test_an_interrupted_harness_leaves_no_locust(tmp_path, serve, known_answers, monkeypatch):
    world = OneServer(tmp_path, serve(known_answers(PLAN)))
    started = []

    def interrupted(what, probe, expect, *, within_s):
        raise KeyboardInterrupt

    monkeypatch.setattr(query_load, "spawn", lambda *a, **k: started.append(real_spawn(*a, **k)) or started[-1])
    monkeypatch.setattr(world, "eventually", interrupted)
    with world.http, pytest.raises(KeyboardInterrupt):
        run_locust(query_run(world, stages=[{"for_s": 60, "rate_per_s": 1}]), world, tmp_path / "work")
    assert isinstance(started[0], subprocess.Popen)
    assert started[0].returncode == -9


real_spawn = query_load.spawn


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1:9090",
        "http://example.org:80",
        "https://127.0.0.1:1",
        "http://localhost:9090",
        "http://127.0.0.1",
    ],
)
def test_only_this_machine_is_ever_loaded(tmp_path, url):
    world = OneServer(tmp_path, url)
    with world.http, pytest.raises(ValidationError, match="not on this machine"):
        query_run(world)


def test_without_a_scrape_load_there_is_nothing_to_ask_for(tmp_path):
    world = OneServer(tmp_path, "http://127.0.0.1:1")
    (tmp_path / "work" / "scrape_load.json").unlink()
    with world.http, pytest.raises(UsageError, match="do: scrape_load"):
        QueryLoad().run(spec(), world, lambda kind, /, **data: None)


@pytest.mark.parametrize("wrong", [{"rate_per_s": 0}, {"for": "0s"}, {"for": 10}, {"mix": {"nonsense": 1}}, {"x": 1}])
def test_a_wrong_spec_is_refused(wrong):
    with pytest.raises(ValidationError):
        spec(**wrong)
