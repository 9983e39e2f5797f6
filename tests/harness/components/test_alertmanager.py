import random
from pathlib import Path

import httpx
import pytest

import fawkes.fixtures
from fawkes.harness.clock import scale_objects
from fawkes.harness.components.alertmanager import alertmanager
from fawkes.harness.components.receivers import AUTHORITY_FILE, receivers
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.ledger import Ledger
from fawkes.harness.operator.alertmanager import ReceiverAddresses, render_alertmanager
from fawkes.harness.operator.objects import load_objects
from fawkes.harness.providers.local import LocalProvider
from fawkes.harness.providers.local.ports import Ports
from fawkes.harness.toolchain.provide import provide


def part(peers=(), **ports):
    return alertmanager(
        "alertmanager-main-0",
        binary=Path("/opt/alertmanager"),
        directory=Path("/run/part"),
        ports=ports,
        spec={"retention": "48h"},
        files={"alertmanager.yml": "route: {}\n"},
        peers=peers,
        cluster_label="mon/main",
    )


def test_a_single_replica_forms_no_cluster():
    made = part(http=4093)
    assert (made.app, made.ready.path) == ("alertmanager-main", "/-/ready")
    assert made.files == {"alertmanager.yml": "route: {}\n"}
    assert set(made.argv[1:]) == {
        "--config.file=/run/part/alertmanager.yml",
        "--storage.path=/run/part/data",
        "--data.retention=48h",
        "--web.listen-address=127.0.0.1:4093",
        "--web.route-prefix=/",
        "--log.level=debug",
        "--cluster.listen-address=",
    }


def test_replicas_gossip_over_loopback():
    made = part(peers=("127.0.0.1:4094", "127.0.0.1:4096"), http=4093, cluster=4094)
    assert "--cluster.listen-address=127.0.0.1:4094" in made.argv
    assert "--cluster.peer=127.0.0.1:4094" in made.argv
    assert "--cluster.peer=127.0.0.1:4096" in made.argv
    assert "--cluster.label=mon/main" in made.argv
    assert "--cluster.reconnect-timeout=5m" in made.argv


# --- the real one, with the configuration that ships ------------------------------------------------------------


@pytest.mark.platform
@pytest.mark.slow
def test_each_channel_hears_what_it_should_and_is_told_of_the_end(tmp_path):
    """Routing and templates of the platform, on a clock 60 times as fast, against receivers that refuse bad forms."""
    ports, ledger = Ports(random.Random(7)), Ledger(tmp_path / "state", "alerting")
    provider = LocalProvider(tmp_path, "alerting", ports=ports, ledger=ledger, clock=RealClock())
    objects = scale_objects(load_objects(Path(fawkes.fixtures.__file__).parent / "platform"), 60).objects
    main = objects.get("Alertmanager", "fawkes-monitoring", "main")
    http, smtp, token, key = ports.port("receivers-0"), ports.port("receivers-0", "smtp"), "m" * 26, "k" * 32
    directory = provider.part_directory("alertmanager-main-0")
    files = render_alertmanager(
        main,
        objects,
        addresses=ReceiverAddresses(f"127.0.0.1:{smtp}", f"http://127.0.0.1:{http}/v2/enqueue"),
        secrets={
            "notification-credentials/mattermost-url": f"http://127.0.0.1:{http}/hooks/{token}",
            "notification-credentials/pagerduty-routing-key": key,
            "notification-credentials/smtp-password": "mail-secret",
            "notification-credentials/smtp-authority": provider.part_directory("receivers-0") / AUTHORITY_FILE,
        },
        directory=directory,
    )
    try:
        provider.start(
            [
                receivers(
                    http_port=http,
                    smtp_port=smtp,
                    smtp_password="mail-secret",
                    mattermost_token=token,
                    mattermost_channels=["platform-alerts", "payments-alerts"],
                    pagerduty_routing_key=key,
                    email_recipients=["platform-leads@fawkes.example", "payments-leads@fawkes.example"],
                ),
                alertmanager(
                    "alertmanager-main-0",
                    binary=provide(["alertmanager"], progress=print)["alertmanager"].path,
                    directory=directory,
                    ports={"http": ports.port("alertmanager-main-0")},
                    spec=main["spec"],
                    files=files,
                ),
            ]
        )

        def tell(*alerts: dict[str, object]) -> None:
            url = f"{provider.url('alertmanager-main-0')}/api/v2/alerts"
            httpx.post(url, json=list(alerts), trust_env=False).raise_for_status()

        def heard() -> set[tuple[str, str, str]]:
            answer = httpx.get(f"{provider.url('receivers-0')}/received", trust_env=False).raise_for_status().json()
            assert not [one for one in answer if one["refused"]], answer
            return {(one["receiver"], one["alert"], one["status"]) for one in answer}

        critical = {"labels": {"alertname": "Down", "severity": "critical", "team": "payments", "job": "a"}}
        warning = {"labels": {"alertname": "Full", "severity": "warning", "team": "platform", "job": "b"}}
        note = {"labels": {"alertname": "Note", "severity": "info", "job": "c"}}
        firing = {(to, "Down", "firing") for to in ("mattermost", "email", "pagerduty")}
        firing |= {("mattermost", "Full", "firing"), ("email", "Full", "firing"), ("mattermost", "Note", "firing")}
        tell(critical, warning, note)
        eventually("all notifications", heard, lambda now: now >= firing, within_s=20, clock=RealClock())
        tell({**critical, "endsAt": "2020-01-01T00:00:00Z"})
        resolved = {(to, "Down", "resolved") for to in ("mattermost", "email", "pagerduty")}
        everything = eventually("the end", heard, lambda now: now >= resolved, within_s=20, clock=RealClock())
        assert everything == firing | resolved
    finally:
        provider.close()
        ledger.close()
