"""The platform's own objects, read once."""

from pathlib import Path

import pytest

import fawkes.fixtures
from fawkes.harness.operator.objects import Objects, load_objects

FIXTURES = Path(fawkes.fixtures.__file__).parent


@pytest.fixture(scope="session")
def platform() -> Objects:
    return load_objects(FIXTURES / "platform")


@pytest.fixture(scope="session")
def adr_literal() -> Objects:
    """The ADR's objects as written, in the platform's namespaces."""
    namespaces = load_objects(FIXTURES / "platform").of("Namespace")
    return load_objects(FIXTURES / "adr_literal").replace(*namespaces)
