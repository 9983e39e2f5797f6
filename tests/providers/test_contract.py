"""What every provider promises (harness/providers/base.py), on real parts."""

import sys

import httpx
import pytest

from fawkes.harness.errors import ComponentError, ProviderError, UsageError
from fawkes.harness.model import Component, Ready
from fawkes.harness.providers.base import Inspectable, Killable, Partitionable, Pausable

on_this_machine = pytest.mark.parametrize("place", ["local"], indirect=True)
"""For what a test can only see there: files, processes that ignore a signal."""
pytestmark = [pytest.mark.platform, pytest.mark.slow]


def job(name: str, code: str, **fields: object) -> Component:
    return Component(name=name, app=name, argv=(sys.executable, "-c", code), ready=Ready(by="exit"), **fields)


def page(url: str) -> str:
    return httpx.get(f"{url}/metrics", trust_env=False).text


def test_a_started_part_answers_at_its_url_and_is_listed(place):
    place.provider.start([place.part("one", 7)])
    assert "contract_value 7" in page(place.provider.url("one"))
    assert list(place.provider.running()) == ["one"]
    assert place.provider.rss_bytes()["one"] > 1_000_000


@on_this_machine
def test_a_part_starts_after_the_job_it_waits_for(place):
    marker = place.directory / "marker"
    write = job("first", f"open({str(marker)!r}, 'w').write('done')")
    read = job("second", f"assert open({str(marker)!r}).read() == 'done'", after=("first",))
    place.provider.start([read, write])
    assert marker.read_text() == "done"
    assert "first" not in place.provider.running(), "a job that is done does not run"


def test_a_part_that_ends_is_reported_with_command_exit_code_and_log(place):
    with pytest.raises(ComponentError) as failed:
        place.provider.start([job("broken", "print('no such table'); raise SystemExit(7)")])
    assert failed.value.exit_code == 7
    assert any(line.strip() == "no such table" for line in str(failed.value).splitlines()), "what it wrote"
    assert "raise SystemExit(7)" in str(failed.value), "what was run"


def test_a_missing_binary_is_the_hosts_fault_and_names_a_remedy(place):
    with pytest.raises(ProviderError, match="harness doctor"):
        place.provider.start([Component("gone", "gone", ("/no/such/binary",), Ready(by="exit"))])


def test_waiting_for_what_nothing_starts_is_refused_before_anything_runs(place):
    with pytest.raises(UsageError, match="nobody"):
        place.provider.start([job("lonely", "pass", after=("nobody",))])
    assert list(place.provider.running()) == []


def test_an_unknown_part_or_port_names_those_there_are(place):
    place.provider.start([place.part("one")])
    with pytest.raises(UsageError, match="one"):
        place.provider.url("two")
    with pytest.raises(UsageError, match="http"):
        place.provider.url("one", "grpc")


def test_a_killed_part_is_gone_until_it_is_revived_at_the_same_address(place):
    assert isinstance(place.provider, Killable)
    place.provider.start([place.part("one", 3)])
    url = place.provider.url("one")
    place.provider.kill("one")
    assert list(place.provider.running()) == []
    with pytest.raises(httpx.TransportError):
        page(url)
    place.provider.revive("one")
    assert "contract_value 3" in page(url)


def test_a_paused_part_keeps_its_connections_and_answers_when_it_goes_on(place):
    assert isinstance(place.provider, Pausable)
    place.provider.start([place.part("one", 3)])
    url = place.provider.url("one")
    place.provider.pause("one")
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{url}/metrics", trust_env=False, timeout=0.3)
    place.provider.resume("one")
    assert "contract_value 3" in page(url)


def test_a_paused_part_does_not_hold_up_the_end(place):
    place.provider.start([place.part("one")])
    place.provider.pause("one")
    place.provider.close()
    assert list(place.provider.running()) == []


def test_parts_that_do_not_talk_to_each_other_cannot_be_partitioned(place):
    assert isinstance(place.provider, Partitionable)
    place.provider.start([place.part("one"), place.part("two")])
    with pytest.raises(UsageError, match="don't talk to each other"):
        place.provider.partition(["one", "two"])


def test_a_look_inside_sees_the_parts_own_process_and_files(place):
    assert isinstance(place.provider, Inspectable)
    place.provider.start([place.part("one")])
    inside = place.provider.inside("one")
    shown = inside.host.run("tr '\\0' ' ' </proc/%s/cmdline", str(inside.pid)).stdout
    assert "fawkes.fixtures.services.exporter" in shown
    assert set(inside.ports) == {"http"}
    held = inside.host.run("ls /proc/%s/root/proc /proc/%s/fd", str(inside.pid), str(inside.pid))
    assert held.rc == 0, held.stderr


def test_what_does_not_run_cannot_be_looked_into(place):
    place.provider.start([place.part("one")])
    with pytest.raises(UsageError, match="there is no part 'two'"):
        place.provider.inside("two")
    place.provider.kill("one")
    with pytest.raises(ProviderError, match="one does not run"):
        place.provider.inside("one")


def test_close_ends_everything_and_may_be_called_again(place):
    place.provider.start([place.part("one"), place.part("two")])
    url = place.provider.url("one")
    place.provider.close()
    place.provider.close()
    with pytest.raises(httpx.TransportError):
        page(url)


@on_this_machine
def test_a_part_that_ignores_the_polite_signal_is_killed(place):
    stubborn = (
        "import signal, http.server as h; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"h.HTTPServer(('127.0.0.1', {place.ports.port('stubborn')}), h.SimpleHTTPRequestHandler).serve_forever()"
    )
    place.provider.start(
        [
            Component(
                "stubborn",
                "stubborn",
                (sys.executable, "-c", stubborn),
                Ready(by="tcp"),
                ports={"http": place.ports.port("stubborn")},
                stop_signal=15,
            )
        ]
    )
    place.provider.close()
    assert list(place.provider.running()) == []


@on_this_machine
def test_secrets_in_files_are_readable_by_the_owner_only(place):
    place.provider.start([job("reader", "pass", files={"secret": "hush"})])
    path = place.provider.part_directory("reader") / "secret"
    assert path.stat().st_mode & 0o777 == 0o600
