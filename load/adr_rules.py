"""A Prometheus with the ADR's recording rules as it wrote them, over forged history. Driver of `do: adr_rules`.

    series of the scenario -> OpenMetrics text -> promtool -> blocks -> prometheus-adr-0, which evaluates the rules

The rules look back a day or a week; forged samples with true timestamps spare the waiting. Of the rules only the
interval is changed, from a minute or five to a second: how often a rule is evaluated changes none of its values.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from fawkes.harness.child import run
from fawkes.harness.components.prometheus import prometheus
from fawkes.harness.duration import DurationS
from fawkes.harness.errors import ComponentError
from fawkes.harness.model import Component, Json
from fawkes.harness.observe.adr import APP
from fawkes.harness.operator.objects import load_objects
from fawkes.harness.operator.rules import rule_file
from fawkes.harness.places import ADR_LITERAL
from fawkes.harness.promql.selector import selector
from fawkes.harness.script import ScriptedSeries
from fawkes.harness.world import Recorder, Site, World

PART: Final = f"{APP}-0"
RULES: Final = "rules/adr.yaml"
_EVERY: Final = "1s"
_RETENTION: Final = "30d"
"""Beyond any forged history here, so that none of it is deleted."""
_PROMTOOL_WITHIN_S: Final = 60.0
"""It writes about a million samples in 2 s on an idle core (measured)."""


class AdrRulesSpec(BaseModel):
    """`do: adr_rules`: what was scraped from the ADR's DORA service, as a script that ends when the platform starts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    do: Literal["adr_rules"]
    lasts: DurationS = Field(gt=0, le=14 * 86400, description="How long the script lasts; `at` counts from its start.")
    step: DurationS = Field(default=30.0, ge=1, description="Between two scrapes. 30 s is the ADR's interval.")
    series: tuple[ScriptedSeries, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _within(self) -> AdrRulesSpec:
        if late := [one.name for one in self.series if one.steps[-1].at > self.lasts]:
            raise ValueError(f"{late[0]} has a step after the script's end; move it before `lasts`, or raise that")
        return self


class AdrRules:
    """Driver of `do: adr_rules`."""

    spec: type[BaseModel] = AdrRulesSpec

    def components(self, spec: AdrRulesSpec, site: Site) -> Sequence[Component]:
        """The Prometheus, with the history in its data directory. ComponentError when promtool makes no blocks."""
        data = site.data_directory(PART)
        truth = _truth(spec, site.started_at_s)
        _truth_file(site.directory).parent.mkdir(parents=True, exist_ok=True)
        _truth_file(site.directory).write_text(json.dumps(truth))
        text = site.directory / "work" / "adr_rules.om"
        with text.open("w") as file:
            file.writelines(openmetrics(spec, truth["began_s"]))
        _make_blocks(site.binary("promtool"), text, data)
        text.unlink()
        part = prometheus(
            PART,
            binary=site.binary("prometheus"),
            directory=site.own_directory(PART),
            host=site.listen_host,
            ports={"http": site.port(PART)},
            spec={"retention": _RETENTION},
            config=yaml.safe_dump({"rule_files": [RULES]}),
            rule_files={RULES: rules_as_written()},
            target_files={},
        )
        return (replace(part, discovered=False),)

    def run(self, spec: AdrRulesSpec, world: World, record: Recorder) -> None:
        """Record the script as `adr_rules`, from which the check computes every sample."""
        record("note", text=f"the ADR's rules as written, evaluated every {_EVERY}, over forged history")
        record("adr_rules", **json.loads(_truth_file(world.directory).read_text()))


def openmetrics(spec: AdrRulesSpec, began_s: float) -> Iterator[str]:
    """Lines of OpenMetrics text (with `# EOF`) that hold every sample; series of one name stand together."""
    for one in sorted(spec.series, key=lambda series: series.name):
        for elapsed_s in _elapsed_s(spec):
            value = one.value_at(elapsed_s)
            if value is not None:
                yield f"{selector(one.name, one.labels)} {value!r} {began_s + elapsed_s:.3f}\n"
    yield "# EOF\n"


def rules_as_written() -> str:
    """The ADR's DORA rules as a rule file, evaluated every second."""
    rules = yaml.safe_load(
        rule_file(load_objects(ADR_LITERAL).get("PrometheusRule", "fawkes-monitoring", "dora-metrics"))
    )
    for group in rules["groups"]:
        group["interval"] = _EVERY
    return str(yaml.safe_dump(rules, sort_keys=False, width=120))


def _truth(spec: AdrRulesSpec, ended_s: float) -> dict[str, Json]:
    """What the check needs to compute the samples; times are whole seconds, so that text keeps them exactly."""
    return {
        "part": PART,
        "began_s": float(int(ended_s - spec.lasts)),
        "step_s": spec.step,
        "samples": len(_elapsed_s(spec)),
        "series": [one.model_dump(mode="json") for one in spec.series],
    }


def _elapsed_s(spec: AdrRulesSpec) -> list[float]:
    """When it was scraped, from the script's start."""
    return [spec.step * n for n in range(int(spec.lasts / spec.step) + 1)]


def _truth_file(directory: Path) -> Path:
    return directory / "work" / "adr_rules.json"


def _make_blocks(promtool: Path, text: Path, data: Path) -> None:
    argv = [str(promtool), "tsdb", "create-blocks-from", "openmetrics", f"--max-block-duration={_RETENTION}", "--quiet"]
    argv += [str(text), str(data)]
    done = run(argv, cwd=data, environ=os.environ, within_s=_PROMTOOL_WITHIN_S)
    if done.exit_code != 0:
        message = "promtool made no blocks; run the command by hand and read what it says"
        raise ComponentError(PART, message, argv=argv, exit_code=done.exit_code, log_tail="\n".join(done.lines))
