"""Every report of a hand-built run, byte for byte as stored in samples/. To refresh: see conftest.py."""

import os
from pathlib import Path

import pytest

from fawkes.harness.result_io import dump_result, load_result
from fawkes.reports.render import render_all

SAMPLES = Path(__file__).parent / "samples"
FILES = ("junit.xml", "report.md", "report.html")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("run", ["mixed", "green", "unclear", "empty"])
def test_a_report_is_what_is_stored(run, name, request):
    text = render_all(request.getfixturevalue(run))[name]
    sample = SAMPLES / f"{run}-{name}"
    if os.environ.get("REFRESH_SAMPLES"):
        sample.write_text(text, encoding="utf-8", newline="")
    stored = sample.read_bytes().decode("utf-8")
    assert text == stored, f"{sample.name} changed; if on purpose: REFRESH_SAMPLES=1 pytest tests/reports"


def test_there_is_no_sample_that_no_test_reads():
    expected = {f"{run}-{name}" for run in ("mixed", "green", "unclear", "empty") for name in FILES}
    assert {path.name for path in SAMPLES.iterdir()} == expected


@pytest.mark.parametrize("run", ["mixed", "green", "unclear", "empty"])
def test_reports_from_the_file_equal_reports_from_the_run(run, request):
    result = request.getfixturevalue(run)
    assert render_all(load_result(dump_result(result))) == render_all(result)


def test_all_reports_can_be_written_as_utf8(mixed):
    rendered = render_all(mixed)
    assert tuple(rendered) == FILES
    for text in rendered.values():
        assert text.encode("utf-8") and text.endswith("\n")
