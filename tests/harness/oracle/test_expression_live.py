"""The oracle for rule expressions against a running Prometheus: random expressions on random counters.

Instants fall into gaps, behind stale markers and beyond the lookback, as the counters are those of the port's proof.
"""

import math
import random
from collections import Counter

import pytest

from fawkes.harness.oracle import expression as oracle
from fawkes.harness.oracle.expression import Expression, InputSeries
from fawkes.harness.oracle.promql import increase
from fawkes.harness.oracle.promql_proof.comparison import TOLERANCE, relative_error
from fawkes.harness.oracle.promql_proof.live import prometheus
from fawkes.harness.oracle.promql_proof.series import INSTANTS_MS, RANGES_MS, counters
from fawkes.harness.toolchain import provide

pytestmark = [pytest.mark.platform, pytest.mark.slow]

SEED, GROUPS, EXPRESSIONS = "2026", 60, 800


def atom(rng, group):
    metric = rng.choice(["proof_total", "proof_total", "proof_failed_total"])
    chosen = f'{metric}{{g="{group}"}}'
    matcher = rng.choice(["", f',n="{group * 5 + rng.randrange(5)}"', f',n=~"{group * 5}|{group * 5 + 2}"', ',n!="7"'])
    some = f'{metric}{{g="{group}"{matcher}}}'
    ranged = f"{some}[{rng.choice(RANGES_MS)}ms]"
    return rng.choice([chosen, some, some, f"increase({ranged})", f"rate({ranged})", f"absent({some})"])


def random_expression(rng, group, depth=2):
    if depth == 0:
        return atom(rng, group)
    left, right = (random_expression(rng, group, depth - rng.choice([1, 2, 2]) if depth > 1 else 0) for _ in range(2))
    number = rng.choice(["0", "1", "0.5", "7", "1e10"])
    compared = rng.choice([">", ">=", "<", "<=", "==", "!="])
    return rng.choice(
        [
            f"({left}) {rng.choice('+-*/')} ({right})",
            f"({left}) {rng.choice('+-*/')} {number}",
            f"{number} {rng.choice('-/')} ({left})",
            f"({left}) {compared} {number}",
            f"({left}) {compared} ({right})",
            f"{number} {compared} ({right})",
            f"({left}) {rng.choice(['and', 'or', 'unless'])} ({right})",
        ]
    )


@pytest.fixture(scope="module")
def series():
    return list(counters(SEED, 5 * GROUPS))


@pytest.fixture(scope="module")
def live(series):
    with prometheus(provide(["prometheus"], progress=lambda line: None)["prometheus"].path) as running:
        running.write(series)
        yield running


@pytest.fixture(scope="module")
def asked(live, series):
    """[(expression, its group's series, what Prometheus answers), ...]"""
    rng = random.Random(SEED)
    inputs = [InputSeries(one.labels, [(at_ms / 1000, value) for at_ms, value in one.stored]) for one in series]
    asked = []
    for _ in range(EXPRESSIONS):
        group = rng.randrange(GROUPS)
        text = random_expression(rng, group, rng.choice([0, 1, 1, 2]))
        asked.append((text, inputs[5 * group : 5 * group + 5], live.ask(text, INSTANTS_MS, "n")))
    return asked


def disagreements(asked):
    """Where an element is missing, too many, or has another value; and what was met on the way."""
    met, wrong = Counter(), []
    for text, series, answers in asked:
        ours = Expression(text)
        for at_ms in INSTANTS_MS:
            found = {labels.get("n", ""): value for labels, value in ours.at(series, at_ms / 1000).values()}
            theirs = {n: values[at_ms] for n, values in answers.items() if at_ms in values}
            apart = [relative_error(found.get(n), theirs.get(n)) for n in found.keys() | theirs.keys()]
            met.update(elements=len(found), empty=not found, nan=sum(map(math.isnan, found.values())))
            if max(apart, default=0.0) > TOLERANCE:
                wrong.append((text, at_ms, found, theirs))
    return wrong, met


def test_prometheus_returns_the_same_elements_with_the_same_values(asked):
    wrong, met = disagreements(asked)
    assert wrong == []
    assert min(met["elements"], met["empty"]) > 1000
    assert met["nan"] > 20


@pytest.mark.parametrize(
    ("name", "mistaken"),
    [
        ("LOOKBACK_S", 600.0),
        ("key_of", lambda labels: tuple(sorted(labels.items()))),
        ("_divided", lambda a, b: a / b if b else math.nan),
        ("_matches", lambda node, labels: node.name == labels["__name__"]),
        ("_equalities", lambda node: {}),
        ("_set_operation", lambda op, left, right: right | left if op == "or" else left),
        ("rate", increase),
    ],
)
def test_a_mistake_is_noticed(asked, monkeypatch, name, mistaken):
    if name == "_divided":
        monkeypatch.setitem(oracle._ARITHMETIC, "/", mistaken)
    else:
        monkeypatch.setattr(oracle, name, mistaken)
    wrong, _ = disagreements(asked)
    assert wrong
