"""All binaries at once: found where they can be, problems told together."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from fawkes.harness.errors import ToolchainError, UsageError
from fawkes.harness.toolchain import Pin, provide

Script = Callable[[str, str], Path]


def pair(tiny: Pin) -> Mapping[str, Pin]:
    return {"tiny": tiny, "tinyctl": replace(tiny, name="tinyctl")}


def test_what_is_there_is_not_built(tiny: Pin, environ: dict[str, str], script: Script):
    mine = script("mine", 'echo "tiny, version 1.2.3 ("')
    on_path = script("bin/tinyctl", 'echo "tinyctl, version 1.2.9 ("')
    said: list[str] = []

    got = provide(
        ["tinyctl", "tiny"],
        progress=said.append,
        environ={**environ, "FAWKES_BIN_TINY": str(mine)},
        known=pair(tiny),
    )

    assert [(name, binary.path, binary.origin) for name, binary in got.items()] == [
        ("tinyctl", on_path, "path"),
        ("tiny", mine, "setting"),
    ]
    assert said == []


def test_all_wrong_settings_are_told_at_once(tiny: Pin, environ: dict[str, str]):
    wrong = {**environ, "FAWKES_BIN_TINY": "/absent/one", "FAWKES_BIN_TINYCTL": "/absent/two"}

    with pytest.raises(ToolchainError) as caught:
        provide(["tiny", "tinyctl"], progress=print, environ=wrong, known=pair(tiny))

    assert "/absent/one" in str(caught.value)
    assert "/absent/two" in str(caught.value)


def test_unknown_name_is_a_usage_error(tiny: Pin, environ: dict[str, str]):
    with pytest.raises(UsageError, match="there is no binary 'tyni'"):
        provide(["tyni"], progress=print, environ=environ, known=pair(tiny))
