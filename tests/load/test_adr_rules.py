"""The ADR's rules over forged history: as written but for the interval, and a truth that is what was written."""

import json
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

import fawkes.fixtures
from fawkes.harness.errors import ComponentError
from fawkes.harness.toolchain.provide import provide
from fawkes.load.adr_rules import RULES, AdrRules, AdrRulesSpec, openmetrics, rules_as_written

ADR = Path(fawkes.fixtures.__file__).parent / "adr_literal" / "rules.yaml"
SERIES = {"name": "x_total", "labels": {"team": "a"}, "steps": [{"at": "1m", "value": 1}, {"at": "2m", "value": None}]}
STARTED_S = 1_700_000_000.75


def spec(**fields):
    return AdrRulesSpec.model_validate({"do": "adr_rules", "lasts": "3m", "series": [SERIES], **fields})


class Place:
    """Site and World in one, as far as this driver needs them."""

    started_at_s = STARTED_S
    listen_host = "0.0.0.0"

    def __init__(self, directory, binaries):
        self.directory, self.binary = directory, binaries.__getitem__

    def own_directory(self, part):
        return Path("/where/the/part/runs")

    def data_directory(self, part):
        path = self.directory / part / "data"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def port(self, part, port="http"):
        return 30123


def test_only_the_interval_of_the_rules_is_changed():
    written = [one for one in yaml.safe_load_all(ADR.read_text()) if one["metadata"]["name"] == "dora-metrics"]
    groups = yaml.safe_load(rules_as_written())["groups"]
    assert [group["interval"] for group in groups] == ["1s"] * len(groups)
    assert [group["rules"] for group in groups] == [group["rules"] for group in written[0]["spec"]["groups"]]


def test_a_series_is_absent_before_its_first_step_and_once_it_is_gone():
    lines = list(openmetrics(spec(), 1000.0))
    assert lines == ['x_total{team="a"} 1.0 1060.000\n', 'x_total{team="a"} 1.0 1090.000\n', "# EOF\n"]


def test_series_of_one_name_stand_together_whatever_their_order():
    other = {**SERIES, "name": "y_total"}
    text = openmetrics(spec(series=[SERIES, other, {**SERIES, "labels": {"team": "b"}}]), 0.0)
    assert [line[0] for line in text] == ["x"] * 4 + ["y"] * 2 + ["#"]


def test_a_step_after_the_end_is_refused():
    with pytest.raises(ValidationError, match="x_total has a step after the script's end"):
        spec(lasts="1m")


@pytest.mark.slow
def test_the_history_is_in_the_data_directory_and_the_truth_on_record(tmp_path):
    binaries = {name: one.path for name, one in provide(["prometheus", "promtool"], progress=print).items()}
    site = Place(tmp_path, binaries)
    (part,) = AdrRules().components(spec(), site)
    assert list((tmp_path / "prometheus-adr-0" / "data").glob("*/meta.json"))
    assert not part.discovered
    assert {"--storage.tsdb.path=/where/the/part/runs/data", "--web.listen-address=0.0.0.0:30123"} <= set(part.argv)
    assert "scrape_configs" not in yaml.safe_load(part.files["prometheus.yml"])
    assert part.files[RULES] == rules_as_written()
    recorded = []
    AdrRules().run(spec(), site, lambda kind, **data: recorded.append((kind, data)))
    truth = dict(recorded)["adr_rules"]
    assert (truth["began_s"], truth["step_s"], truth["samples"]) == (1_699_999_820.0, 30.0, 7)
    assert json.dumps(truth["series"])


@pytest.mark.slow
def test_text_that_promtool_refuses_ends_the_run(tmp_path):
    false = {"prometheus": Path("/bin/false"), "promtool": Path("/bin/false")}
    with pytest.raises(ComponentError, match="promtool made no blocks"):
        AdrRules().components(spec(), Place(tmp_path, false))
