"""YAML with positions: what stands in a document, and on which line each field stands.

PyYAML on its own reads YAML 1.1, where `1:30` is 90 and `no` is false, and takes the last of two equal keys
silently. Here scalars follow the core schema of YAML 1.2, and a key given twice is a problem.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from fawkes.harness.errors import Problem

Location = tuple[str | int, ...]


class _CoreLoader(yaml.SafeLoader):
    """SafeLoader without YAML 1.1's implicit types."""


_CoreLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"~|null|", ["~", "n", ""]),
    ("bool", r"true|false", ["t", "f"]),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


@dataclass(slots=True)
class Document:
    """A parsed file: its value, the line of every field (1-based), and what is wrong with its form."""

    value: Any = None
    lines: dict[Location, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, location: Location) -> int:
        """The line of a field, or of the nearest thing around it."""
        while location and location not in self.lines:
            location = location[:-1]
        return self.lines.get(location, 1)


def parse(text: str, file: str) -> Document:
    """Never raises: a file that is no YAML has a problem and no value."""
    document = Document()
    loader = _CoreLoader(text)
    try:
        node = loader.get_single_node()
        if node is not None:
            _walk(node, (), document, file)
            document.value = loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        message = getattr(error, "problem", None) or str(error)
        document.problems.append(Problem(file, mark.line + 1 if mark else 1, "", f"not YAML: {message}"))
    finally:
        loader.dispose()
    return document


def _walk(node: yaml.Node, location: Location, document: Document, file: str) -> None:
    document.lines.setdefault(location, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*location, index), document, file)
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                where = ".".join(map(str, (*location, name)))
                document.problems.append(Problem(file, line, where, f"given twice, first on line {seen[name]}"))
            seen.setdefault(name, line)
            document.lines.setdefault((*location, name), line)
            _walk(value, (*location, name), document, file)
