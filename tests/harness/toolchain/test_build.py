"""Real builds of a module without dependencies, and builds that go wrong on the way."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from fawkes.harness.errors import ToolchainError
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.toolchain import Binary, Go, Pin, cache_directory, provide
from fawkes.harness.toolchain.build import build
from fawkes.harness.toolchain.find import cached_path

Script = Callable[[str, str], Path]

PROGRAM = """
import os, pathlib, sys
from fawkes.harness.toolchain import Pin, provide
from fawkes.harness.toolchain.pins import Dialect

pin = Pin("tiny", pathlib.Path(sys.argv[1]), "example.com/tiny", "1.2.3", Dialect.COMMON, {"main.version": "1.2.3"})
got = provide(["tiny"], progress=lambda line: print(line, flush=True), known={"tiny": pin})
print("got", got["tiny"].origin, flush=True)
"""
"""What a second harness does at the same time."""


@contextlib.contextmanager
def another_harness(tiny: Pin, environ: Mapping[str, str]) -> "Iterator[subprocess.Popen[str]]":
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tiny.module)],
        env=dict(environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def leftovers(tiny: Pin, environ: Mapping[str, str]) -> list[str]:
    """What is in the module's part of the cache beside the lock and finished binaries."""
    directory = cache_directory(environ) / tiny.module.name
    kept = cached_path(tiny, cache_directory(environ)).parent.name
    return [path.name for path in directory.iterdir() if path.name not in ("lock", kept)]


def processes_below(directory: Path) -> list[str]:
    """Processes whose argv names something in `directory`."""
    found = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    return [" ".join(argv) for argv in found if any(str(directory) in argument for argument in argv)]


def build_with(go: Path, tiny: Pin, environ: Mapping[str, str], within_s: float = 60.0) -> list[str]:
    """Build `tiny` with a given go; the lines of progress."""
    said: list[str] = []
    build(
        [tiny],
        Go(go, "1.26.0", "path"),
        cache_dir=cache_directory(environ),
        environ=environ,
        progress=said.append,
        clock=RealClock(),
        within_s=within_s,
    )
    return said


@pytest.mark.slow
def test_build_enters_the_cache_and_is_found_there_next_time(tiny: Pin, building: dict[str, str]):
    said: list[str] = []

    built = provide(["tiny"], progress=said.append, environ=building, known={"tiny": tiny})
    again = provide(["tiny"], progress=said.append, environ=building, known={"tiny": tiny})

    path = cached_path(tiny, cache_directory(building))
    assert built == {"tiny": Binary("tiny", path, "1.2.3", "built")}
    assert again == {"tiny": Binary("tiny", path, "1.2.3", "cache")}
    printed = subprocess.run([path], capture_output=True, text=True, check=True)
    assert printed.stderr.startswith("tiny, version 1.2.3 ")
    assert said[0].startswith("1 of 1, tiny: fetching modules (0 so far)")
    assert said[-1].startswith("1 of 1, tiny: built in ")
    assert leftovers(tiny, building) == []


@pytest.mark.slow
def test_two_at_once_build_once(tiny: Pin, building: dict[str, str]):
    with another_harness(tiny, building) as one, another_harness(tiny, building) as two:
        outputs = [harness.communicate()[0] for harness in (one, two)]

    assert [one.returncode, two.returncode] == [0, 0], outputs
    assert sum("tiny: built in" in output for output in outputs) == 1, outputs
    assert sorted(output.splitlines()[-1] for output in outputs) == ["got built", "got cache"], outputs
    assert leftovers(tiny, building) == []


@pytest.mark.slow
def test_second_run_waits_for_the_first_and_names_it(tiny: Pin, building: dict[str, str]):
    directory = cache_directory(building) / "tiny"
    directory.mkdir(parents=True)
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.write(lock, b"4711\n")

    with another_harness(tiny, building) as second:
        assert second.stdout is not None
        assert second.stdout.readline() == "1 of 1, tiny: waiting for another build (pid 4711)\n"
        os.close(lock)
        rest = second.stdout.read()
        second.wait()

    assert second.returncode == 0
    assert rest.endswith("got built\n")


@pytest.mark.slow
def test_killed_harness_leaves_no_process_and_the_next_one_builds(
    tiny: Pin, building: dict[str, str], script: Script, tmp_path: Path
):
    script(
        "bin/go",
        'case "$1" in\n'
        "version) echo go version go1.99.0 linux/amd64;;\n"
        "list) echo example.com/tiny;;\n"
        f'build) echo example.com/tiny; sh -c "sleep 600; : {tmp_path}/bin/compile" & wait;;\n'
        "esac",
    )
    stuck = {**building, "PATH": f"{tmp_path / 'bin'}:{building['PATH']}"}

    with another_harness(tiny, stuck) as harness:
        assert harness.stdout is not None
        for line in harness.stdout:
            if "1 packages newly compiled" in line:
                break
        eventually(
            "a compiler at work",
            lambda: processes_below(tmp_path / "bin" / "compile"),
            bool,
            within_s=10.0,
            clock=RealClock(),
        )
        harness.send_signal(signal.SIGKILL)

    def gone() -> list[str]:
        return processes_below(tmp_path / "bin") + processes_below(tmp_path / "cache")

    assert eventually("no go left", gone, lambda left: left == [], within_s=10.0, clock=RealClock()) == []
    assert leftovers(tiny, building) != []
    assert provide(["tiny"], progress=print, environ=building, known={"tiny": tiny})["tiny"].origin == "built"
    assert leftovers(tiny, building) == []


@pytest.mark.slow
def test_ctrl_c_leaves_nothing(tiny: Pin, building: dict[str, str], tmp_path: Path):
    def progress(line: str) -> None:
        if "compiling" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        provide(["tiny"], progress=progress, environ=building, known={"tiny": tiny})

    assert leftovers(tiny, building) == []
    assert processes_below(tmp_path / "cache") == []


@pytest.mark.slow
@pytest.mark.parametrize("proxy", ["off", "http://127.0.0.1:1"])
def test_offline_says_what_to_do(tiny: Pin, building: dict[str, str], tmp_path: Path, proxy: str):
    with (tiny.module / "go.mod").open("a") as go_mod:
        go_mod.write("\nrequire example.com/absent v1.0.0\n")
    (tiny.module / "main.go").write_text('package main\n\nimport _ "example.com/absent"\n\nfunc main() {}\n')
    (tiny.module / "go.sum").write_text(
        "example.com/absent v1.0.0 h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
        "example.com/absent v1.0.0/go.mod h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    )
    offline = {**building, "GOPROXY": proxy, "GOMODCACHE": str(tmp_path / "modules"), "GOFLAGS": "-modcacherw"}

    with pytest.raises(ToolchainError) as caught:
        provide(["tiny"], progress=print, environ=offline, known={"tiny": tiny})

    assert "The network is out of reach: set FAWKES_BIN_TINY" in str(caught.value)
    assert "run once online" in str(caught.value)
    assert f"copy {cache_directory(offline)} from another machine" in str(caught.value)


@pytest.mark.slow
def test_compile_error_shows_the_compilers_words(tiny: Pin, building: dict[str, str]):
    (tiny.module / "main.go").write_text("package main\n\nfunc main() { undefined() }\n")

    with pytest.raises(ToolchainError, match=r"building tiny failed:\n(?s:.*)undefined: undefined"):
        provide(["tiny"], progress=print, environ=building, known={"tiny": tiny})


@pytest.mark.slow
def test_binary_that_says_another_version_stays_out_of_the_cache(tiny: Pin, building: dict[str, str]):
    (tiny.module / "main.go").write_text('package main\n\nfunc main() { println("tiny, version 9.9.9 (") }\n')

    with pytest.raises(ToolchainError, match=r"says it is version 9\.9\.9, not 1\.2\.3; look at the stamps"):
        provide(["tiny"], progress=print, environ=building, known={"tiny": tiny})

    assert not cached_path(tiny, cache_directory(building)).exists()


@pytest.mark.slow
def test_go_settings_of_the_user_do_not_change_the_build(tiny: Pin, building: dict[str, str]):
    odd = {**building, "GOFLAGS": "-mod=vendor -race", "GOOS": "windows", "GOWORK": "/nowhere/go.work"}

    assert provide(["tiny"], progress=print, environ=odd, known={"tiny": tiny})["tiny"].origin == "built"


def test_time_out_says_that_work_is_kept(tiny: Pin, environ: dict[str, str], script: Script):
    go = script("go", "exec /bin/sleep 600")

    with pytest.raises(ToolchainError, match=r"stopped after 0 s; run again to continue .* or set FAWKES_BIN_TINY"):
        build_with(go, tiny, environ, within_s=0.3)


def test_full_disk_in_gos_own_cache(tiny: Pin, environ: dict[str, str], script: Script):
    go = script("go", 'echo "write /root/.cache/go-build/ab: no space left on device"; exit 1')

    with pytest.raises(ToolchainError, match="A disk is full: free space where the output above says"):
        build_with(go, tiny, environ)


def test_progress_counts_modules_and_packages(tiny: Pin, environ: dict[str, str], script: Script):
    go = script(
        "go",
        'case "$1" in\n'
        'list) echo "go: downloading example.com/a v1.0.0" >&2; printf "runtime\\nexample.com/a\\nexample.com/tiny\\n";;\n'
        "build) echo example.com/a; echo example.com/tiny\n"
        'while [ "$1" != -o ]; do shift; done\n'
        '/bin/mkdir -p "${2%/*}"; printf \'#!/bin/sh\\necho "tiny, version 1.2.3 ("\\n\' > "$2"; /bin/chmod +x "$2";;\n'
        "esac",
    )

    said = build_with(go, tiny, environ)

    assert [line.rpartition(",")[0] for line in said[:2]] == [
        "tiny: fetching modules (0 so far)",
        "tiny: compiling and linking (0 packages newly compiled, 3 in all)",
    ]
    assert said[-1].startswith("tiny: built in ")
