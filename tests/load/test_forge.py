"""Forged history: computable samples, blocks that promtool accepts, and a real Prometheus that deletes what it must."""

import json
import math
import random
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from fawkes.harness.checks.retention import RetentionExpectation, check_retention
from fawkes.harness.errors import ComponentError
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.history import HistoryWriter, read_history
from fawkes.harness.model import Stage, Verdict
from fawkes.harness.observe.retention import observe_retention
from fawkes.harness.providers.local.ports import Ports
from fawkes.harness.toolchain import provide
from fawkes.load.forge import BLOCK_WIDTH_S, Forge, ForgeSpec, forged_series, forged_times_s, forged_value, openmetrics

END_S = 1_700_000_123.5
DAY = 86400


def spec(**fields):
    return ForgeSpec.model_validate({"do": "forge", "apps": ["prometheus-core"], "days": 10, **fields})


class Place:
    """Site and World in one, as far as forging and looking need them."""

    run_id, seed, clock_factor = "run-1", 7, 1.0

    def __init__(self, directory: Path, started_at_s: float) -> None:
        self.directory, self.started_at_s = directory, started_at_s
        self.http = httpx.Client(trust_env=False)
        self.ports = Ports(random.Random(1))

    def replicas(self, app):
        return {"prometheus-core": ["prometheus-core-0", "prometheus-core-1"]}.get(app, [f"{app}-0"])

    def data_directory(self, part):
        path = self.directory / part / "data"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def external_labels(self, part):
        return {"prometheus": "fawkes-monitoring/core", "prometheus_replica": part}

    def binary(self, name):
        if name == "thanos":
            return Path("/absent/thanos")  # only named in a job's argv here, not run
        return provide([name], progress=lambda line: None)[name].path

    def objstore_file(self, bucket):
        return self.directory / f"objstore-{bucket}.yml"

    def port(self, part):
        return self.ports.port(part)

    def url(self, part):
        return f"http://127.0.0.1:{self.port(part)}"

    def now_s(self):
        return time.time()

    def eventually(self, what, probe, expect, *, within_s):
        return eventually(what, probe, expect, within_s=within_s, clock=RealClock())


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path, time.time())
    yield made
    made.http.close()
    made.ports.close()


def test_values_follow_from_seed_app_series_and_time_and_survive_text():
    value = forged_value(7, "prometheus-core", 0, 1_700_000_000)
    assert value == forged_value(7, "prometheus-core", 0, 1_700_000_000)
    others = [
        forged_value(s, a, n, t)
        for s, a, n, t in [
            (8, "prometheus-core", 0, 1_700_000_000),
            (7, "prometheus-apps", 0, 1_700_000_000),
            (7, "prometheus-core", 1, 1_700_000_000),
            (7, "prometheus-core", 0, 1_700_003_600),
        ]
    ]
    assert len({value, *others}) == 5
    assert all(float(repr(v)) == v and math.isfinite(v) and (v * 1024).is_integer() for v in (value, *others))


def test_times_are_multiples_of_the_step_within_the_days_and_never_in_the_future():
    times = forged_times_s(spec(step="1h"), END_S)
    assert all(t % 3600 == 0 for t in times)
    assert END_S - 10 * DAY <= times[0] < END_S - 10 * DAY + 3600
    assert END_S - 3600 < times[-1] <= END_S
    assert len(forged_times_s(spec(days=1, step="2h"), 1_699_999_200)) == 13  # both ends are multiples


def test_every_series_says_how_many_samples_it_has():
    series = forged_series(spec(series=3), "prometheus-core", run_id="r", seed=7, end_s=END_S)
    assert [one["labels"]["series"] for one in series] == ["0", "1", "2"]
    assert all(int(one["labels"]["samples"]) == len(one["samples"]) == 240 for one in series)


def test_text_is_openmetrics():
    series = [{"labels": {"run_id": "r", "series": "0"}, "samples": [[60, 0.5], [120, 3.0]]}]
    assert "".join(openmetrics(series)) == (
        "# TYPE fawkes_forged gauge\n"
        'fawkes_forged{run_id="r",series="0"} 0.5 60\n'
        'fawkes_forged{run_id="r",series="0"} 3.0 120\n'
        "# EOF\n"
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"apps": []},
        {"apps": ["a", "a"]},
        {"days": 0},
        {"days": 396},
        {"step": "3h"},
        {"step": "1s"},
        {"step": "90500ms"},
    ],
)
def test_what_cannot_be_forged_is_refused(fields):
    with pytest.raises(ValidationError):
        spec(**fields)


@pytest.mark.platform
@pytest.mark.slow
def test_replicas_get_the_same_samples_under_ulids_of_their_own(place):
    jobs = Forge().components(spec(), place)
    assert [job.name for job in jobs] == ["forge-upload-prometheus-core-0", "forge-upload-prometheus-core-1"]
    metas = {part: _metas(place.data_directory(part)) for part in place.replicas("prometheus-core")}
    first, second = ({ulid for ulid, _ in found} for found in metas.values())
    assert first and not first & second
    spans = [[(m["minTime"], m["maxTime"], m["stats"]) for _, m in found] for found in metas.values()]
    assert spans[0] == spans[1]
    assert all(high - low <= BLOCK_WIDTH_S * 1000 for low, high, _ in spans[0])
    for job, (part, found) in zip(jobs, metas.items(), strict=True):
        assert job.ready.by == "exit" and job.after == ("buckets",)
        assert f'--label=prometheus_replica="{part}"' in job.argv
        staged = Path(next(word for word in job.argv if word.startswith("--path=")).removeprefix("--path="))
        assert _metas(staged) == found
        shipped = json.loads((place.data_directory(part) / "thanos.shipper.json").read_text())
        assert set(shipped["uploaded"]) == {ulid for ulid, _ in found}


def test_the_learner_has_a_bucket_of_its_own(place, monkeypatch):
    monkeypatch.setattr("fawkes.load.forge._promtool", _one_block)
    jobs = Forge().components(spec(apps=["prometheus-apps", "prometheus-learner"]), place)
    stores = {job.app: [word for word in job.argv if "objstore" in word] for job in jobs}
    assert stores["forge-upload-prometheus-apps"][0].endswith("objstore-core.yml")
    assert stores["forge-upload-prometheus-learner"][0].endswith("objstore-learner.yml")


def test_a_promtool_that_refuses_is_named_with_its_command(place, monkeypatch):
    monkeypatch.setattr(place, "binary", lambda name: Path("/bin/false"))
    with pytest.raises(ComponentError, match=r"(?s)forge of prometheus-core: promtool made no blocks.*exit code: 1"):
        Forge().components(spec(), place)


@pytest.mark.platform
@pytest.mark.slow
@pytest.mark.parametrize(
    ("retention", "verdict", "reason"),
    [("3d", Verdict.PASS, "keeps 3d"), ("2d", Verdict.FAIL, "lacks"), ("4d", Verdict.FAIL, "still has")],
)
def test_a_real_prometheus_is_judged_by_what_it_deleted(place, retention, verdict, reason):
    driver, app = Forge(), "prometheus-learner"
    driver.components(spec(apps=[app]), place)
    record = HistoryWriter(place.directory / "history.jsonl")
    driver.run(spec(apps=[app]), place, record)
    expect = RetentionExpectation(name="kept", app=app, keeps="3d", thanos=False, within="20s")
    process = _prometheus(place, f"{app}-0", retention)
    try:
        observe_retention(expect, place, record)
    finally:
        process.terminate()
        process.wait(timeout=20)
    record.close()
    history = read_history(place.directory / "history.jsonl")
    finding = check_retention(expect, history)
    assert finding.verdict is verdict, finding.reason
    assert reason in finding.reason
    assert finding.stage is (Stage.PROMETHEUS if verdict is Verdict.FAIL else None)
    assert [r.data["part"] for r in history.of("forged")] == [f"{app}-0"]
    assert "forged history: 10 days" in history.of("note")[0].data["text"]


def _prometheus(place, part, retention):
    """As the operator starts it beside a sidecar: blocks of 2h that it never compacts."""
    config = place.directory / "prometheus.yml"
    config.write_text("global: {}\n")
    argv = [
        str(place.binary("prometheus")),
        f"--config.file={config}",
        f"--storage.tsdb.path={place.data_directory(part)}",
        f"--storage.tsdb.retention.time={retention}",
        "--storage.tsdb.min-block-duration=2h",
        "--storage.tsdb.max-block-duration=2h",
        f"--web.listen-address=127.0.0.1:{place.port(part)}",
    ]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _metas(directory):
    return sorted((meta.parent.name, json.loads(meta.read_text())) for meta in directory.glob("*/meta.json"))


def _one_block(promtool, app, text, out):
    block = out / "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    block.mkdir(parents=True)
    meta = {"ulid": block.name, "compaction": {"sources": [block.name]}}
    (block / "meta.json").write_text(json.dumps(meta))
