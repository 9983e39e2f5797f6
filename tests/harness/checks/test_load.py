"""Was the load put on the platform as planned? Judged from hand-made records; never PASS without one."""

import pytest

from fawkes.harness.checks.load import OfferedLoadExpectation, check_offered_load
from fawkes.harness.model import History, Record, Stage, Verdict


def load(name="query_load", offered=200, achieved=200, lag_s=0.002, **more):
    data = {"name": name, "offered": offered, "achieved": achieved, "rate_per_s": 20.0, "send_lag_p99_s": lag_s}
    return Record(0.0, 0.0, "load", data | more)


def judge(*records, **fields):
    expect = OfferedLoadExpectation.model_validate({"name": "load", "loads": ["query_load"], **fields})
    return check_offered_load(expect, History(records))


def test_a_load_as_planned_passes():
    finding = judge(load(), load("scrape_load", 100_000, 100_000, None), loads=["query_load", "scrape_load"])
    assert finding.verdict is Verdict.PASS
    assert finding.stage is None


@pytest.mark.parametrize("achieved", [197, 203, 0])
def test_another_load_than_offered_is_void(achieved):
    finding = judge(load(achieved=achieved))
    assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.LOAD)
    assert f"offered 200 but achieved {achieved}" in finding.reason


def test_within_percent_is_inclusive():
    assert judge(load(achieved=198)).verdict is Verdict.PASS
    assert judge(load(achieved=198), within_percent=0.5).verdict is Verdict.INCONCLUSIVE


def test_a_late_generator_is_void_when_it_blurs_the_slo():
    assert judge(load(lag_s=0.04), slo_p99="500ms").verdict is Verdict.PASS
    finding = judge(load(lag_s=0.06), slo_p99="500ms")
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "60 ms late" in finding.reason


def test_a_late_scrape_load_has_no_lag_to_be_judged():
    assert judge(load("scrape_load", lag_s=None), loads=["scrape_load"], slo_p99="1ms").verdict is Verdict.PASS


@pytest.mark.parametrize(("foreign", "cores"), [(0.0, 2), (0.5, 2), (2.0, 8)])
def test_up_to_a_quarter_of_the_machine_may_be_others(foreign, cores):
    assert judge(load(foreign_cores=foreign, cores=cores)).verdict is Verdict.PASS


@pytest.mark.parametrize(("foreign", "cores"), [(0.51, 2), (2.1, 8)])
def test_on_a_noisy_machine_the_load_is_void(foreign, cores):
    finding = judge(load(foreign_cores=foreign, cores=cores))
    assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.LOAD)
    assert f"used {foreign:.2f} of {cores} cores" in finding.reason
    assert finding.reason.endswith("run it on a quiet machine")
    assert finding.evidence[0].observed["foreign_cores"] == foreign


def test_noise_is_named_before_the_lateness_it_causes():
    finding = judge(load(lag_s=9.0, foreign_cores=1.5, cores=2), slo_p99="500ms")
    assert "quiet machine" in finding.reason
    assert "late" not in finding.reason


def test_no_record_is_inconclusive():
    assert judge().verdict is Verdict.INCONCLUSIVE
    assert judge(load("scrape_load")).verdict is Verdict.INCONCLUSIVE
    assert judge(load(offered=0, achieved=0)).verdict is Verdict.INCONCLUSIVE


def test_one_bad_record_among_good_ones_is_enough():
    assert judge(load(), load(achieved=10), load()).verdict is Verdict.INCONCLUSIVE
