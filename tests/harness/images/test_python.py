"""The services' layers: what is imported is in them, and any edit is another layer."""

import subprocess
import sys
import tarfile
from importlib import metadata
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from fawkes.harness.errors import ProviderError
from fawkes.harness.images import python
from fawkes.harness.images.python import packages_layer, sources_layer


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "images" / "scratch").mkdir(parents=True)
    return tmp_path / "images"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in (
        "harness/toolchain/find.py",
        "harness/__pycache__/find.pyc",
        "fixtures/toolchain/kind/go.sum",
        "tests/test.py",
    ):
        path = tmp_path / "toolchain" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "toolchain"


def sources(directory: Path, checkout: Path) -> Path:
    return sources_layer(directory, directory / "scratch", checkout)


def test_sources_are_ours_without_tests_pins_and_the_checkouts_own_bytecode(directory: Path, checkout: Path):
    with tarfile.open(sources(directory, checkout)) as layer:
        ours = {Path(name) for name in layer.getnames() if name.startswith("opt/fawkes/fawkes/")}
    source = Path("opt/fawkes/fawkes/harness/toolchain/find.py")
    assert ours == {source, Path(cache_from_source(str(source)))}


def test_python_starts_from_the_bytecode_and_does_not_look_at_the_source(directory: Path, checkout: Path):
    (checkout / "harness/toolchain/find.py").write_text("print('compiled from', __file__)")
    root = directory / "root"
    with tarfile.open(sources(directory, checkout)) as layer:
        layer.extractall(root, filter="data")
    (root / "opt/fawkes/fawkes/harness/toolchain/find.py").write_text("print('source')")
    start = [sys.executable, "-S", "-c", "import fawkes.harness.toolchain.find"]
    environ = {"PYTHONPATH": str(root / "opt/fawkes")}
    told = subprocess.run(start, env=environ, capture_output=True, text=True, check=True, cwd=directory).stdout
    assert told.startswith("compiled from ")


def test_what_is_called_python_and_is_none_is_there_as_it_is(directory: Path, checkout: Path):
    (checkout / "harness/template.py").write_text("{{ a template }} def")
    with tarfile.open(sources(directory, checkout)) as layer:
        names = [name for name in layer.getnames() if "template" in name]
    assert names == ["opt/fawkes/fawkes/harness/template.py"]


def test_servers_in_the_image_can_tell_their_version(directory: Path, checkout: Path):
    with tarfile.open(sources(directory, checkout)) as layer:
        (name,) = [name for name in layer.getnames() if name.endswith(".dist-info/METADATA")]
        told = layer.extractfile(name).read().decode()
    assert f"Version: {metadata.version('fawkes-metrics-harness')}" in told


def test_an_edit_is_another_layer_and_the_way_back_is_the_first(directory: Path, checkout: Path):
    source = checkout / "harness/toolchain/find.py"
    first = sources(directory, checkout)
    source.write_text("edited")
    assert sources(directory, checkout) != first
    source.write_text("harness/toolchain/find.py")
    assert sources(directory, checkout) == first


def test_nothing_is_left_of_the_making(directory: Path, checkout: Path):
    made = sources(directory, checkout)
    assert [path for path in directory.rglob("*") if path.is_file()] == [made]


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info[:2] != python.DEBIAN_PYTHON, reason="packages fit the image's Python only")
def test_packages_are_there_with_what_they_require_and_their_metadata(directory: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(python, "_ROOTS", ("fastapi", "not-installed-here"))
    with tarfile.open(packages_layer(directory, directory / "scratch")) as layer:
        names = layer.getnames()
    tops = {name.removeprefix("opt/fawkes/").partition("/")[0] for name in names}
    assert {"fastapi", "starlette", "pydantic_core", "anyio"} <= tops
    assert any(name.endswith(".dist-info/METADATA") for name in names), "entry points and versions are read from it"


def test_another_python_than_the_images_is_refused(directory: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(python, "DEBIAN_PYTHON", (3, 9))
    with pytest.raises(ProviderError, match=r"has Python 3\.9, .*PYTHON=python3\.9"):
        packages_layer(directory, directory / "scratch")
