"""An image archive holds what it says, byte for byte the same each time, and its digests are right."""

import hashlib
import io
import json
import tarfile

import pytest

from fawkes.harness.images.archive import Image, key, write_archive


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program"
    path.write_text("#!/bin/sh\necho hello\n")
    return path


def image(program, **fields):
    return Image("example/program:v1", ("/bin/program",), {"/bin/program": program}, **fields)


def read(path):
    with tarfile.open(path) as archive:
        members = {name: archive.extractfile(name).read() for name in archive.getnames()}
    (manifest,) = json.loads(members["manifest.json"])
    return manifest, json.loads(members[manifest["Config"]]), [members[name] for name in manifest["Layers"]]


def test_an_archive_has_reference_entrypoint_user_and_the_files_executable(program, tmp_path):
    write_archive([image(program, environment=("A=b",))], tmp_path / "out.tar")
    manifest, config, (layer,) = read(tmp_path / "out.tar")
    assert manifest["RepoTags"] == ["example/program:v1"]
    assert config["config"]["Entrypoint"] == ["/bin/program"]
    assert config["config"]["User"] == "65534:65534"
    assert config["config"]["Env"][-1] == "A=b"
    with tarfile.open(fileobj=io.BytesIO(layer)) as files:
        assert files.getmember("bin/program").mode == 0o755
        assert files.extractfile("bin/program").read() == program.read_bytes()
        assert files.getmember("tmp").mode == 0o1777


def test_every_digest_is_that_of_the_layer_it_names(program, tmp_path):
    below = tmp_path / "below.tar"
    with tarfile.open(below, "w") as layer:
        layer.addfile(tarfile.TarInfo("etc/release"))
    write_archive([image(program, below=(below,))], tmp_path / "out.tar")
    _, config, layers = read(tmp_path / "out.tar")
    digests = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    assert config["rootfs"]["diff_ids"] == digests
    assert layers[0] == below.read_bytes(), "the lowest first"


def test_the_same_content_gives_the_same_bytes(program, tmp_path):
    for name in ("one.tar", "two.tar"):
        write_archive([image(program)], tmp_path / name)
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.tar", "program", "two.tar"], "nothing else is left"


def test_a_layer_that_two_images_share_is_there_once(program, tmp_path):
    other = Image("example/other:v1", ("sh",), {"/bin/program": program})
    write_archive([image(program), other], tmp_path / "out.tar")
    with tarfile.open(tmp_path / "out.tar") as archive:
        names = archive.getnames()
        manifest = json.loads(archive.extractfile("manifest.json").read())
    assert [one["RepoTags"] for one in manifest] == [["example/program:v1"], ["example/other:v1"]]
    assert manifest[0]["Layers"] == manifest[1]["Layers"]
    assert len(names) == len(set(names)) == 4, "a layer, two configurations, the manifest"


def test_another_binary_or_another_setting_is_another_key(program):
    before = key(image(program).content())
    assert key(image(program).content()) == before
    assert key(image(program, user="0:0").content()) != before
    program.write_text("#!/bin/sh\necho changed\n")
    assert key(image(program).content()) != before


def test_another_recipe_is_another_key(program):
    assert key("content", recipes=[program]) != key("content")
