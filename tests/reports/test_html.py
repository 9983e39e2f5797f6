"""The HTML page as text: self-contained, escaped, honest about colours, readable."""

import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

import fawkes.reports.html as page
from fawkes.harness.model import Mark, Verdict
from fawkes.reports.html import html
from fawkes.reports.outcome import worst_first

VOID = {"meta", "link", "br", "img", "input", "hr"}
# SVG shapes are written as <path/>; the parser reports them as start-end tags.


class Outline(HTMLParser):
    """What is in the page: tags with attributes, headings, and whether the tags nest."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


@pytest.mark.parametrize("run", ["mixed", "green", "unclear", "empty"])
def test_the_page_asks_for_nothing_outside_of_itself(run, request):
    text = html(request.getfixturevalue(run))
    for tag, attributes in Outline(text).tags:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "form"}
        for name in ("src", "srcset", "data", "action", "xlink:href", "poster", "background"):
            assert name not in attributes
        assert attributes.get("href", "#").startswith("#")
        assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"url\(|@import|https?://|fetch\(|XMLHttpRequest|import\(", text)


def test_the_policy_allows_this_script_and_no_other(green):
    text = html(green)
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in text
    assert text.count("<script") == 1


@pytest.mark.parametrize("run", ["mixed", "green", "unclear", "empty"])
def test_tags_nest_ids_are_unique_and_links_lead_somewhere(run, request):
    outline = Outline(html(request.getfixturevalue(run)))
    assert outline.open == []
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in outline.tags:
        for name in ("href", "aria-labelledby", "data-copy"):
            if name in attributes:
                assert attributes[name].removeprefix("#") in ids


def test_headings_go_down_one_level_at_a_time(mixed):
    levels = [int(tag[1]) for tag, _ in Outline(html(mixed)).tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(deeper <= level + 1 for level, deeper in pairwise(levels))


def test_everything_a_reader_needs_is_there(mixed):
    words = Outline(html(mixed)).words()
    assert "FAIL 2 of 7 scenarios failed, 2 could not be judged, 1 skipped." in words
    for scenario in mixed.scenarios[:-1]:  # the last one holds odd characters, see below
        for part in (scenario.name, scenario.claim, *scenario.notes, scenario.skipped or ""):
            assert part in words
        for finding in scenario.findings:
            assert finding.expectation in words and finding.reason in words
            assert finding.tolerance is None or finding.tolerance.source in words
    for part in (mixed.run_id, mixed.command, "4711", "2025-11-24 15:59:40 UTC", "3.13.5", "23.0 GiB", "3e1f5c2"):
        assert part in words


def test_odd_characters_are_text_and_nothing_else(mixed):
    text = html(mixed)
    outline = Outline(text)
    assert "b" not in {tag for tag, attributes in outline.tags if tag == "b" and attributes}
    assert (
        r"""a<b>&"c'</script><!-- ]]> | `code` ``x`` **bold** @team [l](u) \x00\x07\x1b[31mred\x0d next"""
        in outline.words()
    )
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", text)


def test_only_a_pass_has_green(mixed, unclear):
    for run in (mixed, unclear):
        for scenario, section in zip(
            worst_first(run), re.findall(r'<details class="scenario (\w+)"', html(run)), strict=True
        ):
            expected = "skipped" if scenario.skipped else scenario.verdict.name.lower()
            assert section == expected
    cards = re.findall(
        r'<details class="card inconclusive".*?</details>\s*(?=<details class="card|<figure|</section)',
        html(unclear),
        re.DOTALL,
    )
    assert cards and not any(re.search(r'class="[^"]*\bpass\b', card) for card in cards)
    assert '<header class="verdict inconclusive">' in html(unclear)
    style = (Path(page.__file__).parent / "templates" / "style.css").read_text()
    users = {rule.split("{")[0].strip() for rule in style.splitlines() if "var(--pass" in rule}
    assert users and all(".pass" in selector for selector in users)


def test_what_did_not_pass_is_open_and_what_passed_is_folded(mixed):
    cards = re.findall(r'<details class="card (\w+)" id="[^"]+"( open)?>', html(mixed))
    assert len(cards) == 9
    assert all((state != "pass") == bool(is_open) for state, is_open in cards)


def test_scenarios_that_did_not_pass_come_first_and_open(mixed):
    found = re.findall(r'<details class="scenario (\w+)" id="[^"]+"( open)?>', html(mixed))
    assert [state for state, _ in found] == ["fail", "fail", "inconclusive", "inconclusive", "skipped", "pass", "pass"]
    assert all((state != "pass") == bool(is_open) for state, is_open in found)


def test_every_part_of_the_page_is_linked_at_its_top(mixed, empty):
    links = re.search(r"<nav.*?</nav>", html(mixed), re.DOTALL)[0]
    assert re.findall('href="#(.*?)"', links) == [
        *("why", "scenarios", "alerts", "dora", "time", "details", "reproduce"),
    ]
    assert 'href="#alerts"' not in html(empty)


PLAIN = str.maketrans(
    {"\N{EN DASH}": "-", "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}": ">", "\N{MULTIPLICATION SIGN}": "x"}
)


def rows_of(text: str, heading: str) -> list[str]:
    section = re.search(rf'<h2 id="{heading}">.*?</section>', text, re.DOTALL)[0]
    rows = [Outline(f"<table>{row}</table>").words() for row in re.findall("<tr.*?</tr>", section, re.DOTALL)]
    return [row.translate(PLAIN) for row in rows]


def test_every_alert_of_the_platform_has_a_row(mixed):
    rows = rows_of(html(mixed), "alerts")
    assert rows[1] == (
        "DoraDeploymentsStopped dora-alerts · warning FAIL deployment frequency in Prometheus "
        "✓ firing and quiet ✓ yes dora_golden - no ✓ email - not shown"
    )
    assert rows[3] == (
        "PlatformServiceAbsent platform-alerts · critical NOT COVERED - firing only - no - no - nobody - not shown"
    )
    assert rows[4].endswith("✓ mattermost, pagerduty ✓ yes notified once")


def test_the_table_of_alerts_is_folded_where_a_run_touches_none(mixed):
    fold = "<summary>No scenario of this run speaks of an alert</summary>"
    untouched = dataclasses.replace(mixed, alerts=tuple(dataclasses.replace(row, sightings=()) for row in mixed.alerts))
    assert fold in html(untouched) and fold not in html(mixed)
    assert len(rows_of(html(untouched), "alerts")) == 1 + len(mixed.alerts)


def test_many_proofs_of_quiet_are_counted(mixed):
    (quiet,) = mixed.alerts[3].sightings
    row = dataclasses.replace(mixed.alerts[3], sightings=(dataclasses.replace(quiet, quiet=tuple("abcdefgh")),))
    assert rows_of(html(dataclasses.replace(mixed, alerts=(row,))), "alerts")[1].endswith("✓ yes a b c d e and 3 more")


def test_latency_is_told_live_and_on_the_platforms_clock(mixed):
    rows = rows_of(html(mixed), "alerts")
    assert rows[-1] == (
        "PlatformServiceDown x 60 alert_platform_service_down "
        # pending, firing, Alertmanager, e-mail, Mattermost, PagerDuty; inactive, e-mail, Mattermost, PagerDuty
        "0.50 s 30 s 5.10 s 306 s - - 0.20 s 12 s 0.25 s 15 s 0.20 s 12 s - 0.90 s 54 s 0.92 s 55 s"
    )


def test_a_value_that_differs_names_the_stage_and_the_part(mixed):
    head, row, *_ = rows_of(html(mixed), "dora")
    assert head == "Value Oracle store rows rest exporter prometheus rule thanos First differs"
    assert row == (
        "deployment_frequency_per_day payments, 7d dora_golden 1.14286 8 1.14286 1.14286 1.14286 "
        "✕ 0.0342857 ! 0.0342857 rule prometheus-core-0"
    )


def test_a_page_of_25_busy_scenarios_stays_below_two_megabytes(make_run, failing_scenario, mixed):
    marks = tuple(Mark(1.7e9 + n / 100, f"lane {n % 2}", "commit stored") for n in range(20_000))
    broken = failing_scenario.findings[1]
    crowd = {f"team-{n}.value": n / 7 for n in range(300)}
    busy = dataclasses.replace(broken, evidence=broken.evidence * 30, expected=crowd, observed=crowd)
    passed = dataclasses.replace(broken, verdict=Verdict.PASS)
    findings = (busy, *(passed,) * 7)
    scenarios = [
        dataclasses.replace(failing_scenario, name=f"scenario_{n}", timeline=marks, findings=findings)
        for n in range(25)
    ]
    text = html(make_run(*scenarios, alerts=mixed.alerts * 4))
    assert len(text.encode()) < 2_000_000
    assert "24 of 300, those that are not as expected before others; all of them are in result.json." in text
    assert "The first 100 of 20000; all of them are in history.jsonl." in text


def test_the_first_broken_stage_is_marked(mixed):
    strip = re.search(r'deployment frequency in Prometheus</span>.*?<ol class="strip".*?</ol>', html(mixed), re.DOTALL)[
        0
    ]
    cells = re.findall(r'<li class="(\w+)">.*?class="stage">(\w+)<', strip, re.DOTALL)
    assert cells == [
        ("ok", "event"),
        ("ok", "store"),
        ("ok", "rest"),
        ("ok", "exporter"),
        ("ok", "prometheus"),
        ("broken", "rule"),
        ("wrong", "thanos"),
        ("unseen", "alertmanager"),
        ("unseen", "receiver"),
    ]


def test_a_scenario_without_a_timeline_draws_none(green):
    text = html(green)
    assert text.count("<figure") == 1 and text.count('<svg viewBox="0 0 960.0') == 1


def test_thousands_of_marks_stay_a_small_page(make_run, failing_scenario):
    timeline = tuple(Mark(1.7e9 + n / 100, "webhook", "commit") for n in range(20_000))
    text = html(make_run(dataclasses.replace(failing_scenario, timeline=timeline)))
    assert "The first 500 of 20000; all of them are in history.jsonl." in text
    assert "commit \N{MULTIPLICATION SIGN}20000" in text and len(text) < 150_000


def test_an_endless_value_unfolds_to_a_part_of_it(make_run, failing_scenario):
    finding = dataclasses.replace(failing_scenario.findings[1], observed="y" * 1_000_000)
    text = html(make_run(dataclasses.replace(failing_scenario, findings=(finding,))))
    assert "(980000 more characters in result.json)" in text and len(text) < 120_000


def test_a_mutant_is_announced(make_run, failing_scenario):
    assert "broken on purpose (mutant dropped_webhook)" in html(make_run(failing_scenario, mutant="dropped_webhook"))


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    colour = "".join(c * 2 for c in colour) if len(colour) == 3 else colour
    channels = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1])
def test_text_has_the_contrast_that_wcag_aa_asks_for(scheme):
    style = (Path(page.__file__).parent / "templates" / "style.css").read_text()
    block = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[scheme]
    colour = dict(re.findall(r"--([\w-]+): #(\w+)", block))
    pairs = [(text, ground) for text in ("text", "muted", "link") for ground in ("bg", "card", "sunk")]
    states = ("pass", "fail", "inconclusive", "skipped")
    pairs += [(state, ground) for state in states for ground in ("card", f"{state}-soft")]
    pairs += [("on-state", state) for state in states]
    pairs += [("text", f"{state}-soft") for state in states] + [("muted", f"{state}-soft") for state in states]
    # 4.5:1 is WCAG 2.2 success criterion 1.4.3 for text of normal size.
    assert {
        pair: round(contrast(colour[pair[0]], colour[pair[1]]), 2)
        for pair in pairs
        if contrast(colour[pair[0]], colour[pair[1]]) < 4.5
    } == {}
