"""Alertmanager's log: when each alert came in, and not each time that it was sent again."""

from datetime import UTC, datetime

from fawkes.harness.observe.accepted import Accepted, accepted, record_accepted

# As Alertmanager v0.31.1 writes them with --log.level=debug.
LOG = """\
time=2026-11-25T17:49:13.846Z level=DEBUG source=dispatch.go:214 msg=started component=dispatcher state=running
time=2026-11-25T17:49:15.175Z level=DEBUG source=dispatch.go:232 msg="Received alert" component=dispatcher alert="Foo Bar[307fd03][active]"
time=2026-11-25T17:49:15.175Z level=DEBUG source=dispatch.go:232 msg="Received alert" component=dispatcher alert=Plain[cd65ca6][active]
time=2026-11-25T17:49:15.378Z level=DEBUG source=dispatch.go:712 msg=flushing component=dispatcher aggrGroup={}:{} alerts="[Foo Bar[307fd03][active] Plain[cd65ca6][active]]"
time=2026-11-25T17:49:16.175Z level=DEBUG source=dispatch.go:232 msg="Received alert" component=dispatcher alert=Plain[cd65ca6][active]
time=2026-11-25T17:49:16.200Z level=DEBUG source=dispatch.go:232 msg="Received alert" component=dispatcher alert=Plain[0000000][active]
time=2026-11-25T17:49:16.209Z level=DEBUG source=dispatch.go:232 msg="Received alert" component=dispatcher alert=Plain[cd65ca6][resolved]
time=2026-11-25T17:49:18.000Z level=DEBUG source=dispatch.go:232 msg="Received alert" component=dispatcher alert=Plain[cd65ca6][active]
"""


def at(seconds):
    return datetime(2026, 11, 25, 17, 49, tzinfo=UTC).timestamp() + seconds


def test_an_alert_counts_when_it_comes_in_and_again_only_after_it_was_over():
    assert list(accepted(LOG)) == [
        Accepted("Foo Bar", at(15.175)),
        Accepted("Plain", at(15.175)),
        Accepted("Plain", at(16.2)),  # with other labels
        Accepted("Plain", at(18)),
    ]
    assert list(accepted("")) == []


def test_each_alertmanager_is_recorded(world):
    world.urls = {"alertmanager-main-0": "http://a", "alertmanager-main-1": "http://b"}
    world.log_tail = lambda part, lines: LOG if part.endswith("1") else ""
    record_accepted(world, world.record)
    kept = [(data["source"], data["alert"]) for data in world.recorded("accepted")]
    assert kept == [("alertmanager-main-1", name) for name in ("Foo Bar", "Plain", "Plain", "Plain")]
