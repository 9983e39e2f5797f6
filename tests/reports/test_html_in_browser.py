"""The page in a real browser: it loads from disk, shows everything, logs no error and asks nobody for anything."""

import json
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import NamedTuple

import pytest

from fawkes.reports.html import html
from fawkes.reports.printable import printable

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--enable-logging=stderr",
    "--v=0",
]
PATIENCE_S = 60  # a cold start of Chromium takes 2 to 5 s on two idle cores; the rest is for busy ones

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: install chromium to test report.html in a browser"),
]


class Loaded(NamedTuple):
    dom: str
    log: list[str]
    requests: set[str]
    """URLs asked for by the page; what the browser asks for itself has no origin and is left out."""


def load(text: str, folder: Path, fragment: str = "") -> Loaded:
    file, net = folder / "report.html", folder / "net.json"
    file.write_text(text, encoding="utf-8")
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", f"--log-net-log={net}", "--dump-dom"]
    done = subprocess.run([*command, file.as_uri() + fragment], capture_output=True, timeout=PATIENCE_S, check=True)
    asked = [event["params"] for event in json.loads(net.read_text())["events"] if "url" in event.get("params", {})]
    requests = {params["url"] for params in asked if params.get("initiator", "not an origin") != "not an origin"}
    return Loaded(done.stdout.decode("utf-8"), done.stderr.decode("utf-8", "replace").splitlines(), requests)


@pytest.fixture(scope="module")
def loaded(mixed, tmp_path_factory) -> Loaded:
    return load(html(mixed), tmp_path_factory.mktemp("page"))


def test_every_verdict_and_expectation_is_in_the_dom(mixed, loaded):
    words = unescape(loaded.dom)
    assert f"<span>{mixed.verdict.name}</span></h1>" in loaded.dom
    for number, scenario in enumerate(mixed.scenarios, 1):
        state = "skipped" if scenario.skipped else scenario.verdict.name.lower()
        assert f'<details class="scenario {state}" id="s{number}"' in loaded.dom
        assert scenario.name in words
        for index, finding in enumerate(scenario.findings, 1):
            assert f'<details class="card {finding.verdict.name.lower()}" id="s{number}-e{index}"' in loaded.dom
            assert printable(finding.reason) in words
    assert loaded.dom.count('<span class="name">') == sum(len(scenario.findings) for scenario in mixed.scenarios)


def test_the_script_ran_and_the_console_is_silent(loaded):
    assert '<button type="button" data-copy="command">Copy</button>' in loaded.dom  # the script un-hid it
    assert [line for line in loaded.log if "CONSOLE" in line] == []


def test_the_page_asks_for_nothing(loaded):
    assert loaded.requests == set()


def test_a_link_to_a_folded_expectation_unfolds_it_and_its_scenario(mixed, loaded, tmp_path):
    folded = '<details class="scenario pass" id="s1">', '<details class="card pass" id="s1-e1">'
    dom = load(html(mixed), tmp_path, "#s1-e1").dom
    for tag in folded:
        assert tag in loaded.dom and tag not in dom
        assert tag.replace(">", ' open="">') in dom


def test_a_page_that_asks_and_complains_would_be_noticed(tmp_path):
    page = load('<img src="http://harness.invalid/a.png"><script>console.error("seen")</script>', tmp_path)
    assert page.requests == {"http://harness.invalid/a.png"}
    assert any("CONSOLE" in line and "seen" in line for line in page.log)
