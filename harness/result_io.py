"""The bytes of result.json, and back. Both directions follow the dataclasses in model.py, field by field.

The same result gives the same bytes on every machine: fields stand in the order of model.py, keys of mappings are
sorted, enums are written by name (Verdict) or by value (Stage). JSON has no NaN and no infinities, so they are
written as {"$float": "NaN" | "Infinity" | "-Infinity"}; a mapping of the user's that looks like this gets one more `$`.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import math
import re
import types
import typing
from collections.abc import Mapping
from typing import Any, Union

from fawkes.harness.errors import RecordError
from fawkes.harness.model import RunResult, Verdict

FORMAT = 2
"""Version of the file's shape. Raised whenever a reader of the old shape would misread the new one."""

_FLOAT_KEY = re.compile(r"\$+float")
_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_REMEDY = "run `harness judge RUN_DIR` to write it again from history.jsonl"


def dump_result(result: RunResult) -> str:
    """The exact text of result.json: indented by 2, ends with a newline, encodable as UTF-8.

    Raises TypeError that names the field when a check put something into the result that JSON cannot carry.
    """
    data = {"format": FORMAT, **_encode(result, RunResult, "result")}
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
    # A lone surrogate (half a character in somebody's broken text) has no UTF-8; JSON's own escape carries it.
    return _LONE_SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text) + "\n"


def load_result(text: str) -> RunResult:
    """The result that `dump_result` wrote. `dump_result(load_result(text)) == text` for every such text.

    Raises RecordError naming the line (broken JSON) or the field (wrong shape, unknown name, other format), also
    when a verdict is better than the verdicts below it allow.
    """
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise _damaged(f":{error.lineno}", error.msg) from None
    except (RecursionError, ValueError) as error:  # nested too deeply, or a number of thousands of digits
        raise _damaged("", str(error)) from None
    if not isinstance(data, dict):
        raise _damaged("", f"expected an object, found {_kind(data)}")
    found = data.pop("format", None)
    if found != FORMAT or isinstance(found, bool):
        raise RecordError(
            f"result.json: format: expected {FORMAT}, found {found!r}; read it with the harness that wrote it, "
            f"or {_REMEDY}"
        )
    result = _decode(data, RunResult, "")
    assert isinstance(result, RunResult)
    _check_verdicts(result)
    return result


def _check_verdicts(result: RunResult) -> None:
    """A report must not be greener than its evidence, so a file that claims that is refused."""
    for index, scenario in enumerate(result.scenarios):
        below = Verdict.worst(finding.verdict for finding in scenario.findings)
        if scenario.skipped is not None and scenario.verdict is Verdict.PASS:
            raise _damaged(f": scenarios[{index}].verdict", "PASS, though the scenario was skipped")
        if scenario.skipped is None and scenario.verdict < below:
            raise _damaged(
                f": scenarios[{index}].verdict", f"{scenario.verdict.name}, but its findings say {below.name}"
            )
    below = Verdict.worst(scenario.verdict for scenario in result.scenarios if scenario.skipped is None)
    if result.verdict < below:
        raise _damaged(": verdict", f"{result.verdict.name}, but the scenarios say {below.name}")


def _refuse_constant(name: str) -> Any:
    raise _damaged("", f"{name} is not JSON")


def _damaged(where: str, what: str) -> RecordError:
    return RecordError(f"result.json{where}: {what}; the file is damaged: {_REMEDY}")


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), type(value).__name__)


@functools.cache  # resolving them takes longer than everything else here
def _hints(owner: type) -> dict[str, Any]:
    return typing.get_type_hints(owner)


# --- values to JSON -------------------------------------------------------------------------------------------------


def _encode(value: Any, hint: Any, path: str) -> Any:
    """`value`, declared as `hint`, as something the json module writes. `path` is for the error message."""
    if dataclasses.is_dataclass(value):
        owner: type = type(value)
        return {name: _encode(getattr(value, name), of, f"{path}.{name}") for name, of in _hints(owner).items()}
    if isinstance(value, Mapping):
        return _encode_mapping(value, path)
    if isinstance(value, tuple | list):
        return [_encode(item, Any, f"{path}[{index}]") for index, item in enumerate(value)]
    return _encode_scalar(value, hint, path)


def _encode_scalar(value: Any, hint: Any, path: str) -> Any:
    if isinstance(value, Verdict):
        return value.name
    if isinstance(value, enum.Enum):
        value = value.value
    if float in (hint, *typing.get_args(hint)) and isinstance(value, int):
        value = float(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$float": _name_of_non_finite(value)}
    if value is None or isinstance(value, str | bool | int):
        return value
    raise TypeError(f"{path}: {type(value).__name__} is not a JSON value; let the check that made it convert it")


def _encode_mapping(value: Mapping[Any, Any], path: str) -> dict[str, Any]:
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"{path}: key {key!r} is not a string; let the check that made it convert it")
    encoded = {key: _encode(value[key], Any, f"{path}.{key}") for key in sorted(value)}
    if len(encoded) == 1 and _FLOAT_KEY.fullmatch(key := next(iter(encoded))):
        return {f"${key}": encoded[key]}
    return encoded


def _name_of_non_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


# --- JSON to values -------------------------------------------------------------------------------------------------


def _decode(data: Any, hint: Any, path: str) -> Any:
    """`data` from the json module, as the type that `hint` names."""
    if hint is Any:
        return _decode_json(data, path)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _decode_dataclass(data, hint, path)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):  # only `T | None` occurs in the model
        (inner,) = (option for option in arguments if option is not type(None))
        return None if data is None else _decode(data, inner, path)
    if origin is tuple:  # only `tuple[T, ...]` occurs in the model
        return tuple(_decode(item, arguments[0], f"{path}[{i}]") for i, item in enumerate(_need(data, list, path)))
    if origin is Mapping:
        return {key: _decode(item, arguments[1], f"{path}.{key}") for key, item in _need(data, dict, path).items()}
    return _decode_scalar(data, hint, path)


def _decode_dataclass(data: Any, hint: type, path: str) -> Any:
    hints = _hints(hint)
    fields = _need(data, dict, path)
    prefix = f"{path}." if path else ""
    for name in fields:
        if name not in hints:
            raise _damaged(f": {prefix}{name}", "no such field")
    for name in hints:
        if name not in fields:
            raise _damaged(f": {prefix}{name}", "missing")
    return hint(**{name: _decode(fields[name], of, f"{prefix}{name}") for name, of in hints.items()})


def _decode_scalar(data: Any, hint: Any, path: str) -> Any:
    if hint is Verdict:
        if not isinstance(data, str) or data not in Verdict.__members__:
            raise _damaged(f": {path}", f"expected one of {', '.join(Verdict.__members__)}, found {data!r}")
        return Verdict[data]
    if issubclass(hint, enum.Enum):
        try:
            return hint(data)
        except ValueError:
            values = ", ".join(str(member.value) for member in hint)
            raise _damaged(f": {path}", f"expected one of {values}, found {data!r}") from None
    if hint is float:
        number = _decode_json(data, path)
        if isinstance(number, int) and not isinstance(number, bool):
            try:
                number = float(number)
            except OverflowError:
                raise _damaged(f": {path}", "the number is too large") from None
        return _need(number, float, path)
    return _need(data, hint, path)


def _decode_json(data: Any, path: str) -> Any:
    if isinstance(data, list):
        return [_decode_json(item, f"{path}[{index}]") for index, item in enumerate(data)]
    if not isinstance(data, dict):
        return data
    if len(data) == 1 and _FLOAT_KEY.fullmatch(key := next(iter(data))):
        if key != "$float":
            return {key[1:]: _decode_json(data[key], f"{path}.{key}")}
        if not isinstance(data[key], str) or data[key] not in _NON_FINITE:
            raise _damaged(f": {path}", f"expected one of {', '.join(_NON_FINITE)}, found {data[key]!r}")
        return _NON_FINITE[data[key]]
    return {key: _decode_json(item, f"{path}.{key}") for key, item in data.items()}


def _need(data: Any, kind: type, path: str) -> Any:
    if not isinstance(data, kind) or (kind is int and isinstance(data, bool)):
        wanted = {dict: "an object", list: "a list", str: "text", int: "a whole number", float: "a number"}[kind]
        raise _damaged(f": {path}", f"expected {wanted}, found {_kind(data)}")
    return data
