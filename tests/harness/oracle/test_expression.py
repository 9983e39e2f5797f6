"""The oracle's part of PromQL: by hand, and against Prometheus' own engine (promtool) on random series."""

import math
import os
import random
from pathlib import Path

import pytest
import yaml

from fawkes.harness.child import run
from fawkes.harness.duration import format_duration
from fawkes.harness.errors import UsageError
from fawkes.harness.oracle.expression import Expression, InputSeries, key_of
from fawkes.harness.toolchain.cache import cache_directory
from fawkes.harness.toolchain.find import Miss, find


def series(name, *values, step_s=30.0, **labels):
    return InputSeries({"__name__": name, **labels}, [(k * step_s, v) for k, v in enumerate(values)])


def at(expr, at_s, *inputs):
    return {key: value for key, (_, value) in Expression(expr).at(inputs, at_s).items()}


TOTAL, FREE = series("total", 1000, 1000, pod="a"), series("free", 150, 140, pod="a")
USED = "(total - free) / total > 0.85"


def test_a_ratio_exactly_at_the_threshold_is_not_above_it():
    assert at(USED, 0, TOTAL, FREE) == {}
    assert at(USED, 30, TOTAL, FREE) == {key_of({"pod": "a"}): 0.86}


def test_vectors_are_matched_on_all_labels_and_what_has_no_partner_is_dropped():
    assert at("total - free", 30, TOTAL, series("free", 1, 1, pod="b")) == {}
    assert at("total > 5", 30, TOTAL, series("total", 1, 1, pod="b")) == {key_of({"pod": "a"}): 1000}


@pytest.mark.parametrize(
    ("expr", "pods"),
    [
        ('x{pod="a"}', "a"), ('x{pod!="a"}', "bc"), ('x{pod=~"a|b"}', "ab"), ('x{pod!~"a|b"}', "c"), ('x{pod=~"."}', "abc"),
        ('x{pod=~"a.+"}', ""), ('x{none=""}', "abc"), ('{__name__="x"}', "abc"), ("x > 1", "bc"), ("2 < x", "c"), ("x == 2", "b"),
        ("x != 2", "ac"), ("x <= 2 and x >= 2", "b"), ('x{pod="a"} or x{pod="c"}', "ac"), ('x unless x{pod="b"}', "ac"),
        ("x * 2 >= 4", "bc"), ("x - 1 > 0", "bc"), ("x / 0 > 100", "abc"),
    ],
)  # fmt: skip
def test_matchers_comparisons_and_sets(expr, pods):
    inputs = [series("x", value, pod=pod) for pod, value in (("a", 1), ("b", 2), ("c", 3))]
    assert "".join(dict(key)["pod"] for key in sorted(at(expr, 0, *inputs))) == pods


def test_the_last_five_minutes_count_unless_a_stale_marker_came():
    born = series("x", 7)
    assert at("x", 299.9, born) == {(): 7}
    assert at("x", 300, born) == {}
    assert at("x", 30, series("x", 7, None)) == {}
    assert at("x", 60, series("x", 7, None, 8)) == {(): 8}


def test_absent_carries_the_labels_it_was_asked_for():
    assert at('absent(up{job="a",zone=~"b|c"})', 0) == {key_of({"job": "a"}): 1}
    assert at('absent(up{job="a"})', 0, series("up", 0, job="a")) == {}


def test_increase_is_the_oracles_own_and_ignores_stale_markers():
    counter = series("c_total", 4, 4, None, 5, 6, 7, step_s=30, pod="a")
    got = at("increase(c_total[5m])", 150, counter)[key_of({"pod": "a"})]
    assert got == pytest.approx(3.375)  # 3 in 150 s, stretched by half of the 37.5 s that lie between samples
    assert at("rate(c_total[5m]) * 300", 150, counter)[key_of({"pod": "a"})] == pytest.approx(got)


@pytest.mark.parametrize(
    "expr",
    ["sum(x)", "x offset 5m", "x == bool 1", "x and on(pod) y", "time() - x", "-x", "histogram_quantile(0.5, x)", "x % 2", "x[5m:1m]"],
)  # fmt: skip
def test_what_it_does_not_cover_is_refused_when_it_is_read(expr):
    with pytest.raises(UsageError, match="the oracle does not know"):
        Expression(expr)


def test_what_is_no_promql_is_refused():
    with pytest.raises(UsageError, match="is not PromQL"):
        Expression("x >")


def test_selectors_are_told_once_each():
    assert Expression(USED).selectors() == ["total", "free"]
    assert Expression('increase(x{a="b"}[1h]) >= 3 or x{a="b"} > 1').selectors() == ['x{a="b"}']


# --- against Prometheus' own engine ---------------------------------------------------------------------------

EXPRESSIONS = [
    "x > 0.85", "(x - y) / x > 0.5", "x / y", "x * 2 - y", "x >= y", "x != y", "x == y", "x and y > 1", "x unless y < 2",
    "x or y", 'absent(x{pod="a"})', 'absent(x{pod="z"}) or absent(y{pod="b"})', "increase(x[5m])", "rate(y[3m])",
    "increase(x[10m]) >= 3", "rate(x[5m]) / rate(y[5m]) > 0.5", 'x{pod=~"a|c"} > 1', 'y{pod!~"a"} + 1', "5 - x", "1 < x",
]  # fmt: skip
PODS, STEPS, INTERVAL_S = "abc", 40, 30.0


def random_series(rng, name, pod):
    """Gauges and counters with small whole numbers, so that thresholds are met exactly; gaps and stale markers."""
    value, samples = float(rng.randint(0, 3)), []
    for step in range(STEPS):
        roll = rng.random()
        value = value + rng.choice([0, 0, 1, 2]) if roll < 0.8 else float(rng.randint(0, 3))
        if roll < 0.85:
            samples.append((step * INTERVAL_S, value))
        elif roll < 0.93 and samples and samples[-1][1] is not None:
            samples.append((step * INTERVAL_S, None))
    return InputSeries({"__name__": name, "pod": pod}, samples)


def notation(one):
    values = dict(one.samples)
    words = {at_s: "stale" if value is None else repr(value) for at_s, value in values.items()}
    return " ".join(words.get(step * INTERVAL_S, "_") for step in range(STEPS))


def cases(inputs):
    for expr in EXPRESSIONS:
        expression = Expression(expr)
        for step in range(0, STEPS + 12):
            at_s = step * INTERVAL_S
            yield expr, at_s, expression.at(inputs, at_s)


def promtool_document(seed):
    rng = random.Random(seed)
    inputs = [random_series(rng, name, pod) for name in "xy" for pod in PODS]
    expected = [
        {
            "expr": expr,
            "eval_time": format_duration(at_s),
            "exp_samples": [{"labels": text(labels), "value": value} for labels, value in vector.values()],
        }
        for expr, at_s, vector in cases(inputs)
        # promtool's comparison knows no NaN; 0/0 is proved by hand above
        if not any(math.isnan(value) for _, value in vector.values())
    ]
    shown = [{"series": text(one.labels), "values": notation(one)} for one in inputs]
    test = {"interval": "30s", "input_series": shown, "promql_expr_test": expected}
    return {"rule_files": [], "evaluation_interval": "30s", "tests": [test], "fuzzy_compare": True}, len(expected)


def text(labels):
    pairs = ", ".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
    return f"{labels.get('__name__', '')}{{{pairs}}}"


@pytest.fixture(scope="module")
def promtool():
    binary = find("promtool", environ=os.environ, cache_dir=cache_directory(os.environ))
    if isinstance(binary, Miss):
        pytest.skip(f"no promtool: {'; '.join(binary.reasons)}")
    return Path(binary.path)


def judged(promtool, tmp_path, document):
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(document))
    return run([str(promtool), "test", "rules", "test.yaml"], cwd=tmp_path, environ=os.environ, within_s=60)


@pytest.mark.platform
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_prometheus_returns_the_same_on_random_series(promtool, tmp_path, seed):
    document, count = promtool_document(seed)
    assert count > 900
    done = judged(promtool, tmp_path, document)
    assert done.exit_code == 0, "\n".join(done.lines[:20])


@pytest.mark.platform
@pytest.mark.slow
def test_a_wrong_value_would_be_noticed(promtool, tmp_path):
    document, _ = promtool_document(1)
    wrong = next(case for case in document["tests"][0]["promql_expr_test"] if case["exp_samples"])
    wrong["exp_samples"][0]["value"] += 1e-3
    assert judged(promtool, tmp_path, document).exit_code != 0
