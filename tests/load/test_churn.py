"""The scrape load's driver: the plan it leaves behind, and what it records of series stored."""

import json

import httpx
import pytest

from fawkes.harness.errors import DeadlineExceeded, UsageError
from fawkes.load.churn import ScrapeLoad, ScrapeLoadSpec, read_plan


class Platform:
    """A site and, later, a world, with two replicas whose counts of stored series follow a script."""

    run_id, seed, started_at_s = "r1", 9, 1000.0

    def __init__(self, directory, counts):
        self.directory, self._counts = directory, {name: list(seen) for name, seen in counts.items()}
        self.http = httpx.Client(transport=httpx.MockTransport(self._answer))

    def port(self, part, port="http"):
        return 31000

    def replicas(self, app):
        assert app == "prometheus-apps"
        return list(self._counts)

    def url(self, part, port="http"):
        return f"http://{part}"

    def now_s(self):
        return 1005.0

    def eventually(self, what, probe, expect, *, within_s):
        for _ in range(3):
            if expect(value := probe()):
                return value
        raise DeadlineExceeded(what)

    def _answer(self, request):
        assert request.url.params["query"] == 'count(fawkes_load_value{run_id="r1"})'
        count = self._counts[request.url.host].pop(0)
        result = [{"metric": {}, "value": [1, str(count)]}] if count else []
        return httpx.Response(200, json={"status": "success", "data": {"resultType": "vector", "result": result}})


def spec(**changed):
    fields = {"do": "scrape_load", "series": 1000, "churn_percent": 5.0, "every": "20s", **changed}
    return ScrapeLoadSpec.model_validate(fields)


def drive(directory, counts):
    platform, records = Platform(directory, counts), []
    ScrapeLoad().components(spec(), platform)
    ScrapeLoad().run(spec(), platform, lambda kind, /, **data: records.append((kind, data)))
    ((kind, data),) = records
    assert kind == "load"
    return data


def test_the_target_and_whoever_asks_share_one_plan(tmp_path):
    (target,) = ScrapeLoad().components(spec(), Platform(tmp_path, {}))
    plan = read_plan(tmp_path)
    assert json.loads(target.files["plan.json"]) == plan.model_dump(mode="json")
    assert (plan.run_id, plan.seed, plan.epoch_s) == ("r1", 9, 1000.0)
    assert (plan.series, plan.churn_per_generation, plan.generation_s) == (1000, 50, 20.0)
    assert (target.name, target.app, dict(target.ports)) == ("load-target-0", "load-target", {"http": 31000})
    assert target.argv[1:] == ("-m", "fawkes.load.target", "--port", "31000", "--config", "plan.json")


def test_a_wished_port_is_taken(tmp_path):
    (target,) = ScrapeLoad().components(spec(port=9100), Platform(tmp_path, {}))
    assert dict(target.ports) == {"http": 9100}


def test_all_series_stored_is_the_load_that_was_offered(tmp_path):
    load = drive(tmp_path, {"a": [0, 1000, 1000], "b": [0, 400, 1000]})
    assert (load["offered"], load["achieved"]) == (1000, 1000)


def test_too_few_series_are_recorded_not_raised(tmp_path):
    load = drive(tmp_path, {"a": [0, 1000, 1000], "b": [0, 400, 600]})
    assert (load["offered"], load["achieved"]) == (1000, 600)


def test_no_plan_is_the_scenarios_mistake(tmp_path):
    with pytest.raises(UsageError, match="do: scrape_load"):
        read_plan(tmp_path)


@pytest.mark.parametrize("wrong", [{"churn_percent": 90.1}, {"churn_percent": -1}, {"every": "0s"}, {"series": 10}])
def test_a_wrong_spec_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        spec(**wrong)
