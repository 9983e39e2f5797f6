"""The core works without the packages of the extra; what needs them says what to install."""

import subprocess
import sys

import pytest

from fawkes.harness.extras import KIND, lacking_of_kind

WITHOUT = f"import sys; sys.modules.update(dict.fromkeys({sorted(KIND.values())}))\n"
IMPORT_CORE = """
import importlib, pkgutil
import fawkes.harness
OWN = ("fawkes.harness.kubernetes", "fawkes.harness.providers.kind", "fawkes.harness.providers.existing")
def walk(package):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if module.name.startswith(OWN) or module.name.endswith("__main__"):
            continue
        loaded = importlib.import_module(module.name)
        print(module.name)
        if module.ispkg:
            walk(loaded)
walk(fawkes.harness)
"""


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_everything_but_the_kubernetes_providers_imports_without_the_extra():
    done = python(WITHOUT + IMPORT_CORE)
    assert done.returncode == 0, done.stderr
    assert {"fawkes.harness.cli", "fawkes.harness.session", "fawkes.harness.pytest_plugin"} <= set(done.stdout.split())


@pytest.mark.slow
def test_nothing_of_the_core_loads_the_extra_where_it_is_installed():
    done = python(f"{IMPORT_CORE}\nimport sys; print('loaded', *({set(KIND.values())!r} & set(sys.modules)))")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded"


@pytest.mark.slow
def test_who_needs_the_extra_is_told_what_to_install():
    done = python(WITHOUT + "from fawkes.harness.extras import require_kind; require_kind()")
    assert done.stderr.splitlines()[-1].startswith("fawkes.harness.errors.UsageError: pytest-kind, kubernetes, ")
    assert "pip install fawkes-metrics-harness[kind]" in done.stderr


def test_the_extra_is_installed_here():
    assert lacking_of_kind() == []
