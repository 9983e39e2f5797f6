"""The drawing's geometry: everything inside, nothing over another, every mark counted."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fawkes.harness.model import Mark
from fawkes.reports.timeline import DOT_RADIUS, GUTTER, ROWS_MAX, WIDTH, chart


def items(drawn):
    return [placed.item for lane in drawn.lanes for placed in lane.items]


def test_nothing_to_draw():
    assert chart(()) is None
    assert chart((Mark(math.nan, "a", "b"),)) is None


def test_a_single_mark_stands_at_zero():
    drawn = chart((Mark(50.0, "webhook", "commit"),))
    (item,) = items(drawn)
    assert (item.kind, item.x, drawn.zero_s, drawn.length_s, drawn.marks) == ("dot", GUTTER, 50.0, 0.0, 1)
    assert item.title == "0.00 s: commit"


def test_alert_states_have_their_own_colours_and_share_a_row():
    drawn = chart((Mark(0, "fault", "stopped", 40), Mark(10, "Down", "pending", 20), Mark(20, "Down", "firing", 40)))
    pending, firing = drawn.lanes[1].items
    assert (pending.item.tone, firing.item.tone) == ("pending", "firing")
    assert pending.y == firing.y and pending.item.right == pytest.approx(firing.item.x)
    assert drawn.lanes[0].items[0].item.tone == "tone-0"


def test_lanes_stand_in_the_order_of_the_timeline():
    drawn = chart((Mark(5, "b", "x"), Mark(1, "a", "y")))
    assert [lane.name for lane in drawn.lanes] == [("b",), ("a",)]
    assert drawn.lanes[0].y + drawn.lanes[0].height == drawn.lanes[1].y


def test_replicas_of_a_long_lane_name_can_be_told_apart():
    lanes = [f"PlatformServiceDown on prometheus-core-{n}" for n in (0, 1)]
    drawn = chart([Mark(0, lane, "pending", 1) for lane in [*lanes, "x" * 90]])
    assert drawn.lanes[1].name == ("PlatformServiceDown on", "prometheus-core-1")
    assert [lane.title for lane in drawn.lanes] == [*lanes, "x" * 90]
    assert len(drawn.lanes[2].name) == 2 and drawn.lanes[2].name[1].endswith("…")


def test_hundreds_of_marks_become_a_few_clusters_that_count_them():
    marks = [Mark(n * 0.01, "webhook", "commit") for n in range(900)] + [
        Mark(60 + n * 10, "webhook", "x") for n in range(5)
    ]
    drawn = chart(marks)
    assert len(items(drawn)) == 6
    assert sum(item.count for item in items(drawn)) == 905
    cluster = items(drawn)[0]
    assert cluster.kind == "cluster" and cluster.count == 900 and "900 \N{MULTIPLICATION SIGN} commit" in cluster.title
    assert max(share for _, share in cluster.columns) == 1.0


def test_spans_that_overlap_get_rows_and_the_crowd_is_merged():
    drawn = chart([Mark(n * 0.1, "queries", "slow", n * 0.1 + 50) for n in range(30)])
    assert len({placed.y for placed in drawn.lanes[0].items}) == ROWS_MAX
    assert sum(item.count for item in items(drawn)) == 30
    assert items(drawn)[-1].text == "\N{MULTIPLICATION SIGN}25 overlapping"


@pytest.mark.parametrize("length_s", [0.001, 0.5, 1, 7.3, 60, 150, 3600, 40 * 86400])
def test_the_axis_has_a_readable_number_of_round_ticks(length_s):
    ticks = chart((Mark(0, "a", "x"), Mark(length_s, "a", "y"))).ticks
    assert 4 <= len(ticks) <= 11 and ticks[0].label == "0"
    assert all(GUTTER <= tick.x <= WIDTH for tick in ticks)


@given(
    st.lists(
        st.builds(
            Mark,
            st.floats(1.7e9, 1.7e9 + 500),
            st.sampled_from(["a", "b"]),
            st.text(max_size=60),
            st.none() | st.floats(1.7e9, 1.7e9 + 600),
        ),
        min_size=1,
        max_size=60,
    )
)
@settings(max_examples=80, deadline=None)
def test_every_mark_is_drawn_once_inside_and_apart(timeline):
    drawn = chart(timeline)
    assert sum(item.count for item in items(drawn)) == len(timeline) == drawn.marks
    for lane in drawn.lanes:
        rows = {}
        for placed in lane.items:
            assert lane.y <= placed.y <= lane.y + lane.height
            assert placed.item.x >= GUTTER - DOT_RADIUS - 0.01 and placed.item.right <= WIDTH
            rows.setdefault(placed.y, []).append(placed.item)
        for row in rows.values():
            assert all(left.right <= right.x + 0.51 for left, right in pairwise(row))
