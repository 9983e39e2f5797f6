"""Numbers, durations, sizes, and expected beside observed."""

import math

import pytest

from fawkes.harness.model import Tolerance
from fawkes.reports import values
from fawkes.reports.printable import one_line, printable, shortened


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "absent"),
        (0, "0"),
        (0.1 + 0.2, "0.3"),
        (5.0017367, "5.0017367"),
        (10**30, "1" + "0" * 30),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (True, "true"),
        ("two\nlines", "two\nlines"),
        ({"b": [1, None], "a": False}, "{a: false, b: [1, absent]}"),
    ],
)
def test_show(value, text):
    assert values.show(value) == text


def test_durations_and_sizes_carry_their_unit():
    assert [values.seconds(s) for s in (0, 0.25, 12.345, 599.94, 665)] == [
        "0 s",
        "0.25 s",
        "12.3 s",
        "599.9 s",
        "11 min 5 s",
    ]
    assert [values.size(b) for b in (512, 1536, 23.4 * 2**30, 2**42)] == ["512 B", "1.5 KiB", "23.4 GiB", "4.0 TiB"]
    assert values.fact("memory_bytes", 2**30) == "1.0 GiB" and values.fact("cores", 2) == "2"
    assert values.allowance(Tolerance(0, "", "exact")) == "± 0"


def test_an_instant_is_utc_and_never_breaks_a_report():
    assert values.instant(1_764_000_000.9) == "2025-11-24 16:00:00 UTC"
    assert [values.instant(bad) for bad in (math.nan, math.inf, 1e300)] == ["unknown"] * 3


def test_rows_pair_the_leaves_of_two_mappings():
    rows = values.rows({"team": {"p50": 3, "p95": 9}, "n": 1}, {"team": {"p50": 2.5}, "n": 1, "extra": "x"})
    assert [(row.label, row.expected, row.observed, row.difference) for row in rows] == [
        ("extra", None, "x", ""),
        ("n", 1, 1, "0"),
        ("team.p50", 3, 2.5, "-0.5"),
        ("team.p95", 9, None, ""),
    ]


def test_rows_of_single_values_have_no_label():
    assert [(r.label, r.difference) for r in values.rows(75, 75.0000001)] == [("", "+1e-07")]
    assert [(r.label, r.expected) for r in values.rows({"a": 1}, [1])] == [("", {"a": 1})]
    assert [(r.label, r.expected, r.observed) for r in values.rows({}, None)] == [("", {}, None)]


def test_rows_where_a_whole_group_is_absent_show_its_members_once():
    assert [r.label for r in values.rows({"a": {"b": 1, "c": 2}}, {"a": None})] == ["a.b", "a.c"]
    assert [(r.label, r.observed) for r in values.rows({"a": 1}, None)] == [("a", None)]


def test_texts_and_lists_say_where_they_part():
    assert [values.rows(*pair)[0].difference for pair in ((["a"], ["a", 1]), ("abc", "abd"), ("a", "a"), ("1", 1))] == [
        "from [1]",
        "from [2]",
        "",
        "",
    ]


def test_printable_spells_out_what_reports_must_not_hold():
    assert (
        printable("a\x00\x1b\r\x7f\x85\u2028\u2066\ud800\uffff")
        == r"a\x00\x1b\x0d\x7f\x85" + "\u2028" + r"\u2066\ud800\uffff"
    )
    assert printable("tab\tnew\nline é 日本 🚀") == "tab\tnew\nline é 日本 🚀"
    assert one_line("a \n\t b\u2028c") == "a b c"
    assert (shortened("abc", 3), shortened("abcd", 3)) == ("abc", "ab…")
