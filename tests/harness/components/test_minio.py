import random
from pathlib import Path

import pytest
from minio import Minio

from fawkes.harness.components.buckets import buckets
from fawkes.harness.components.minio import minio
from fawkes.harness.eventually import RealClock
from fawkes.harness.ledger import Ledger
from fawkes.harness.make_buckets import main, make_buckets
from fawkes.harness.operator.objstore import ObjectStore
from fawkes.harness.providers.local import LocalProvider
from fawkes.harness.providers.local.ports import Ports
from fawkes.harness.toolchain.provide import provide

SECRET = "a b$c'd\"e#f"


def part(directory=Path("/run/part"), binary=Path("/opt/minio"), **ports):
    return minio("minio-0", binary=binary, directory=directory, ports=ports, access_key="access", secret_key=SECRET)


def test_keys_are_in_a_file_and_neither_in_argv_nor_in_the_environment():
    made = part(http=4000, console=4001)
    assert made.env == {"MINIO_CONFIG_ENV_FILE": "/run/part/minio.env"}
    assert not [word for word in made.argv if SECRET in word]
    lines = made.files["minio.env"].splitlines()
    assert lines[:2] == ['export MINIO_ROOT_USER="access"', f'export MINIO_ROOT_PASSWORD="{SECRET}"']


def test_it_listens_on_loopback_only():
    argv = part(http=4000, console=4001).argv
    assert argv[argv.index("--address") + 1] == "127.0.0.1:4000"
    assert argv[argv.index("--console-address") + 1] == "127.0.0.1:4001"


def test_the_bucket_job_keeps_its_keys_in_its_file():
    store = ObjectStore("127.0.0.1:4000", "access", SECRET)
    made = buckets("buckets", directory=Path("/run/job"), store=store, names=["one"], after=("minio-0",))
    assert (made.ready.by, made.after) == ("exit", ("minio-0",))
    assert not [word for word in made.argv if SECRET in word]
    assert made.argv[-1] == "/run/job/buckets.json"


def test_a_store_that_is_away_ends_the_job_with_one_line(tmp_path, capsys):
    ports = Ports(random.Random(2))
    with_nobody_there = ports.port("nobody")
    (tmp_path / "config.json").write_text(
        f'{{"endpoint": "127.0.0.1:{with_nobody_there}", "access_key": "access", "secret_key": "secretsecret",'
        ' "buckets": ["one"]}'
    )
    assert main(["--config", str(tmp_path / "config.json")]) == 1
    ports.close()
    told = capsys.readouterr().err
    assert told.startswith("could not make the buckets")
    assert "secretsecret" not in told


@pytest.mark.platform
@pytest.mark.slow
def test_real_minio_takes_odd_keys_and_buckets_twice(tmp_path):
    binary = provide(["minio"], progress=print)["minio"].path
    ports = Ports(random.Random(3))
    numbers = {name: ports.port("minio-0", name) for name in ("http", "console")}
    ledger = Ledger(tmp_path / "state", "minio")
    provider = LocalProvider(tmp_path, "minio", ports=ports, ledger=ledger, clock=RealClock())
    store = ObjectStore(f"127.0.0.1:{numbers['http']}", "access", SECRET)
    try:
        job = buckets(
            "buckets",
            directory=provider.part_directory("buckets"),
            store=store,
            names=["one", "two"],
            after=("minio-0",),
        )
        provider.start([part(provider.part_directory("minio-0"), binary, **numbers), job])
        make_buckets(store, ["two", "three"])
        client = Minio(store.endpoint, access_key="access", secret_key=SECRET, secure=False)
        assert {one.name for one in client.list_buckets()} == {"one", "two", "three"}
    finally:
        provider.close()
        ledger.close()
