"""The timeline an alerting rule must have, worked out here and confirmed by promtool on the unscaled rule.

All times are seconds since the start of the history, on the rule's own clock. Prometheus' rules (rules/alerting.go,
AlertingRule.Eval): an alert is pending from the first evaluation that returns it, fires at the first evaluation that is
at least `for` later, goes back to inactive at the first evaluation that no longer returns it when it was pending, and
when it was firing after `keep_firing_for` (default 0) without being returned.
"""

from __future__ import annotations

import bisect
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import yaml

from fawkes.harness.child import run
from fawkes.harness.duration import format_duration, parse_duration_s
from fawkes.harness.errors import ToolchainError
from fawkes.harness.model import Json
from fawkes.harness.oracle.expression import Expression, InputSeries, Key, key_of

State = Literal["inactive", "pending", "firing"]

RULE_FILE: Final = "rules.yaml"
TEST_FILE: Final = "rules_test.yaml"

ALL_STEPS_MAX: Final = 200
"""Up to here every evaluation is asserted. promtool takes 0.1 s for as many; a 30-day `for` would have 86,400."""

PROMTOOL_WITHIN_S: Final = 30.0
"""promtool needs 0.1 s alone; a machine that is busy with load may take many times that."""


@dataclass(frozen=True, slots=True)
class Transition:
    """From this second on the alert is in this state."""

    at_s: float
    state: State


def predict(
    rule: Mapping[str, Json], series: Sequence[InputSeries], *, eval_interval_s: float, until_s: float
) -> dict[Key, list[Transition]]:
    """Every change of state of each alert the rule makes, by its labels (the rule's own among them).

    Evaluated at 0, one interval, two intervals, ... up to `until_s`. Exact to the millisecond. Raises ValueError for a
    duration that Prometheus would not read, UsageError for an expression the oracle does not cover.
    """
    expression = Expression(str(rule["expr"]))
    returned = {
        at_ms: expression.at(series, at_ms / 1000).keys() for at_ms in range(0, _ms(until_s) + 1, _ms(eval_interval_s))
    }
    hold_ms, keep_ms = (_ms(parse_duration_s(rule.get(key, "0s"))) for key in ("for", "keep_firing_for"))
    timelines = {}
    for key in sorted({key for keys in returned.values() for key in keys}):
        active = {at_ms: key in keys for at_ms, keys in returned.items()}
        timelines[key_of(dict(key) | rule.get("labels", {}))] = list(_transitions(active, hold_ms, keep_ms))
    return timelines


def _transitions(active: Mapping[int, bool], hold_ms: int, keep_ms: int) -> Iterator[Transition]:
    state: State = "inactive"
    active_at_ms = 0
    quiet_since_ms: int | None = None
    for at_ms, is_active in active.items():
        before = state
        if is_active:
            quiet_since_ms = None
            if state == "inactive":
                state, active_at_ms = "pending", at_ms
            if state == "pending" and at_ms - active_at_ms >= hold_ms:
                state = "firing"
        elif state == "firing":
            quiet_since_ms = at_ms if quiet_since_ms is None else quiet_since_ms
            if at_ms - quiet_since_ms >= keep_ms:
                state, quiet_since_ms = "inactive", None
        else:
            state = "inactive"
        if state != before:
            yield Transition(at_ms / 1000, state)


def rule_file(group: Mapping[str, Json], rule: Mapping[str, Json]) -> str:
    """A rule file with that one rule. Annotations are left out: they cannot change when an alert fires, and promtool
    would have to be told every expanded text."""
    bare = {key: value for key, value in rule.items() if key != "annotations"}
    return str(yaml.safe_dump({"groups": [{"name": group["name"], "rules": [bare]}]}, sort_keys=False))


def promtool_test(
    rule_file_text: str,
    series: Sequence[InputSeries],
    timelines: Mapping[Key, Sequence[Transition]],
    *,
    scrape_interval_s: float,
    eval_interval_s: float,
    until_s: float,
) -> str:
    """A promtool unit test that holds only if the rule in `rule_file_text` has exactly these timelines on `series`.

    At every evaluation (beyond 200 of them: around each transition) it asserts the firing alerts with all their labels,
    and ALERTS with its alertstate, which is how pending can be seen. Templates in rule labels are not expanded. The
    samples must stand at whole scrape intervals.
    """
    alert = yaml.safe_load(rule_file_text)["groups"][0]["rules"][0]["alert"]
    scrapes = range(_ms(until_s) // _ms(scrape_interval_s) + 1)
    times_s = [at_ms / 1000 for at_ms in range(0, _ms(until_s) + 1, _ms(eval_interval_s))]
    asserted = _asserted(times_s, [transition for one in timelines.values() for transition in one])
    test = {
        "interval": format_duration(scrape_interval_s),
        "input_series": [
            {"series": _selector(one.labels), "values": _notation(one, scrapes, _ms(scrape_interval_s))}
            for one in series
        ],
        "alert_rule_test": [_alert_assertion(alert, timelines, at_s) for at_s in asserted],
        "promql_expr_test": [_state_assertion(alert, timelines, at_s) for at_s in asserted],
    }
    document = {
        "rule_files": [RULE_FILE],
        "evaluation_interval": format_duration(eval_interval_s),
        "tests": [test],
    }
    return str(yaml.safe_dump(document, sort_keys=False))


def run_promtool(promtool: Path, directory: Path, rule_file_text: str, test_text: str) -> tuple[int, str]:
    """Write both files into `directory` and run the test there: exit code (0: the prediction holds) and output.

    Raises ToolchainError when promtool gives no answer in time.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / RULE_FILE).write_text(rule_file_text)
    (directory / TEST_FILE).write_text(test_text)
    argv = [str(promtool), "test", "rules", TEST_FILE]
    done = run(argv, cwd=directory, environ=os.environ, within_s=PROMTOOL_WITHIN_S)
    if done.exit_code is None:
        raise ToolchainError(
            f"promtool gave no answer within {PROMTOOL_WITHIN_S:g} s; run again on a machine that is less busy"
        )
    return done.exit_code, "\n".join(done.lines).strip()


def _asserted(times_s: Sequence[float], transitions: Sequence[Transition]) -> Sequence[float]:
    if len(times_s) <= ALL_STEPS_MAX:
        return times_s
    edges = {bisect.bisect_left(times_s, transition.at_s) for transition in transitions}
    chosen = {0, len(times_s) - 1} | {index + near for index in edges for near in (-1, 0, 1)}
    return [times_s[index] for index in sorted(chosen) if 0 <= index < len(times_s)]


def _state_at(transitions: Sequence[Transition], at_s: float) -> State:
    index = bisect.bisect_right(transitions, at_s, key=lambda transition: transition.at_s)
    return transitions[index - 1].state if index else "inactive"


def _notation(one: InputSeries, scrapes: range, interval_ms: int) -> str:
    values = {_ms(at_s): value for at_s, value in one.samples}
    words = []
    for scrape in scrapes:
        value = values.get(scrape * interval_ms, math.nan)
        words.append("stale" if value is None else "_" if math.isnan(value) else repr(value))
    return " ".join(words)


def _alert_assertion(alert: str, timelines: Mapping[Key, Sequence[Transition]], at_s: float) -> Json:
    firing = [{"exp_labels": dict(key)} for key, one in timelines.items() if _state_at(one, at_s) == "firing"]
    return {"eval_time": format_duration(at_s), "alertname": alert, "exp_alerts": firing}


def _state_assertion(alert: str, timelines: Mapping[Key, Sequence[Transition]], at_s: float) -> Json:
    states = {key: _state_at(one, at_s) for key, one in timelines.items()}
    samples = [
        {"__name__": "ALERTS", "alertname": alert, "alertstate": state, **dict(key)}
        for key, state in states.items()
        if state != "inactive"
    ]
    return {
        "expr": _selector({"__name__": "ALERTS", "alertname": alert}),
        "eval_time": format_duration(at_s),
        "exp_samples": [{"labels": _selector(sample), "value": 1} for sample in samples],
    }


def _selector(labels: Mapping[str, str]) -> str:
    """Series notation with the characters escaped that PromQL strings escape."""
    pairs = (
        f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items() if name != "__name__" and value != ""
    )
    return f"{labels['__name__']}{{{', '.join(pairs)}}}"


_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
