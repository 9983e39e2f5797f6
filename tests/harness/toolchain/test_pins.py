"""What go.mod pins is what the binaries are said to be."""

import re

import pytest

from fawkes.harness.errors import ToolchainError
from fawkes.harness.toolchain import pins
from fawkes.harness.toolchain.pins import Dialect, go_directive, required_versions


def test_every_binary_is_pinned_by_a_tool_line_of_its_module():
    for pin in pins().values():
        tools = re.findall(r"^(?:tool |\t)(\S+)$", (pin.module / "go.mod").read_text(), re.MULTILINE)
        assert pin.package in tools
        assert (pin.module / "go.sum").is_file()


def test_versions_are_those_people_know():
    pinned = {name: pin.version for name, pin in pins().items()}

    assert re.fullmatch(r"3\.\d+\.\d+", pinned["prometheus"])
    assert pinned["promtool"] == pinned["prometheus"]
    assert pinned["amtool"] == pinned["alertmanager"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ", pinned["minio"])


@pytest.mark.parametrize(
    ("dialect", "module_version", "release"),
    [
        (Dialect.COMMON, "v0.313.5", "3.13.5"),
        (Dialect.COMMON, "v0.305.1", "3.5.1"),
        (Dialect.COMMON, "v0.42.0", "0.42.0"),
        (Dialect.COMMON, "v0.31.1", "0.31.1"),
        (Dialect.MINIO, "v0.0.0-20260212201848-7aac2a2c5b7c", "2026-02-12T20-18-48Z"),
    ],
)
def test_release_of_a_module_version(dialect: Dialect, module_version: str, release: str):
    assert dialect.release(module_version) == release


@pytest.mark.parametrize(
    ("dialect", "output", "version"),
    [
        (Dialect.COMMON, "prometheus, version 3.13.5 (branch: HEAD, revision: abc)\n  go version: go1.26.8", "3.13.5"),
        (Dialect.COMMON, "prometheus, version 3.5.0+ds1 (branch: debian/sid)", "3.5.0+ds1"),
        (Dialect.COMMON, "prometheus, version 3.14.0-rc.0 (branch: HEAD)", "3.14.0-rc.0"),
        (Dialect.COMMON, "prometheus, version  (branch: , revision: unknown)\n  go version: go1.26.8", None),
        (Dialect.COMMON, "", None),
        (Dialect.PLAIN, "Kubernetes v1.34.3", "1.34.3"),
        (Dialect.PLAIN, "etcd Version: 3.6.5\nGit SHA: unknown", "3.6.5"),
        (Dialect.PLAIN, "CoreDNS-1.12.1\nlinux/amd64, go1.26.8, ", "1.12.1"),
        (Dialect.PLAIN, "no version at all", None),
        (Dialect.MINIO, "minio version RELEASE.2025-09-07T16-13-09Z (commit-id=07c3a42)", "2025-09-07T16-13-09Z"),
        (Dialect.MINIO, "minio version DEVELOPMENT.GOGET (commit-id=DEVELOPMENT.GOGET)", None),
    ],
)
def test_version_in_what_a_binary_prints(dialect: Dialect, output: str, version: str | None):
    assert dialect.printed(output) == version


@pytest.mark.parametrize(
    ("version", "accepted"),
    [
        ("3.13.5", True),
        ("3.13.0", True),
        ("3.14.0-rc.0", True),
        ("3.12.9", False),
        ("4.0.0", False),
        ("2.55.1", False),
    ],
)
def test_same_or_newer_minor_of_the_same_major_is_accepted(version: str, accepted: bool):
    pin = next(iter(pins().values()))
    pinned = type(pin)("x", pin.module, "x", "3.13.5", Dialect.COMMON, {})

    assert pinned.accepts(version) is accepted


@pytest.mark.parametrize(
    ("version", "accepted"),
    [("2026-02-01T00-00-00Z", True), ("2027-01-01T00-00-00Z", True), ("2025-12-31T00-00-00Z", False)],
)
def test_minio_of_the_same_month_or_later_is_accepted(version: str, accepted: bool):
    minio = pins()["minio"]
    pinned = type(minio)("minio", minio.module, "x", "2026-02-12T20-18-48Z", Dialect.MINIO, {})

    assert pinned.accepts(version) is accepted


def test_what_is_no_version_is_refused():
    with pytest.raises(ToolchainError, match="not a version"):
        Dialect.COMMON.series("latest")


def test_go_mod_is_read_in_both_forms(tmp_path):
    (tmp_path / "go.mod").write_text(
        "module m\n\ngo 1.26.0\n\nrequire example.com/one v1.2.3\n\n"
        "require (\n\texample.com/two v0.4.0 // indirect\n)\n\nreplace example.com/three => example.com/four v9.9.9\n"
    )

    assert required_versions(tmp_path) == {"example.com/one": "v1.2.3", "example.com/two": "v0.4.0"}
    assert go_directive(tmp_path) == (1, 26, 0)


def test_go_mod_without_a_go_line_is_refused(tmp_path):
    (tmp_path / "go.mod").write_text("module m\n")

    with pytest.raises(ToolchainError, match="no go line"):
        go_directive(tmp_path)
