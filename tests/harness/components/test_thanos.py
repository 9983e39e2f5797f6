import random
from pathlib import Path

import httpx
import pytest

import fawkes.fixtures
from fawkes.harness.components import thanos
from fawkes.harness.components.buckets import buckets
from fawkes.harness.components.exporter import beacon
from fawkes.harness.components.minio import minio
from fawkes.harness.components.prometheus import DATA, prometheus
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.ledger import Ledger
from fawkes.harness.operator import prometheus as prom
from fawkes.harness.operator.discovery import Pod
from fawkes.harness.operator.objects import load_objects
from fawkes.harness.operator.objstore import ObjectStore, bucket, objstore_secret, render_objstore
from fawkes.harness.operator.pods import pod_name, replicas
from fawkes.harness.providers.local import LocalProvider
from fawkes.harness.providers.local.ports import Ports
from fawkes.harness.toolchain.provide import provide

BINARY = Path("/opt/thanos")
HERE = Path("/run/part")
PORTS = {"http": 4001, "grpc": 4002}
LISTENING = {"--http-address=127.0.0.1:4001", "--grpc-address=127.0.0.1:4002"}


def test_a_sidecar_follows_its_prometheus_and_hides_its_keys():
    made = thanos.sidecar(
        "thanos-sidecar-core-0",
        binary=BINARY,
        directory=HERE,
        ports=PORTS,
        prometheus_name="prometheus-core-0",
        prometheus_url="http://127.0.0.1:4090",
        tsdb=Path("/run/prometheus/data"),
        objstore="type: S3\n",
    )
    assert (made.app, made.after) == ("thanos-sidecar-core", ("prometheus-core-0",))
    assert made.files == {"objstore.yml": "type: S3\n"}
    assert set(made.argv) == LISTENING | {
        *("/opt/thanos", "sidecar", "--prometheus.url=http://127.0.0.1:4090", "--tsdb.path=/run/prometheus/data"),
        "--objstore.config-file=/run/part/objstore.yml",
    }


def test_the_store_gateway_looks_often_and_caches_little():
    made = thanos.store("thanos-store-0", binary=BINARY, directory=HERE, ports=PORTS, objstore="", after=("buckets",))
    assert (made.app, made.after) == ("thanos-store", ("buckets",))
    assert "--sync-block-duration=1s" in made.argv
    assert "--chunk-pool-size=64MB" in made.argv


def test_a_part_without_ordinal_is_its_own_app():
    assert thanos.store("thanos-store-learner", binary=BINARY, directory=HERE, ports=PORTS, objstore="").app == (
        "thanos-store-learner"
    )


def test_query_leaves_out_the_replica_labels():
    made = thanos.query("thanos-query-0", binary=BINARY, ports=PORTS, endpoints=["127.0.0.1:5", "127.0.0.1:6"])
    assert made.app == "thanos-query"
    assert set(made.argv) == LISTENING | {
        *("/opt/thanos", "query", "--query.auto-downsampling", "--endpoint=127.0.0.1:5", "--endpoint=127.0.0.1:6"),
        *("--query.replica-label=prometheus_replica", "--query.replica-label=rule_replica"),
    }


def test_the_compactor_keeps_for_ever_unless_told_otherwise():
    def flags(retention):
        made = thanos.compactor(
            "thanos-compactor-0",
            binary=BINARY,
            directory=HERE,
            ports={"http": 4001},
            objstore="",
            retention=retention,
        )
        assert "--wait" in made.argv
        return [word for word in made.argv if "retention" in word]

    assert {word.partition("=")[2] for word in flags(thanos.BucketRetention())} == {"0d"}
    assert {word.partition("=")[2] for word in flags(thanos.BucketRetention("90d", "90d", "90d"))} == {"90d"}


# --- the real chain -----------------------------------------------------------------------------------------


class Chain:
    """MinIO, two replicas of Prometheus Core with sidecars, a store gateway and Thanos Query, all from the objects."""

    def __init__(self, directory: Path) -> None:
        self.ports = Ports(random.Random(5))
        self.ledger = Ledger(directory / "state", "chain")
        self.provider = LocalProvider(directory, "chain", ports=self.ports, ledger=self.ledger, clock=RealClock())
        self.binaries = {n: b.path for n, b in provide(["prometheus", "thanos", "minio"], progress=print).items()}
        objects = load_objects(Path(fawkes.fixtures.__file__).parent / "platform")
        # The first scrape comes within one interval; half a minute of it would prove nothing more.
        core = ("Prometheus", "fawkes-monitoring", "core")
        self.objects = objects.edit(*core, lambda one: one["spec"].update(scrapeInterval="1s"))
        self.core = self.objects.get(*core)
        self.store = ObjectStore(f"127.0.0.1:{self.ports.port('minio-0')}", "access", "secretsecret")
        secret = objstore_secret(self.core, self.objects)
        self.bucket, self.objstore = bucket(secret), render_objstore(secret, self.store)

    def numbers(self, part: str, *names: str) -> dict[str, int]:
        return {name: self.ports.port(part, name) for name in names}

    def start(self) -> None:
        here, ports = self.provider.part_directory, self.numbers
        cores = [pair for n in range(replicas(self.core)) for pair in self.replica(n)]
        asked = [part.name for part in cores if "sidecar" in part.name] + ["thanos-store-0"]
        self.provider.start(
            [
                minio(
                    "minio-0",
                    binary=self.binaries["minio"],
                    directory=here("minio-0"),
                    ports=ports("minio-0", "http", "console"),
                    access_key=self.store.access_key,
                    secret_key=self.store.secret_key,
                ),
                buckets(
                    "buckets", directory=here("buckets"), store=self.store, names=[self.bucket], after=("minio-0",)
                ),
                beacon(port=self.ports.port("beacon-0"), run_id="this-run", value=42.5),
                *cores,
                thanos.store(
                    "thanos-store-0",
                    binary=self.binaries["thanos"],
                    directory=here("thanos-store-0"),
                    ports=ports("thanos-store-0", "http", "grpc"),
                    objstore=self.objstore,
                    after=("buckets",),
                ),
                thanos.query(
                    "thanos-query-0",
                    binary=self.binaries["thanos"],
                    ports=ports("thanos-query-0", "http", "grpc"),
                    endpoints=[f"127.0.0.1:{self.ports.port(name, 'grpc')}" for name in asked],
                    after=asked,
                ),
            ]
        )

    def replica(self, number: int):
        name, beside = pod_name(self.core, number), f"thanos-sidecar-core-{number}"
        http = {"http": self.ports.port("beacon-0")}
        pods = [Pod("fawkes-platform", "beacon-0", {"app.kubernetes.io/name": "beacon"}, "beacon", http)]
        rendered = prom.render_prometheus(self.core, number, self.objects, pods)
        directory = self.provider.part_directory(name)
        yield prometheus(
            name,
            binary=self.binaries["prometheus"],
            directory=directory,
            ports=self.numbers(name, "http"),
            spec=self.core["spec"],
            config=rendered.config,
            rule_files=rendered.rule_files,
            target_files=rendered.target_files,
        )
        yield thanos.sidecar(
            beside,
            binary=self.binaries["thanos"],
            directory=self.provider.part_directory(beside),
            ports=self.numbers(beside, "http", "grpc"),
            prometheus_name=name,
            prometheus_url=f"http://127.0.0.1:{self.ports.port(name)}",
            tsdb=directory / DATA,
            objstore=self.objstore,
        )

    def ask(self, dedup: bool):
        answer = httpx.get(
            f"{self.provider.url('thanos-query-0')}/api/v1/query",
            params={"query": "fawkes_beacon", "dedup": str(dedup).lower()},
            trust_env=False,
        )
        return answer.raise_for_status().json()["data"]["result"]

    def close(self) -> None:
        self.provider.close()
        self.ledger.close()


@pytest.mark.platform
@pytest.mark.slow
def test_a_sample_scraped_by_two_replicas_is_one_series_in_thanos_query(tmp_path):
    chain = Chain(tmp_path)
    try:
        chain.start()
        both = eventually(
            "the beacon in both replicas",
            lambda: chain.ask(dedup=False),
            lambda result: len(result) == 2,
            within_s=30,  # one scrape interval of 1 s; generous for a machine that does other things
            clock=RealClock(),
        )
        assert {series["metric"]["prometheus_replica"] for series in both} == {"prometheus-core-0", "prometheus-core-1"}
        (only,) = chain.ask(dedup=True)
        assert only["value"][1] == "42.5"
        port = chain.ports.port("beacon-0")
        assert only["metric"] == {
            "__name__": "fawkes_beacon",
            "cluster": "fawkes",
            "prometheus": "fawkes-monitoring/core",
            "run_id": "this-run",
            "namespace": "fawkes-platform",
            "service": "beacon",
            "pod": "beacon-0",
            "container": "beacon",
            "job": "beacon",
            "endpoint": "http",
            "instance": f"127.0.0.1:{port}",
        }
    finally:
        chain.close()
