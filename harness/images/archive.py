"""Images as one file (`docker save` form), written without any container engine. Same content, same bytes."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fawkes.harness.toolchain.recipe import goarch

_READ_BYTES: Final = 1 << 20
_PATH: Final = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

NOBODY: Final = "65534:65534"


@dataclass(frozen=True, slots=True)
class Image:
    """What is in an image and how it starts."""

    reference: str
    """Name and tag, e.g. `quay.io/thanos/thanos:v0.42.0`."""
    entrypoint: tuple[str, ...]
    files: Mapping[str, Path] = field(default_factory=dict)
    """Absolute path in the image -> file here; all are executable."""
    below: tuple[Path, ...] = ()
    """Tars that the files are laid over, lowest first; without any there is nothing but the files and /tmp."""
    user: str = NOBODY
    """nobody, whom no image here needs to be more than, unless it says so."""
    environment: tuple[str, ...] = ()
    """NAME=value."""

    def content(self) -> list[object]:
        """Everything that decides what comes out, for `key`."""
        files = [(name, seen(path)) for name, path in sorted(self.files.items())]
        return [
            self.reference,
            self.entrypoint,
            self.user,
            self.environment,
            files,
            [seen(path) for path in self.below],
        ]


def seen(path: Path) -> tuple[str, int, int]:
    """Path, size and time of a file: enough to know it by, and far faster than reading it."""
    stat = path.stat()
    return str(path), stat.st_size, stat.st_mtime_ns


def key(*content: object, recipes: Sequence[Path] = ()) -> str:
    """Names what is made from `content` (as JSON) by the code in `recipes`: when either changes, so does the key."""
    digest = hashlib.sha256(json.dumps(content).encode())
    for recipe in (Path(__file__), *recipes):
        digest.update(recipe.read_bytes())
    return digest.hexdigest()[:16]


def write_archive(images: Sequence[Image], out: Path) -> None:
    """The images at `out`; a layer that several have is there once. OSError when a file can't be read or written."""
    with tempfile.TemporaryDirectory(prefix=".layers-", dir=out.parent) as scratch, tarfile.open(out, "w") as archive:
        written: set[str] = set()
        manifest = []
        for number, image in enumerate(images):
            own = Path(scratch) / f"{number}.tar"
            _write_layer(image.files, own)
            manifest.append(_add(image, [*image.below, own], archive, written))
        _add_bytes(archive, "manifest.json", json.dumps(manifest).encode())


def _write_layer(files: Mapping[str, Path], out: Path) -> None:
    with tarfile.open(out, "w") as layer:
        for folder in sorted(_folders(files)):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            layer.addfile(entry)
        for name, path in sorted(files.items()):
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.size, entry.mode = path.stat().st_size, 0o755
            with path.open("rb") as source:
                layer.addfile(entry, source)


def _folders(files: Mapping[str, Path]) -> Iterator[str]:
    yield "tmp"
    for name in files:
        yield from (str(parent).lstrip("/") for parent in Path(name).parents if str(parent) != "/")


def _add(image: Image, layers: Sequence[Path], archive: tarfile.TarFile, written: set[str]) -> dict[str, object]:
    """Add what isn't written yet of an image's layers, and its configuration. Its entry in the manifest."""
    digests = [_sha256(layer) for layer in layers]
    for digest, layer in zip(digests, layers, strict=True):
        if digest not in written:
            entry = tarfile.TarInfo(_layer_name(digest))
            entry.size = layer.stat().st_size
            with layer.open("rb") as source:
                archive.addfile(entry, source)
            written.add(digest)
    config = {
        "architecture": goarch(),
        "os": "linux",
        "config": {"Entrypoint": image.entrypoint, "Env": [_PATH, *image.environment], "User": image.user},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
    }
    text = json.dumps(config, sort_keys=True).encode()
    name = f"{hashlib.sha256(text).hexdigest()}.json"
    if name not in written:
        _add_bytes(archive, name, text)
        written.add(name)
    return {"Config": name, "RepoTags": [image.reference], "Layers": [_layer_name(digest) for digest in digests]}


def _layer_name(digest: str) -> str:
    return f"{digest}/layer.tar"


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while chunk := source.read(_READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
