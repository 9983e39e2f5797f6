"""Reads scenario files. Every problem of every file is reported at once, with file, line, field and a hint."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fawkes.harness.errors import Problem, ScenarioError, UsageError
from fawkes.harness.expectation import Expectation
from fawkes.harness.scenario.schema import FAULTS, Scenario, scenario_model
from fawkes.harness.scenario.yaml_positions import Document, Location, parse


class Loader:
    """Knows the kinds of expectations and workloads there are."""

    def __init__(self, expectations: Sequence[type[Expectation]], drivers: Sequence[type[BaseModel]]) -> None:
        self._by_tag: dict[str, type[BaseModel]] = {
            **{_tag(model, "check"): model for model in expectations},
            **{_tag(model, "do"): model for model in (*drivers, *FAULTS)},
        }
        self._model = scenario_model(expectations, drivers)

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema of a scenario file, for editors."""
        schema = self._model.model_json_schema()
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        return schema

    def load(self, paths: Iterable[Path]) -> dict[str, tuple[Scenario, Any]]:
        """Name -> (scenario, the plain value it was read from). Raises ScenarioError with all problems of all files."""
        loaded: dict[str, tuple[Scenario, Any]] = {}
        problems: list[Problem] = []
        for path in paths:
            document = parse(_read(path), str(path))
            problems += document.problems
            if document.value is None and document.problems:
                continue
            try:
                loaded[path.stem] = (self._model.model_validate(document.value), document.value)
            except ValidationError as error:
                problems += [self._problem(detail, document, path) for detail in error.errors() if not _echo(detail)]
        if problems:
            raise ScenarioError(problems)
        return loaded

    def restore(self, value: Any, where: str) -> Scenario:
        """A scenario from the plain value in run.json."""
        try:
            return self._model.model_validate(value)
        except ValidationError as error:
            problems = [self._problem(detail, Document(), Path(where)) for detail in error.errors()]
            raise ScenarioError(problems) from error

    def _problem(self, detail: ErrorDetails, document: Document, path: Path) -> Problem:
        location, model = self._place(detail["loc"])
        field = ".".join(map(str, location))
        return Problem(str(path), document.line(location), field, _message(detail, model))

    def _place(self, loc: Location) -> tuple[Location, type[BaseModel]]:
        """pydantic puts the tag of a union into the location; take it out and remember whose fields these are."""
        model: type[BaseModel] = self._model
        location: list[str | int] = []
        for step in loc:
            after_index = bool(location) and isinstance(location[-1], int)
            if after_index and step in self._by_tag:
                model = self._by_tag[str(step)]
            else:
                model = _field_model(model, step) or model
                location.append(step)
        return tuple(location), model


def find_scenarios(names: Sequence[str], directory: Path) -> list[Path]:
    """Paths of the named scenarios (names or paths); of all in `directory` when none is named."""
    known = {path.stem: path for path in sorted(directory.glob("*.yaml"))}
    if not names:
        if not known:
            raise UsageError(f"{directory} holds no scenarios (*.yaml); name one, or give another folder")
        return list(known.values())
    return [_find(name, known, directory) for name in names]


def _find(name: str, known: dict[str, Path], directory: Path) -> Path:
    if name in known:
        return known[name]
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    raise UsageError(
        f"there is no scenario {name!r} in {directory}{did_you_mean(name, known)}; `harness list` shows all"
    )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` when something known is close to `word`, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}; `harness list` shows the scenarios there are"
        ) from error
    except UnicodeDecodeError as error:
        raise ScenarioError([Problem(str(path), 1, "", f"not UTF-8 text: {error.reason}; save it as UTF-8")]) from error


def _echo(detail: ErrorDetails) -> bool:
    """pydantic calls a list too short when its only items were refused, which is told already."""
    return detail["type"] == "too_short" and len(detail["input"]) > 0


def _message(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind, given = detail["type"], detail["input"]
    last = str(detail["loc"][-1]) if detail["loc"] else ""
    if kind == "extra_forbidden":
        return f"unknown field{did_you_mean(last, _fields(model))}; known are {', '.join(_fields(model))}"
    if kind == "union_tag_invalid":
        ctx = detail["ctx"]
        tags = [tag.strip().strip("'") for tag in str(ctx["expected_tags"]).split(",")]
        hint = did_you_mean(str(ctx["tag"]), tags)
        return (
            f"{str(ctx['discriminator']).strip(chr(39))} {ctx['tag']!r} is unknown{hint}; known are {', '.join(tags)}"
        )
    if kind == "union_tag_not_found":
        return f"lacks {_bare(detail['ctx'])}, which says what kind it is"
    if kind == "missing":
        return "is required"
    text = detail["msg"].removeprefix("Value error, ")
    return text if isinstance(given, dict | list) or repr(given) in text else f"{text} (given: {given!r})"


def _bare(ctx: Mapping[str, Any]) -> str:
    """pydantic quotes the discriminator's name."""
    return str(ctx["discriminator"]).strip("'")


def _fields(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]


def _field_model(model: type[BaseModel], step: str | int) -> type[BaseModel] | None:
    """The model of a nested field such as `platform`, or of the items of `faults`."""
    info = model.model_fields.get(step) if isinstance(step, str) else None
    candidates = [info.annotation, *getattr(info.annotation, "__args__", ())] if info else []
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def _tag(model: type[BaseModel], discriminator: str) -> str:
    (tag,) = model.model_fields[discriminator].annotation.__args__  # type: ignore[union-attr]
    return str(tag)
