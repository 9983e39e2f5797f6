"""One scenario's run: whatever goes wrong in it, what was recorded until then stays, and says what went wrong."""

import signal

import pytest

from fawkes.harness.composition import scenario_loader
from fawkes.harness.errors import ComponentError, ProviderError
from fawkes.harness.history import read_history
from fawkes.harness.prefix import NO_PREFIX
from fawkes.harness.run import Setting, run_scenario

EXPECT = {"check": "targets", "name": "t", "jobs": ["j"]}
SCENARIO = scenario_loader().restore({"claim": "a claim that is long", "expect": [EXPECT]}, "s")


class Venue:
    """Gives a platform that never starts and whose end raises what is wanted. It is its own Site."""

    prefix, has_exporters = NO_PREFIX, False

    def __init__(self, at_the_end):
        self._at_the_end, self.closed = at_the_end, 0

    def site(self, directory, blueprint, clock):
        self.blueprint, self.clock, self.directory = blueprint, clock, directory
        self.run_id, self.seed, self.started_at_s, self.http = "r", 1, 0.0, None
        return self

    def start(self, joined):
        raise ComponentError("one", "does not start")

    def close(self):
        self.closed += 1
        if self._at_the_end is not None:
            raise self._at_the_end


def errors(directory):
    history = read_history(directory / "history.jsonl")
    return [(one.data["where"], one.data["message"].splitlines()[0]) for one in history.of("error")], history


def run(venue, directory):
    run_scenario("s", SCENARIO, directory, Setting("r", 1, "ci", {}, venue), lambda _: None)


@pytest.mark.parametrize(
    ("at_the_end", "told"),
    [
        (None, []),
        (ProviderError("namespaces stay"), [("ProviderError", "namespaces stay")]),
        (OSError("a bug"), [("OSError", "a bug")]),
    ],
)
def test_a_platform_that_cannot_be_taken_down_is_on_record_and_takes_nothing_with_it(at_the_end, told, tmp_path):
    venue = Venue(at_the_end)
    run(venue, tmp_path / "s")
    found, history = errors(tmp_path / "s")
    assert sorted(found) == sorted([("ComponentError", "one: does not start"), *told])
    assert history.of("timing"), "it was written to its end"
    assert venue.closed == 1


def test_ctrl_c_at_the_end_goes_on_to_the_caller(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(Venue(KeyboardInterrupt()), tmp_path / "s")
    assert ("interrupted", "stopped by Ctrl-C or SIGTERM before the end") in errors(tmp_path / "s")[0]


def test_ctrl_c_while_the_platform_is_taken_down_is_heard_when_it_is(tmp_path):
    class Interrupted(Venue):
        def close(self):
            signal.raise_signal(signal.SIGINT)
            super().close()

    venue = Interrupted(None)
    with pytest.raises(KeyboardInterrupt):
        run(venue, tmp_path / "s")
    assert venue.closed == 1
    found, _ = errors(tmp_path / "s")
    assert ("interrupted", "stopped by Ctrl-C or SIGTERM before the end") in found
