"""The doctor on machines that lack things, and on one where programs hang."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fawkes.harness.doctor import ANSWER_WITHIN_S, Row, examine, held_by_root
from fawkes.harness.toolchain import pins

SUBJECTS = [
    "prometheus",
    "promtool",
    "alertmanager",
    "amtool",
    "thanos",
    "minio",
    "Python",
    "Go",
    "PostgreSQL",
    "memory",
    "disk",
    "cores",
    "loopback ports",
    "user namespaces",
    "docker",
    "kind",
    "kind packages",
    "registry",
    "helm",
    "debootstrap",
    "cgroup",
    "CAP_SYS_RESOURCE",
    "inotify",
    "Chromium",
]


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """Nothing on PATH, an empty cache."""
    (tmp_path / "bin").mkdir()
    return {"HOME": str(tmp_path), "PATH": str(tmp_path / "bin")}


def rows(environ: dict[str, str]) -> dict[str, Row]:
    return {row.subject: row for row in examine(environ)}


@pytest.mark.slow
def test_every_subject_once_and_a_remedy_for_all_that_is_not_ok(bare: dict[str, str]):
    examined = examine(bare)

    assert [row.subject for row in examined] == SUBJECTS
    assert [row.subject for row in examined if row.state != "ok" and not row.remedy] == []
    assert [row.subject for row in examined if row.state == "ok" and (row.remedy or not row.origin)] == []


@pytest.mark.slow
def test_bare_machine(bare: dict[str, str]):
    got = rows(bare)

    assert got["thanos"].state == "missing"
    assert "not on PATH" in got["thanos"].found
    assert "harness toolchain build" in got["thanos"].remedy
    assert got["Go"].state == "limited"
    assert got["docker"] == Row(
        "docker",
        "limited",
        "no client on PATH",
        remedy="install Docker (Debian: apt-get install docker.io); only kind clusters need it",
    )
    assert got["kind"].state == "limited"
    assert "`harness toolchain build --cluster`" in got["kind"].remedy
    assert got["kind packages"].found.startswith("pytest-kind 2")
    assert (got["registry"].state, got["registry"].found) == ("limited", "no Docker client to ask with")
    assert "makes the node image here" in got["registry"].remedy
    assert (got["helm"].state, got["helm"].remedy.split(":")[0]) == ("limited", "nothing to do")
    assert got["debootstrap"].state == "limited"
    assert got["Chromium"].state == "limited"
    assert got["PostgreSQL"].state == "ok"
    assert got["loopback ports"].state == "ok"
    assert not (Path(bare["HOME"]) / ".cache").exists()  # Looking must not create anything.


@pytest.mark.slow
def test_versions_and_origins_are_told(bare: dict[str, str], install: Callable[[str, str], Path]):
    version = pins()["promtool"].version
    install("promtool", f'echo "promtool, version {version} (branch: HEAD)"')
    install("prometheus", 'echo "prometheus, version 2.45.0 (branch: HEAD)"')
    go = install("go", "echo go version go1.99.1 linux/amd64")
    install("docker", "echo server=27.3.1")
    install("kind", "echo kind v0.33.0 go1.26.8 linux/amd64")
    install("chromium", "echo Chromium 150.0.1.2 built on Debian")
    install("helm", "echo v2.17.0+ga690bad")

    got = rows(bare)

    assert got["promtool"] == Row("promtool", "ok", version, f"path: {bare['PATH']}/promtool")
    assert got["prometheus"].state == "missing"
    assert "is version 2.45.0, wanted is" in got["prometheus"].found
    assert got["Go"] == Row("Go", "ok", "1.99.1", f"path: {go}")
    assert (got["docker"].state, got["docker"].found) == ("ok", "daemon 27.3.1")
    assert got["registry"].found.startswith("offers kindest/node:v1.")
    assert got["kind"].state == "limited"
    assert got["kind"].found.startswith("0.33.0, without kubectl, kubeadm, kubelet"), "kind alone makes no cluster"
    assert "passed over on PATH" in got["helm"].found, "version 2 knows no OCI reference"
    assert (got["Chromium"].state, got["Chromium"].found) == ("ok", "150.0.1.2")


@pytest.mark.slow
def test_wrong_setting_is_a_row_and_not_an_exception(bare: dict[str, str]):
    got = rows({**bare, "FAWKES_BIN_MINIO": "/absent/minio"})

    assert got["minio"].state == "missing"
    assert got["minio"].remedy.startswith("FAWKES_BIN_MINIO=/absent/minio is not an executable file; point it to")


@pytest.mark.slow
def test_programs_that_hang_do_not_hold_it_up(bare: dict[str, str], install: Callable[[str, str], Path]):
    for name in ("prometheus", "promtool", "thanos", "minio", "go", "docker", "kind", "chromium"):
        install(name, "exec /bin/sleep 600")

    began_s = time.monotonic()
    got = rows(bare)
    took_s = time.monotonic() - began_s

    assert took_s < 4 * ANSWER_WITHIN_S  # All at once; one after the other would take eight times as long.
    assert "did not answer within 1.5 s" in got["thanos"].found
    assert got["docker"].found == "client only; the daemon does not answer within 1.5 s"
    assert got["registry"].found.endswith("within 1.5 s")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("root", "remedy"),
    [(True, "`harness images` and `--on kind` start {bin}/dockerd for themselves"), (False, "only root may start one")],
)
def test_docker_without_a_daemon(root, remedy, bare, install, monkeypatch: pytest.MonkeyPatch):
    install("docker", 'echo "Cannot connect to the Docker daemon at unix:///var/run/docker.sock." >&2; exit 1')
    install("dockerd", "exit 1")
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)

    row = rows(bare)["docker"]

    assert (row.state, row.found) == ("limited", "client only; the daemon does not answer")
    assert remedy.format(bin=bare["PATH"]) in row.remedy


@pytest.mark.slow
@pytest.mark.parametrize(("root", "state"), [(True, "ok"), (False, "limited")])
def test_debootstrap_is_for_root(root, state, bare, install, monkeypatch: pytest.MonkeyPatch):
    path = install("debootstrap", "exit 1")
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)

    row = rows(bare)["debootstrap"]

    assert (row.state, row.origin) == (state, str(path) if root else "")


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root is mapped to another user")
def test_root_is_told_whether_it_can_run_postgresql(bare: dict[str, str]):
    row = rows(bare)["user namespaces"]

    assert (row.state, row.found) == ("ok", "usable") or (row.state == "missing" and "ordinary user" in row.remedy)


@pytest.mark.skipif(os.geteuid() != 0, reason="what root's processes hold, root alone sees")
def test_what_root_holds_is_counted_file_by_file(tmp_path):
    (tmp_path / "held").touch()
    with (tmp_path / "held").open(), (tmp_path / "held").open():
        assert held_by_root(str(tmp_path / "held")) == 2
    assert held_by_root(str(tmp_path / "held")) == 0
