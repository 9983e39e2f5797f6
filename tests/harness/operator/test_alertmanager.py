import os
import subprocess
from pathlib import Path

import pytest
import yaml

from fawkes.harness.errors import UsageError
from fawkes.harness.operator import alertmanager as am
from fawkes.harness.toolchain.provide import provide

ADDRESSES = am.ReceiverAddresses("127.0.0.1:2525", "http://127.0.0.1:8081/v2/enqueue")
SECRETS = {
    "notification-credentials/mattermost-url": "http://127.0.0.1:8081/hooks/abcdefghijklmnopqrstuvwxyz",
    "notification-credentials/pagerduty-routing-key": "k" * 32,
    "notification-credentials/smtp-password": "p" * 32,
}
AUTHORITY = {"notification-credentials/smtp-authority": Path("/run/receivers/authority.pem")}


def render(objects, directory, secrets=SECRETS | AUTHORITY):
    manifest = objects.get("Alertmanager", "fawkes-monitoring", "main")
    return am.render_alertmanager(manifest, objects, addresses=ADDRESSES, secrets=secrets, directory=directory)


def test_addresses_and_secrets_are_filled_in(platform, tmp_path):
    files = render(platform, tmp_path)
    config = yaml.safe_load(files["alertmanager.yml"])
    assert config["global"]["smtp_smarthost"] == "127.0.0.1:2525"
    assert config["global"]["pagerduty_url"] == "http://127.0.0.1:8081/v2/enqueue"
    receivers = {one["name"]: one for one in config["receivers"]}
    url_file = receivers["mattermost"]["slack_configs"][0]["api_url_file"]
    assert url_file == str(tmp_path / "secrets" / "notification-credentials" / "mattermost-url")
    assert {name: text for name, text in files.items() if name != "alertmanager.yml"} == {
        f"secrets/{name}": value for name, value in SECRETS.items()
    }


def test_a_file_that_another_part_writes_is_pointed_to(platform, tmp_path):
    settings = yaml.safe_load(render(platform, tmp_path)["alertmanager.yml"])["global"]
    assert settings["smtp_require_tls"] is True
    assert settings["smtp_tls_config"] == {"ca_file": "/run/receivers/authority.pem"}
    password = tmp_path / "secrets" / "notification-credentials" / "smtp-password"
    assert settings["smtp_auth_password_file"] == str(password)


def test_secrets_stay_out_of_the_configuration(platform, tmp_path):
    text = render(platform, tmp_path)["alertmanager.yml"]
    assert not [value for value in SECRETS.values() if value in text]


def test_everything_else_is_as_it_ships(platform, tmp_path):
    shipped = am.read_config(platform.get("Secret", "fawkes-monitoring", "alertmanager-main"))
    config = yaml.safe_load(render(platform, tmp_path)["alertmanager.yml"])
    assert config["route"] == shipped["route"]
    assert config["inhibit_rules"] == shipped["inhibit_rules"]


def test_receivers_that_share_a_value_are_told_apart(platform, tmp_path):
    def twice(secret):
        config = yaml.safe_load(secret["stringData"]["alertmanager.yaml"])
        for receiver in config["receivers"]:
            if "slack_configs" in receiver:
                receiver["slack_configs"] *= 2
        secret["stringData"]["alertmanager.yaml"] = yaml.safe_dump(config)

    edited = platform.edit("Secret", "fawkes-monitoring", "alertmanager-main", twice)
    config = yaml.safe_load(render(edited, tmp_path)["alertmanager.yml"])
    files = [one["api_url_file"] for r in config["receivers"] for one in r.get("slack_configs", ())]
    assert files == [str(tmp_path / "secrets/notification-credentials/mattermost-url")] * 2


def test_a_missing_secret_is_named(platform, tmp_path):
    with pytest.raises(UsageError, match="no value for the secret notification-credentials/smtp-password"):
        render(platform, tmp_path, secrets={})


def test_a_secret_that_the_operator_would_not_mount_is_refused(platform, tmp_path):
    unmounted = platform.edit("Alertmanager", "fawkes-monitoring", "main", lambda m: m["spec"].pop("secrets"))
    with pytest.raises(UsageError, match=r"mounts only what spec\.secrets names"):
        render(unmounted, tmp_path)


def test_what_is_not_understood_is_refused(platform, tmp_path):
    edited = platform.edit(
        "Alertmanager", "fawkes-monitoring", "main", lambda m: m["spec"].update(alertmanagerConfigSelector={})
    )
    with pytest.raises(UsageError, match="alertmanagerConfigSelector cannot be rendered"):
        render(edited, tmp_path)


@pytest.mark.slow
def test_alertmanagers_own_tool_accepts_and_routes_it(platform, tmp_path):
    for name, text in render(platform, tmp_path).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    amtool = provide(["amtool"], progress=print)["amtool"].path
    config = str(tmp_path / "alertmanager.yml")

    def receivers(**labels: str) -> str:
        command = [str(amtool), "config", "routes", "test", f"--config.file={config}"]
        command += [f"{name}={value}" for name, value in labels.items()]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=quiet()).stdout.strip()

    command = [str(amtool), "check-config", config]
    checked = subprocess.run(command, capture_output=True, text=True, check=False, env=quiet())
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert receivers(alertname="A", team="platform", severity="critical") == "pagerduty,team-leads,mattermost"
    assert receivers(alertname="A", team="platform", severity="warning") == "team-leads,mattermost"
    assert receivers(alertname="A", team="platform", severity="info") == "mattermost"
    assert receivers(alertname="A") == "mattermost"


def quiet() -> dict[str, str]:
    """Without the user's own amtool configuration."""
    return {**os.environ, "HOME": str(Path("/nonexistent")), "XDG_CONFIG_HOME": "/nonexistent"}
