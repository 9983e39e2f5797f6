import pytest

from fawkes.harness.errors import ToolchainError
from fawkes.harness.eventually import RealClock
from fawkes.harness.toolchain.modules import module_directory


@pytest.fixture
def pinning(tmp_path):
    (tmp_path / "go.mod").write_text("module it\n\ngo 1.21\n")
    return tmp_path


def ask(pinning, environ):
    return module_directory(pinning, "example.org/it", environ=environ, clock=RealClock(), progress=lambda _: None)


@pytest.fixture
def environ(tmp_path, monkeypatch):
    return {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}


def test_where_go_says_it_is_once_it_has_been_fetched(pinning, environ, install):
    install(
        "go",
        'echo "$@" >>"$HOME/asked"; case "$1" in version) echo go version go1.99.0 linux/amd64;; *) echo /at;; esac',
    )
    assert str(ask(pinning, environ)) == "/at"
    asked = (pinning / "asked").read_text().splitlines()[-2:]
    assert asked == [
        f"-C {pinning} mod download example.org/it",
        f"-C {pinning} list -m -f {{{{.Dir}}}} example.org/it",
    ]


def test_what_go_said_when_it_could_not(pinning, environ, install):
    install("go", 'case "$1" in version) echo go version go1.99.0 linux/amd64;; *) echo no such host; exit 1;; esac')
    with pytest.raises(ToolchainError, match=r"mod download example.org/it ended with 1:\nno such host"):
        ask(pinning, environ)
