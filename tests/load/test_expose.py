"""The driver of scripted targets: the part it adds, when its time begins, and what it records."""

import json
import threading

import httpx
import pytest

from fawkes.harness.errors import DeadlineExceeded
from fawkes.harness.script import Script
from fawkes.load.expose import Expose, ExposeSpec
from fawkes.load.scripted_target import make_server

SERIES = [{"name": "x", "steps": [{"at": "0s", "value": 1}, {"at": "1m", "value": 2}]}]


def spec(**changed):
    return ExposeSpec.model_validate(
        {"do": "expose", "app": "node-exporter", "series": SERIES, "for": "10m", **changed}
    )


class Platform:
    """A site and, later, a world: one target, two replicas that have scraped it or not."""

    clock_factor = 60.0

    def __init__(self, urls, at_s=1000.0):
        self._urls, self.at_s = urls, at_s
        self.http = httpx.Client(trust_env=False)

    def port(self, part, port="http"):
        return 31000

    def replicas(self, app):
        assert app == "prometheus-core"
        return ["prometheus-core-0", "prometheus-core-1"]

    def url(self, part, port="http"):
        return self._urls[part]

    def now_s(self):
        return self.at_s

    def poll_for(self, seconds, tick=None):
        self.at_s += seconds

    def eventually(self, what, probe, expect, *, within_s):
        if not expect(value := probe()):
            raise DeadlineExceeded(what)
        return value


@pytest.fixture
def drive(serve):
    """Runs the driver over a real target; each replica has scraped it as told. Gives the records."""

    def run(it, *, scraped):
        def prometheus(has):
            result = [{"metric": {}, "value": [1, "1"]}] if has else []
            answer = {"status": "success", "data": {"resultType": "vector", "result": result}}
            return lambda path: (200 if "node-exporter-0" in path else 400, json.dumps(answer).encode())

        urls = {f"prometheus-core-{n}": serve(prometheus(has)) for n, has in enumerate(scraped)}
        platform, records = Platform(urls), []
        with make_server(Script(series=it.series), 0, now=platform.now_s) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            urls["node-exporter-0"] = f"http://127.0.0.1:{server.server_port}"
            Expose().run(it, platform, lambda kind, /, **data: records.append((kind, json.loads(json.dumps(data)))))
            platform.http.close()
            server.shutdown()
            thread.join()
        return records, platform

    return run


def test_the_part_is_the_app_and_carries_the_script():
    (part,) = Expose().components(spec(replica=2), Platform({}))
    assert (part.name, part.app, dict(part.ports)) == ("node-exporter-2", "node-exporter", {"http": 31000})
    assert Script.model_validate_json(part.files["script.json"]) == Script(series=spec().series)
    assert part.argv[1:] == ("-m", "fawkes.load.scripted_target", "--port", "31000", "--config", "script.json")


def test_what_was_exposed_and_from_when_is_recorded_and_waited_for(drive):
    records, platform = drive(spec(), scraped=[True, True])
    assert [kind for kind, _ in records] == ["exposed", "served"]
    exposed = records[0][1]
    assert (exposed["part"], exposed["app"], exposed["began_s"]) == ("node-exporter-0", "node-exporter", 1000.0)
    assert exposed["scraped"] == {"prometheus-core-0": True, "prometheus-core-1": True}
    assert Script.model_validate({key: exposed[key] for key in ("series", "silent")}).series == spec().series
    assert platform.at_s == 1010.0  # 10 minutes, 60 times as fast


def test_a_replica_that_never_scrapes_is_recorded_and_the_script_begins_all_the_same(drive):
    records, _ = drive(spec(), scraped=[True, False])
    assert records[0][1]["scraped"] == {"prometheus-core-0": True, "prometheus-core-1": False}
    assert records[1] == ("served", {"part": "node-exporter-0", "scrapes": []})


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"app": None}, "app"),
        ({"replica": -1}, "replica"),
        ({"for": 5}, "is not a duration"),
        ({"silent": [{"at": "0s", "lasts": "0s"}]}, "greater than 0"),
        ({"serie": []}, "Extra inputs"),
    ],
)
def test_a_wrong_spec_is_refused(changed, says):
    with pytest.raises(ValueError, match=says):
        spec(**changed)
