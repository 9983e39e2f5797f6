"""The geometry of a timeline drawing: lanes, spans, marks, axis. Computes; the template draws.

Marks that would be drawn over one another are merged into a cluster that says how many they are and shows where
they were dense, so that thousands of events stay readable.
"""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from fawkes.harness.model import Mark
from fawkes.reports.printable import one_line, shortened

# All lengths are pixels of the drawing at its natural width.
WIDTH = 960.0
GUTTER = 160.0  # lane names
RIGHT = 24.0
ROW = 26.0
LANE_GAP = 10.0
DOT_RADIUS = 5.0
CHARACTER = 6.5  # mean width of a character in an 11 px sans-serif; labels that might not fit are left out
NARROWEST_SPAN = 6.0  # what lasted too short to be seen as a bar is drawn like an instant
BIN = 6.0  # width of the density columns in a cluster
ROWS_MAX = 6  # spans that overlap more than sixfold are merged in the last row
TITLE_LINES = 12
NAME_LENGTH = 22  # characters of a lane name that fit into the gutter; it has two lines
TEXT_LENGTH = 48  # characters of a label; the title has all of it
_TONES = 5  # lane colours in the style sheet: tone-0 .. tone-4
_TIMES = "\N{MULTIPLICATION SIGN}"
_ALERT_STATES = ("firing", "pending", "resolved")


@dataclass(frozen=True, slots=True)
class Item:
    """A dot (count 1, no width), a bar (a span), or a cluster (count > 1) in one row of a lane."""

    kind: str
    """dot, bar or cluster."""
    x: float
    width: float
    tone: str
    text: str
    """What is written in or beside it, when there is room."""
    title: str
    """All of it in words, one line per mark."""
    count: int = 1
    columns: tuple[tuple[float, float], ...] = ()
    """Density of a cluster: (x, share of the densest column)."""

    @property
    def right(self) -> float:
        return self.x + (DOT_RADIUS if self.kind == "dot" else self.width)


@dataclass(frozen=True, slots=True)
class Placed:
    """An item with its row's top and the label's place: `at` is where the text is anchored, None for no room."""

    item: Item
    y: float
    at: float | None
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Lane:
    name: tuple[str, ...]
    """One or two lines."""
    title: str
    """The name in full."""
    y: float
    height: float
    items: tuple[Placed, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing of WIDTH x height. `zero_s` is the wall clock at second 0 of the axis: the scenario's first mark."""

    height: float
    axis_y: float
    zero_s: float
    length_s: float
    marks: int
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class _Scale:
    zero_s: float
    per_s: float
    """Pixels."""

    def x(self, at_s: float) -> float:
        return GUTTER + (at_s - self.zero_s) * self.per_s


@dataclass(slots=True)
class _Group:
    """Marks of one lane that are too close to be drawn apart."""

    marks: list[tuple[float, Mark]] = field(default_factory=list)

    @property
    def left(self) -> float:
        return self.marks[0][0] - DOT_RADIUS

    @property
    def width(self) -> float:
        spread = self.marks[-1][0] - self.marks[0][0] + 2 * DOT_RADIUS
        return spread if len(self.marks) == 1 else max(spread, _text_width(f"{_TIMES}{len(self.marks)}"))


def chart(timeline: Sequence[Mark]) -> Chart | None:
    """The drawing of a timeline; None when there is nothing to draw. Marks without a finite time are left out."""
    marks = sorted((mark for mark in timeline if math.isfinite(mark.at_s)), key=lambda mark: mark.at_s)
    if not marks:
        return None
    zero_s = marks[0].at_s
    length_s = max(_end(mark) for mark in marks) - zero_s
    axis_s = length_s or 1.0  # a single instant still gets an axis
    scale = _Scale(zero_s, (WIDTH - GUTTER - RIGHT) / axis_s)
    lanes: list[Lane] = []
    y = LANE_GAP / 2
    for index, name in enumerate(dict.fromkeys(mark.lane for mark in timeline)):
        own = [mark for mark in marks if mark.lane == name]
        if own:
            lanes.append(_lane(own, scale, y, f"tone-{index % _TONES}"))
            y += lanes[-1].height
    ticks = tuple(Tick(scale.x(zero_s + at), f"{at:g}") for at in _tick_seconds(axis_s))
    return Chart(y + 40, y, zero_s, length_s, len(marks), tuple(lanes), ticks)


def _end(mark: Mark) -> float:
    return mark.until_s if mark.until_s is not None and mark.until_s > mark.at_s else mark.at_s


def _lane(marks: list[Mark], scale: _Scale, y: float, tone: str) -> Lane:
    bars: list[Item] = []
    short: list[tuple[float, Mark]] = []
    for mark in marks:
        x, width = scale.x(mark.at_s), (_end(mark) - mark.at_s) * scale.per_s
        if width < NARROWEST_SPAN:
            short.append((x, mark))
        else:
            text = shortened(one_line(mark.label), TEXT_LENGTH)
            bars.append(Item("bar", x, width, _tone(mark, tone), text, _words(mark, scale.zero_s)))
    items = sorted([*bars, *(_merged(group, scale.zero_s, tone) for group in _groups(short))], key=lambda item: item.x)
    rows = _rows(items)
    top = y + LANE_GAP / 2
    placed = tuple(p for index, row in enumerate(rows) for p in _with_labels(row, top + index * ROW))
    name = one_line(marks[0].lane)
    lines = textwrap.wrap(name, NAME_LENGTH, max_lines=2, placeholder="…")
    return Lane(tuple(lines), name, y, len(rows) * ROW + LANE_GAP, placed)


def _groups(short: list[tuple[float, Mark]]) -> list[_Group]:
    groups: list[_Group] = []
    for x, mark in short:
        if not groups or x - DOT_RADIUS > groups[-1].left + groups[-1].width + 2:
            groups.append(_Group())
        groups[-1].marks.append((x, mark))
    return groups


def _merged(group: _Group, zero_s: float, lane_tone: str) -> Item:
    (x, first), count = group.marks[0], len(group.marks)
    tones = {_tone(mark, lane_tone) for _, mark in group.marks}
    tone = tones.pop() if len(tones) == 1 else lane_tone
    if count == 1:
        return Item("dot", x, 0, tone, shortened(one_line(first.label), TEXT_LENGTH), _words(first, zero_s))
    labels = Counter(one_line(mark.label) for _, mark in group.marks)
    title = [f"{number} {_TIMES} {label}" for label, number in labels.most_common(TITLE_LINES)]
    title += [_words(mark, zero_s) for _, mark in group.marks[:TITLE_LINES]]
    title += [f"and {count - TITLE_LINES} more"] if count > TITLE_LINES else []
    text = f"{_TIMES}{count}"
    named = f"{next(iter(labels))} {text}"
    if len(labels) == 1 and _text_width(named) <= group.width:
        text = named
    width = min(group.width, WIDTH - group.left)
    return Item("cluster", group.left, width, tone, text, "\n".join(title), count, _density(group))


def _density(group: _Group) -> tuple[tuple[float, float], ...]:
    if group.width < 6 * BIN:  # a few columns behind the number would only blur it
        return ()
    bins = Counter(int((x - group.left) // BIN) for x, _ in group.marks)
    densest = max(bins.values())
    return tuple((group.left + index * BIN, number / densest) for index, number in sorted(bins.items()))


def _rows(items: list[Item]) -> list[list[Item]]:
    """Items by row, so that none overlaps another; what finds no row is merged in the last one."""
    rows: list[list[Item]] = []
    crowded: list[Item] = []
    for item in items:
        row = next((row for row in rows if row[-1].right <= item.x + 0.5), None)
        if row is not None:
            row.append(item)
        elif len(rows) < ROWS_MAX - 1:
            rows.append([item])
        else:
            crowded.append(item)
    return [*rows, _merged_bars(crowded)] if crowded else rows


def _merged_bars(items: list[Item]) -> list[Item]:
    merged: list[list[Item]] = []
    reach = -math.inf
    for item in items:
        if item.x > reach:
            merged.append([])
        merged[-1].append(item)
        reach = max(reach, item.right)
    return [together[0] if len(together) == 1 else _one_of(together) for together in merged]


def _one_of(items: list[Item]) -> Item:
    count, left = sum(item.count for item in items), items[0].x
    title = [item.title for item in items[:TITLE_LINES]]
    title += [f"and {len(items) - TITLE_LINES} more"] if len(items) > TITLE_LINES else []
    text = f"{_TIMES}{count} overlapping"
    width = max(max(item.right for item in items) - left, NARROWEST_SPAN)
    return Item("cluster", left, width, items[0].tone, text, "\n".join(title), count)


def _with_labels(row: list[Item], y: float) -> list[Placed]:
    placed: list[Placed] = []
    free_from = GUTTER
    for index, item in enumerate(row):
        until = row[index + 1].x - DOT_RADIUS if index + 1 < len(row) else WIDTH
        needed = _text_width(item.text)
        if item.kind != "dot":
            fits = needed <= item.width
            placed.append(Placed(item, y, item.x + item.width / 2 if fits else None, "middle"))
            free_from = item.right
        elif item.right + needed <= until:
            placed.append(Placed(item, y, item.right + 3, "start"))
            free_from = item.right + needed
        elif free_from + needed <= item.x - DOT_RADIUS:
            placed.append(Placed(item, y, item.x - DOT_RADIUS - 3, "end"))
            free_from = item.right
        else:
            placed.append(Placed(item, y, None))
            free_from = item.right
    return placed


def _text_width(text: str) -> float:
    return len(text) * CHARACTER + 8


def _tone(mark: Mark, lane_tone: str) -> str:
    """Alert states have colours of their own, whatever lane they are in: a label that ends in one tells of it."""
    last = mark.label.lower().rpartition(" ")[2]
    return last if last in _ALERT_STATES else lane_tone


def _words(mark: Mark, zero_s: float) -> str:
    start, end = f"{mark.at_s - zero_s:.2f}", f"{_end(mark) - zero_s:.2f}"
    when = f"{start} s" if start == end else f"{start} to {end} s"
    return f"{when}: {one_line(mark.label)}"


def _tick_seconds(length_s: float) -> list[float]:
    """Round instants (1, 2 or 5 times a power of ten) about a tenth of the length apart."""
    rough = length_s / 10
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    return [round(index * step, 9) for index in range(int(length_s / step + 1e-9) + 1)]
