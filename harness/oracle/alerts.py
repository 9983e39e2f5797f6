"""The timeline an alerting rule must have, worked out here and confirmed by promtool on the unscaled rule.

All times are seconds since the start of the history, on the rule's own clock. Prometheus' rules (rules/alerting.go,
AlertingRule.Eval): an alert is pending from the first evaluation that returns it, fires at the first evaluation that is
at least `for` later, goes back to inactive at the first evaluation that no longer returns it when it was pending, and
when it was firing after `keep_firing_for` (default 0) without being returned.
"""

from __future__ import annotations

import bisect
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import yaml

from fawkes.harness.child import run
from fawkes.harness.duration import format_duration, parse_duration_s
from fawkes.harness.errors import ToolchainError
from fawkes.harness.model import Json

State = Literal["inactive", "pending", "firing"]
Step = tuple[float, float | None]
"""From this second on the series has this value; None: it is gone (a stale marker)."""

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


@dataclass(frozen=True, slots=True)
class InputSeries:
    """A series as the rule sees it: labels with `__name__`, and when its value changes."""

    labels: Mapping[str, str]
    steps: Sequence[Step]


def is_zero(value: float | None) -> bool:
    """The truth of `up == 0`: a target that is gone altogether makes no alert."""
    return value == 0


def predict(
    rule: Mapping[str, Json],
    history: Sequence[Step],
    eval_interval_s: float,
    *,
    active: Callable[[float | None], bool] = is_zero,
) -> list[Transition]:
    """Every change of state, evaluating at 0, one interval, two intervals, ... until nothing can change any more.

    `history` is in order of time; `active` says whether the rule's expression returns the series at a value.
    Exact to the millisecond. Raises ValueError for a duration that Prometheus would not read.
    """
    state: State = "inactive"
    transitions: list[Transition] = []
    for at_ms, now in _states(rule, history, _ms(eval_interval_s), active):
        if now != state:
            transitions.append(Transition(at_ms / 1000, now))
            state = now
    return transitions


def _states(
    rule: Mapping[str, Json], history: Sequence[Step], interval_ms: int, active: Callable[[float | None], bool]
) -> Iterator[tuple[int, State]]:
    hold_ms, keep_ms = (_ms(parse_duration_s(rule.get(key, "0s"))) for key in ("for", "keep_firing_for"))
    state: State = "inactive"
    active_at_ms = 0
    quiet_since_ms: int | None = None
    for at_ms in range(0, _ms(history[-1][0]) + hold_ms + keep_ms + 2 * interval_ms, interval_ms):
        if active(value_at(history, at_ms / 1000)):
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
        yield at_ms, state


def value_at(history: Sequence[Step], at_s: float) -> float | None:
    """The value that holds at `at_s`; None before the first step."""
    index = bisect.bisect_right(history, at_s, key=lambda step: step[0])
    return history[index - 1][1] if index else None


def rule_file(group: Mapping[str, Json], rule: Mapping[str, Json]) -> str:
    """A rule file with that one rule. Annotations are left out: they cannot change when an alert fires, and promtool
    would have to be told every expanded text."""
    bare = {key: value for key, value in rule.items() if key != "annotations"}
    return str(yaml.safe_dump({"groups": [{"name": group["name"], "rules": [bare]}]}, sort_keys=False))


def promtool_test(
    rule_file_text: str, series: InputSeries, transitions: Sequence[Transition], eval_interval_s: float
) -> str:
    """A promtool unit test that holds only if the rule in `rule_file_text` has exactly this timeline on `series`.

    At every evaluation (beyond 200 of them: around each transition) it asserts the firing alerts with all their labels,
    and ALERTS with its alertstate, which is how pending can be seen. Templates in rule labels are not expanded.
    """
    rule = yaml.safe_load(rule_file_text)["groups"][0]["rules"][0]
    labels = {name: value for name, value in series.labels.items() if name != "__name__"} | rule.get("labels", {})
    end_s = max(series.steps[-1][0], *(t.at_s for t in transitions), 0.0) + 2 * eval_interval_s
    times_s = [k * _ms(eval_interval_s) / 1000 for k in range(_ms(end_s) // _ms(eval_interval_s) + 1)]
    values = " ".join(_notation(series.steps, at_s) for at_s in times_s)
    states = [(at_s, _state_at(transitions, at_s)) for at_s in _asserted(times_s, transitions)]
    test = {
        "interval": format_duration(eval_interval_s),
        "input_series": [{"series": _selector(series.labels), "values": values}],
        "alert_rule_test": [_alert_assertion(rule["alert"], labels, at_s, state) for at_s, state in states],
        "promql_expr_test": [_state_assertion(rule["alert"], labels, at_s, state) for at_s, state in states],
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


def _notation(steps: Sequence[Step], at_s: float) -> str:
    value = value_at(steps, at_s)
    if value is not None:
        return repr(float(value))
    return "_" if at_s < steps[0][0] else "stale"


def _alert_assertion(alert: str, labels: Mapping[str, str], at_s: float, state: State) -> Json:
    firing = [{"exp_labels": dict(labels)}] if state == "firing" else []
    return {"eval_time": format_duration(at_s), "alertname": alert, "exp_alerts": firing}


def _state_assertion(alert: str, labels: Mapping[str, str], at_s: float, state: State) -> Json:
    sample = {"__name__": "ALERTS", "alertname": alert, "alertstate": state, **labels}
    return {
        "expr": _selector({"__name__": "ALERTS", "alertname": alert}),
        "eval_time": format_duration(at_s),
        "exp_samples": [] if state == "inactive" else [{"labels": _selector(sample), "value": 1}],
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
