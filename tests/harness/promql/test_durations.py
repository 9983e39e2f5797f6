import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fawkes.harness.errors import UsageError
from fawkes.harness.promql.durations import clock_functions, map_durations


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("increase(x[1h]) >= 3", "increase(x[1m]) >= 3"),
        ("x offset 5m", "x offset 5s"),
        ("x offset -90s", "x offset -1s500ms"),
        ("rate(x[5m] offset 1h)", "rate(x[5s] offset 1m)"),
        ("max_over_time(rate(x[5m])[30m:1m])", "max_over_time(rate(x[5s])[30s:1s])"),
        ("max_over_time(x[30m:])", "max_over_time(x[30s:])"),
        ("max_over_time(x[30m:1m] offset 2m)", "max_over_time(x[30s:1s] offset 2s)"),
        ("rate(x[5m] @ end() offset 1m)", "rate(x[5s] @ end() offset 1s)"),
        ("max_over_time(x[5m:1m] @ start() offset -1m)", "max_over_time(x[5s:1s] @ start() offset -1s)"),
        ("x[5m] @ 1700000000", "x[5s] @ 1700000000.000"),
        ("(x offset 5m) + on (a) group_left (b) y[1m:] offset 1m", None),
        # What only looks like a duration stays: in strings, in label values, in regular expressions.
        (r'x{a="[5m] offset 1m @ end()"} offset 1m', r'x{a="[5m] offset 1m @ end()"} offset 1s'),
        (
            r'label_replace(x offset 1h, "d", "5m", "s", "([5m]+)")',
            'label_replace(x offset 1m, "d", "5m", "s", "([5m]+)")',
        ),
        ('rate(x{le=~"1m|5m",q="\\"[5m]\\""}[5m])', 'rate(x{le=~"1m|5m",q="\\"[5m]\\""}[5s])'),
    ],
)
def test_durations_are_divided_and_nothing_else(expr, expected):
    if expected is None:
        with pytest.raises(UsageError):
            map_durations(expr, lambda s: s / 60)
        return
    assert map_durations(expr, lambda s: s / 60) == expected


def test_an_expression_that_breaks_over_several_lines_still_has_its_durations_changed():
    labels = ", ".join(f"a_rather_long_label_name_{n}" for n in range(6))
    expr = f"avg_over_time((sum by ({labels}) (rate(x[5m])))[30m:1m] offset 1h)"
    changed = map_durations(expr, lambda s: s / 60)
    assert "\n" in changed
    unbroken = " ".join(changed.split())
    assert "[5s]" in unbroken
    assert "[30s:1s] offset 1m" in unbroken


def test_an_expression_without_durations_is_left_word_for_word():
    expr = "sum(x)   by (a)  > 0.85"
    assert map_durations(expr, lambda s: s / 60) == expr


def test_every_duration_is_met_once():
    met = []
    map_durations("rate(a[1m] offset 2m) + max_over_time((b offset 3m)[4m:5m] offset 6m)", lambda s: met.append(s) or s)
    assert sorted(met) == [60, 120, 180, 240, 300, 360]


@pytest.mark.parametrize("expr", ["rate(x[$__range])", "x[", "up =="])
def test_what_is_no_promql_is_refused_with_the_expression(expr):
    with pytest.raises(UsageError, match="not a PromQL expression"):
        map_durations(expr, lambda s: s)


def test_functions_that_read_the_clock_are_found():
    assert clock_functions("rate(x[5m]) > 0 and time() - timestamp(x) > 3600") == ["rate", "time", "timestamp"]
    assert clock_functions('increase(rate_total{job="time()"}[1h])') == []


# --- any expression -----------------------------------------------------------------------------------------

milliseconds = st.integers(min_value=1, max_value=10**10)
durations = milliseconds.map(lambda ms: promql_parser.display_duration(_delta(ms)))
offsets = st.one_of(st.just(""), durations.map(lambda d: f" offset {d}"), durations.map(lambda d: f" offset -{d}"))
at = st.sampled_from(["", " @ start()", " @ end()", " @ 1700000000"])
label_values = st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), max_size=12)
selectors = label_values.map(lambda value: f"x{{a={quoted(value)}}}")


def _delta(ms):
    from datetime import timedelta  # noqa: PLC0415

    return timedelta(milliseconds=ms)


def quoted(value):
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def larger(inner):
    return st.one_of(
        st.builds(
            "max_over_time(({})[{}:{}]{}{})".format, inner, durations, st.one_of(st.just(""), durations), at, offsets
        ),
        st.builds("({}) {} ({})".format, inner, st.sampled_from(["+", "and", "or", "> bool", "unless"]), inner),
        st.builds("sum by (a) ({})".format, inner),
        st.builds("-({})".format, inner),
    )


expressions = st.recursive(
    st.one_of(
        st.builds("{}{}{}".format, selectors, at, offsets),
        st.builds("rate({}[{}]{}{})".format, selectors, durations, at, offsets),
    ),
    larger,
    max_leaves=4,
)


@given(expressions, st.integers(min_value=1, max_value=1000))
def test_slower_and_faster_again_is_the_same_expression(expr, factor):
    same = promql_parser.parse(expr).prettify()
    slowed = map_durations(expr, lambda s: round(s * factor, 3))
    again = map_durations(slowed, lambda s: round(s / factor, 3))
    assert promql_parser.parse(again).prettify() == same
