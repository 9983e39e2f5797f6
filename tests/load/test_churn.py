"""The scrape load's driver: the plan it leaves behind, and what it records of series stored."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from fawkes.harness.errors import DeadlineExceeded, UsageError
from fawkes.load.churn import ScrapeLoad, ScrapeLoadSpec, read_plan


class Platform:
    """A site and, later, a world, with two replicas whose counts of stored series follow a script."""

    run_id, seed, started_at_s = "r1", 9, 1000.0

    def __init__(self, directory, urls):
        self.directory, self._urls = directory, urls

    def port(self, part, port="http"):
        return 31000

    def replicas(self, app):
        assert app == "prometheus-apps"
        return list(self._urls)

    def url(self, part, port="http"):
        return self._urls[part]

    def now_s(self):
        return 1005.0

    def eventually(self, what, probe, expect, *, within_s):
        for _ in range(3):
            if expect(value := probe()):
                return value
        raise DeadlineExceeded(what)


def replica(counts):
    """Answers the one query it should be asked with one count after the other."""
    left = iter(counts)

    def respond(path):
        (query,) = parse_qs(urlsplit(path).query)["query"]
        count = next(left)
        result = [{"metric": {}, "value": [1, str(count)]}] if count else []
        answer = {"status": "success", "data": {"resultType": "vector", "result": result}}
        return (200 if query == 'count(fawkes_load_value{run_id="r1"})' else 400), json.dumps(answer).encode()

    return respond


def spec(**changed):
    fields = {"do": "scrape_load", "series": 1000, "churn_percent": 5.0, "every": "20s", **changed}
    return ScrapeLoadSpec.model_validate(fields)


@pytest.fixture
def drive(tmp_path, serve):
    """Runs the driver against replicas that have stored so many series, at one look after the other."""

    def run(**counts):
        platform, records = Platform(tmp_path, {name: serve(replica(seen)) for name, seen in counts.items()}), []
        ScrapeLoad().components(spec(), platform)
        ScrapeLoad().run(spec(), platform, lambda kind, /, **data: records.append((kind, data)))
        ((kind, data),) = records
        assert kind == "load"
        return data

    return run


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


def test_all_series_stored_is_the_load_that_was_offered(drive):
    load = drive(a=[0, 1000, 1000], b=[0, 400, 1000])
    assert (load["offered"], load["achieved"]) == (1000, 1000)


def test_too_few_series_are_recorded_not_raised(drive):
    load = drive(a=[0, 1000, 1000], b=[0, 400, 600])
    assert (load["offered"], load["achieved"]) == (1000, 600)


def test_no_plan_is_the_scenarios_mistake(tmp_path):
    with pytest.raises(UsageError, match="do: scrape_load"):
        read_plan(tmp_path)


@pytest.mark.parametrize("wrong", [{"churn_percent": 90.1}, {"churn_percent": -1}, {"every": "0s"}, {"series": 10}])
def test_a_wrong_spec_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        spec(**wrong)
