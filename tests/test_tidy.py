"""The house rules that a machine can check: function length, waiting, direction of imports, help texts."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(p for folder in ("harness", "load", "reports", "fixtures") for p in (ROOT / folder).rglob("*.py"))
COMPOSITION_ROOTS = {"harness/composition.py", "harness/cli.py", "harness/pytest_plugin.py"}
"""The only modules of `harness` that may know `load` and `reports`."""


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_function_fits_a_screen(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1
            assert length <= 70, f"{name(path)}:{node.lineno} {node.name} has {length} lines"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_module_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text())), f"{name(path)} has no docstring"


@pytest.mark.parametrize("path", sorted([*SOURCES, *(ROOT / "tests").rglob("*.py")]), ids=name)
def test_nothing_sleeps_but_eventually(path):
    text = path.read_text()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep":
            owner = ast.unparse(node.func.value)
            assert owner in {"gevent", "asyncio"}, f"{name(path)}:{node.lineno} sleeps; wait with eventually"


@pytest.mark.parametrize("path", [p for p in SOURCES if name(p).startswith("harness/")], ids=name)
def test_harness_knows_neither_load_nor_reports(path):
    if name(path) not in COMPOSITION_ROOTS:
        assert not {m for m in imports(path) if m.startswith(("fawkes.load", "fawkes.reports"))}


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_the_platforms_service_and_the_oracle_share_no_code(path):
    if name(path).startswith("fixtures/services"):
        assert not {m for m in imports(path) if m.startswith(("fawkes.harness", "fawkes.load", "fawkes.reports"))}
    if name(path).startswith("harness/oracle"):
        assert not {m for m in imports(path) if m.startswith("fawkes.fixtures")}


def test_the_model_imports_nothing_of_ours():
    assert not {m for m in imports(ROOT / "harness/model.py") if m.startswith("fawkes")}


def test_every_make_target_has_a_help_line():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^\.PHONY: (\S+)", makefile, re.MULTILINE):
        assert re.search(rf"^{target}:.*## \S", makefile, re.MULTILINE), f"{target} has no help line"


def test_every_scenario_claims_something_in_its_first_line():
    for path in (ROOT / "scenarios").glob("*.yaml"):
        assert path.read_text().startswith("claim: "), path.name


def test_no_lock_file_or_text_names_a_download_address():
    text = (ROOT / "requirements.txt").read_text()
    assert "://" not in text
    assert "--hash=sha256:" in text
