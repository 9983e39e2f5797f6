"""Order of the search: setting, PATH, cache."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from fawkes.harness.errors import ToolchainError, UsageError
from fawkes.harness.toolchain import Binary, Miss, Pin, cache_directory, find
from fawkes.harness.toolchain.find import cached_path

Script = Callable[[str, str], Path]

GOOD = 'echo "tiny, version 1.3.0 (branch: HEAD)"'
OLD = 'echo "tiny, version 1.1.9 (branch: HEAD)"'


def look(tiny: Pin, environ: Mapping[str, str], answer_within_s: float = 10.0) -> Binary | Miss:
    return find(
        "tiny",
        environ=environ,
        cache_dir=cache_directory(environ),
        known={"tiny": tiny},
        answer_within_s=answer_within_s,
    )


def put_into_cache(tiny: Pin, environ: Mapping[str, str]) -> Path:
    path = cached_path(tiny, cache_directory(environ))
    path.parent.mkdir(parents=True)
    path.touch(0o755)
    return path


def test_setting_comes_first(tiny: Pin, environ: dict[str, str], script: Script):
    script("bin/tiny", GOOD)
    put_into_cache(tiny, environ)
    mine = script("elsewhere/mine", GOOD)

    assert look(tiny, {**environ, "FAWKES_BIN_TINY": str(mine)}) == Binary("tiny", mine, "1.3.0", "setting")


def test_path_comes_before_the_cache(tiny: Pin, environ: dict[str, str], script: Script):
    on_path = script("bin/tiny", GOOD)
    put_into_cache(tiny, environ)

    assert look(tiny, environ) == Binary("tiny", on_path, "1.3.0", "path")


def test_cache_comes_last_and_its_key_is_the_proof(tiny: Pin, environ: dict[str, str]):
    cached = put_into_cache(tiny, environ)

    assert look(tiny, environ) == Binary("tiny", cached, "1.2.3", "cache")


def test_wrong_version_on_path_is_passed_over_and_the_reason_kept(tiny: Pin, environ: dict[str, str], script: Script):
    script("bin/tiny", OLD)
    cached = put_into_cache(tiny, environ)

    got = look(tiny, environ)

    assert isinstance(got, Binary)
    assert got.path == cached
    assert len(got.passed_over) == 1
    assert "1.1.9" in got.passed_over[0]
    assert "1.2.3" in got.passed_over[0]


def test_nothing_anywhere_tells_each_place(tiny: Pin, environ: dict[str, str]):
    got = look(tiny, environ)

    assert isinstance(got, Miss)
    assert [reason.split(" (")[0] for reason in got.reasons] == [
        "FAWKES_BIN_TINY is not set",
        "not on PATH",
        "not in the cache",
    ]


def test_changed_go_mod_is_another_binary(tiny: Pin, environ: dict[str, str]):
    put_into_cache(tiny, environ)
    with (tiny.module / "go.mod").open("a") as go_mod:
        go_mod.write("require example.com/other v1.0.0\n")

    assert isinstance(look(tiny, environ), Miss)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (OLD, "is version 1.1.9, wanted is 1.2.3"),
        ('echo "tiny, version 2.0.0 ("', "is version 2.0.0, wanted is 1.2.3"),
        ('echo "tiny, version  (branch: )"', "tells no version"),
        ("exit 3", "tells no version"),
    ],
)
def test_wrong_setting_is_an_error_with_found_wanted_remedy(
    tiny: Pin, environ: dict[str, str], script: Script, body: str, said: str
):
    mine = script("elsewhere/mine", body)

    with pytest.raises(ToolchainError) as caught:
        look(tiny, {**environ, "FAWKES_BIN_TINY": str(mine)})

    assert f"FAWKES_BIN_TINY={mine}" in str(caught.value)
    assert said in str(caught.value)
    assert str(caught.value).endswith("point it to tiny 1.2.3, or unset it to have that version found or built")


@pytest.mark.parametrize("kind", ["missing", "directory", "not executable"])
def test_setting_to_what_is_no_executable_is_an_error(tiny: Pin, environ: dict[str, str], tmp_path: Path, kind: str):
    path = tmp_path / "thing"
    if kind == "directory":
        path.mkdir()
    if kind == "not executable":
        path.touch(0o644)

    with pytest.raises(ToolchainError, match="is not an executable file"):
        look(tiny, {**environ, "FAWKES_BIN_TINY": str(path)})


def test_binary_that_never_answers_is_passed_over(tiny: Pin, environ: dict[str, str], script: Script):
    script("bin/tiny", "exec /bin/sleep 600")

    got = look(tiny, environ, answer_within_s=0.2)

    assert isinstance(got, Miss)
    assert "did not answer within 0.2 s" in got.reasons[1]


def test_unknown_name_tells_the_known_ones(environ: dict[str, str]):
    with pytest.raises(UsageError, match=r"alertmanager, amtool, .*prometheus, .*promtool, thanos"):
        find("promethius", environ=environ, cache_dir=cache_directory(environ))
