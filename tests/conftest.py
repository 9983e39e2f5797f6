"""The mutants' runs go on beside all other tests, from the first test on."""

import pytest

from mutant_runs import TIMED, MutantRuns


def mutant(item: pytest.Function) -> str | None:
    """The one whose run this test looks at."""
    return item.callspec.params["name"] if "mutant_runs" in item.fixturenames else None


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Those tests come last, and at the very end the one whose run must be alone."""
    items.sort(key=lambda item: (mutant(item) is not None, mutant(item) == TIMED))


@pytest.fixture(scope="session", autouse=True)
def runs_beside(request, tmp_path_factory):
    names = [name for item in request.session.items if (name := mutant(item))]
    runs = MutantRuns(names, tmp_path_factory.mktemp("mutants"))
    yield runs
    runs.close()


@pytest.fixture
def mutant_runs(runs_beside):
    """Where to wait for a mutant's run (support/mutant_runs.py)."""
    return runs_beside
