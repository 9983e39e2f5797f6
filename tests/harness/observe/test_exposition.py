"""Reading /metrics over real HTTP."""

import httpx
import pytest

from fawkes.harness.observe.exposition import NO_ANSWER, read_exposition

PAGE = """# TYPE jobs_total counter
jobs_total{team="a",kind="x"} 3
jobs_total{team="b",kind="x"} 4
# TYPE depth gauge
depth 0.1
"""


def test_samples_by_name_and_labels(world, part):
    part("dora-0").shows("/metrics", PAGE)
    page = read_exposition(world, "dora-0")
    assert [sample.value for sample in page.samples("jobs_total")] == [3, 4]
    assert [sample.value for sample in page.samples("jobs_total", {"team": "b"})] == [4]
    assert page.samples("jobs_total", {"team": "c"}) == page.samples("jobs") == []
    assert [(sample.labels, sample.value) for sample in page.samples("depth")] == [({}, 0.1)]


@pytest.mark.parametrize(("text", "status"), [(PAGE, 503), ("depth a lot\n", 200), ("<html>", 200)])
def test_a_refusal_and_another_page_are_no_answer(world, part, text, status):
    part("dora-0").shows("/metrics", text, status=status)
    with pytest.raises(NO_ANSWER):
        read_exposition(world, "dora-0")


def test_silence_is_no_answer(world, away):
    away("dora-0")
    with pytest.raises(httpx.ConnectError):
        read_exposition(world, "dora-0")
