"""The interval oracle against simulated scrapes of simulated counters: sound for every phase, and tight."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fawkes.harness.oracle.counter_bounds import (
    NOTHING,
    Bounds,
    Exposed,
    Scraping,
    Window,
    increase_bounds,
    quantile_bounds,
    rate_bounds,
    ratio_bounds,
    sum_bounds,
)
from fawkes.harness.oracle.promql import histogram_quantile, increase, rate

# Whole eighths of a second: exact doubles, so that what is at an edge is exactly there.
EIGHTHS = 8
END_S = 0.0
BUCKETS = (1.0, 4.0, 16.0, math.inf)

ranges_s = st.integers(1, 1200).map(lambda n: n / EIGHTHS)
gaps_s = st.integers(1, 160).map(lambda n: n / EIGHTHS)
instants_s = st.integers(-2400, 80).map(lambda n: n / EIGHTHS)
events_s = st.lists(instants_s, max_size=40)
delays_s = st.integers(0, 16).map(lambda n: n / EIGHTHS)


@st.composite
def exposures(draw):
    """Up to four stretches, some of which forget what was counted before."""
    edges = [-math.inf, *sorted(draw(st.lists(instants_s, max_size=6, unique=True))), math.inf]
    if draw(st.booleans()):
        edges = edges[1:]
    stretches = []
    for from_s, to_s in zip(edges[::2], edges[1::2], strict=False):
        forgets = not math.isinf(from_s) and draw(st.booleans())
        stretches.append(Exposed(from_s, to_s, from_zero=forgets))
    return stretches or [Exposed()]


@st.composite
def scrapes(draw, exposed, gap_s):
    """When samples were taken: anywhere in each stretch, with no gap longer than `gap_s`."""
    times_s = []
    for stretch in exposed:
        at_s = max(stretch.from_s, -320.0)
        until_s = min(stretch.to_s, 20.0)
        steps = draw(st.lists(st.integers(1, int(gap_s * EIGHTHS)), min_size=1, max_size=6))
        at_s += draw(st.integers(0, int(gap_s * EIGHTHS))) / EIGHTHS
        number = 0
        while at_s <= until_s:
            times_s.append(at_s)
            at_s += steps[number % len(steps)] / EIGHTHS
            number += 1
    return times_s


def shown(events, exposed, at_s):
    """The counter's value in a scrape at `at_s`, given when samples show each event."""
    now = [stretch for stretch in exposed if stretch.from_s <= at_s]
    since_s = max((s.from_s for s in now if s.from_zero), default=-math.inf)
    return float(sum(since_s <= event_s <= at_s for event_s in events))


def scraped(events, exposed, times_s):
    return [(at_s, shown(events, exposed, at_s)) for at_s in times_s]


@st.composite
def worlds(draw):
    """What a question is about: a window, how closely a target is scraped, when it is exposed, when it is scraped."""
    gap_s, exposed = draw(gaps_s), draw(exposures())
    scraping = Scraping(gap_s, behind_max_s=draw(delays_s), ahead_max_s=draw(delays_s))
    return Window(END_S, draw(ranges_s)), scraping, exposed, sorted(set(draw(scrapes(exposed, gap_s))))


def showing(draw, happened, scraping):
    """When samples begin to show each event."""
    shifts = st.integers(int(-scraping.ahead_max_s * EIGHTHS), int(scraping.behind_max_s * EIGHTHS))
    return [event_s + draw(shifts) / EIGHTHS for event_s in happened]


@settings(max_examples=300, deadline=None)
@given(st.data(), worlds(), events_s)
def test_whatever_the_phase_what_prometheus_computes_is_inside(data, world, happened):
    window, scraping, exposed, times_s = world
    samples = scraped(showing(data.draw, happened, scraping), exposed, times_s)
    for compute, bounds_of in ((increase, increase_bounds), (rate, rate_bounds)):
        value = compute(samples, at_s=window.end_s, range_s=window.range_s)
        bounds = bounds_of(happened, window, scraping, exposed)
        assert bounds.admits(value), (value, bounds)


@settings(max_examples=150, deadline=None)
@given(st.data(), worlds(), events_s, st.sampled_from([0.01, 0.5, 0.9, 0.95, 1.0]))
def test_so_is_a_quantile_of_rates_by_bucket(data, world, happened, q):
    window, scraping, exposed, times_s = world
    sizes = [data.draw(st.sampled_from([0.5, 1.0, 2.0, 4.0, 9.0, 40.0])) for _ in happened]
    shown_s = showing(data.draw, happened, scraping)
    rates, bounds = {}, {}
    for edge in BUCKETS:
        inside = [size <= edge for size in sizes]
        samples = scraped([t for t, of in zip(shown_s, inside, strict=True) if of], exposed, times_s)
        rates[edge] = rate(samples, at_s=window.end_s, range_s=window.range_s)
        theirs = [t for t, of in zip(happened, inside, strict=True) if of]
        bounds[edge] = rate_bounds(theirs, window, scraping, exposed)
    value = None if None in rates.values() else histogram_quantile(q, rates)
    assert quantile_bounds(q, bounds).admits(value), (value, quantile_bounds(q, bounds))


@settings(max_examples=150, deadline=None)
@given(worlds(), worlds(), events_s, events_s)
def test_so_are_a_sum_over_series_and_the_guarded_ratio(one, other, some, more):
    window = one[0]
    values, bounds = [], []
    for (_, scraping, exposed, times_s), events in ((one, some), (other, more)):
        values.append(increase(scraped(events, exposed, times_s), at_s=window.end_s, range_s=window.range_s))
        bounds.append(increase_bounds(events, window, scraping, exposed))
    present = [value for value in values if value is not None]
    assert sum_bounds(bounds).admits(sum(present) if present else None)
    part, whole = values
    ratio = None if whole is None or not whole > 0 else (part or 0.0) / whole
    assert ratio_bounds(*bounds).admits(ratio)


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 20), st.lists(st.integers(400, 2000), min_size=1, max_size=25), st.booleans())
def test_a_counter_that_lost_or_doubled_one_event_is_outside(data, gap_eighths, happened_eighths, lost):
    """300 s of range and gaps up to 2.5 s tell up to 58 events apart; none is within a gap of an edge."""
    gap_s, happened = gap_eighths / EIGHTHS, [at / EIGHTHS - 300 for at in happened_eighths]
    one = data.draw(st.sampled_from(happened))
    counted = [*happened, one]
    if lost:
        counted = happened.copy()
        counted.remove(one)
    samples = scraped(counted, [Exposed()], data.draw(scrapes([Exposed()], gap_s)))
    bounds = increase_bounds(happened, Window(0.0, 300.0), Scraping(gap_s))
    assert not bounds.admits(increase(samples, at_s=0.0, range_s=300.0))


DAY_S = 86400.0
DAY = Window(DAY_S, DAY_S)
EVERY_30_S = Scraping(30.0)
FIVE = [7200.0, 20000.0, 40000.0, 60000.0, 80000.0]
BEFORE = [-5000.0, -4000.0]  # a counter that isn't at zero when the window begins


def test_a_count_too_low_or_too_high_by_one_is_outside():
    bounds = increase_bounds(BEFORE + FIVE, DAY, EVERY_30_S)
    assert bounds == Bounds(5.0, pytest.approx(5 * DAY_S / (DAY_S - 60)))
    assert not bounds.admits(4.0035)
    assert not bounds.admits(6.0)
    assert not bounds.admits(None)


def test_the_count_of_the_adr_which_is_per_second_is_outside():
    samples = scraped(BEFORE + FIVE, [Exposed()], [7.0 + 30 * n for n in range(2880)])
    per_second = rate(samples, at_s=DAY_S, range_s=DAY_S)
    assert not increase_bounds(BEFORE + FIVE, DAY, EVERY_30_S).admits(per_second)


def test_a_thousand_deployments_in_a_month_are_told_from_a_thousand_and_one():
    month = Window(30 * DAY_S, 30 * DAY_S)
    bounds = increase_bounds([2000.0 * n + 60 for n in range(1, 1001)], month, EVERY_30_S)
    assert bounds.admits(1000.01)
    assert not bounds.admits(999.99)
    assert not bounds.admits(1001.0)


@pytest.mark.parametrize(
    ("range_s", "most"),
    [(3600.0, 58), (DAY_S, 1438), (7 * DAY_S, 10078), (30 * DAY_S, 43198)],
    ids=["1h", "1d", "7d", "30d"],
)
def test_the_most_events_that_are_told_from_one_more_are_those_of_the_table_in_the_docs(range_s, most):
    def told(count):
        events = [31 + (range_s - 62) * n / count for n in range(count)]
        return not increase_bounds(BEFORE + events, Window(range_s, range_s), EVERY_30_S).admits(count + 1)

    assert told(most)
    assert not told(most + 2)  # at most + 1 the interval ends at the next whole number, give or take rounding


def test_an_event_within_a_gap_of_the_edge_may_count_or_not():
    assert increase_bounds([*BEFORE, *FIVE, DAY_S - 10], DAY, EVERY_30_S).low == 5.0
    assert increase_bounds([*BEFORE, *FIVE, 20.0], DAY, EVERY_30_S).low == 5.0
    assert increase_bounds([*BEFORE, *FIVE, 20.0], DAY, EVERY_30_S).admits(6.001)


def test_a_counter_at_zero_is_not_extrapolated_back():
    zero, not_zero = (increase_bounds(before + FIVE, DAY, EVERY_30_S).high for before in ([], BEFORE))
    assert zero == pytest.approx(5 * (1 + 30 / (DAY_S - 60)))
    assert zero < not_zero


def test_a_counter_born_with_its_first_event_loses_it():
    bounds = increase_bounds(FIVE, DAY, EVERY_30_S, [Exposed(from_s=FIVE[0])])
    assert bounds.admits(4.0019199)
    assert not bounds.admits(5.0)


def test_a_restart_of_a_counter_in_memory_loses_only_what_no_scrape_saw():
    lives = [Exposed(to_s=50000.0), Exposed(from_s=50100.0, from_zero=True)]
    assert increase_bounds(BEFORE + FIVE, DAY, EVERY_30_S, lives).low == 5.0
    assert increase_bounds([*BEFORE, *FIVE, 49990.0], DAY, EVERY_30_S, lives).low == 5.0


def test_a_reset_that_scrapes_cannot_see_makes_the_count_uncertain():
    """Two before the restart, three right after it: the samples read 2, 3."""
    lives = [Exposed(to_s=50000.0), Exposed(from_s=50000.0, from_zero=True)]
    times_s = [100.0, 200.0, 50001.0, 50002.0, 50003.0]
    bounds = increase_bounds(times_s, DAY, EVERY_30_S, lives)
    assert (bounds.low, bounds.admits(3.0), bounds.admits(5.0)) == (2.0, True, True)


def test_an_event_after_a_restart_counts_for_sure_only_if_the_last_scrape_surely_saw_it():
    lives = [Exposed(to_s=50000.0), Exposed(from_s=50100.0, from_zero=True)]
    assert increase_bounds([*BEFORE, *FIVE, DAY_S - 10], DAY, EVERY_30_S, lives).low == 5.0


def test_two_samples_just_within_the_threshold_of_both_edges_are_inside():
    """1.09 s, 1 s and 1.09 s in a window of 3.18 s: the increase of 1 is stretched to all of it."""
    stretched = increase([(1.09, 10.0), (2.09, 11.0)], at_s=3.18, range_s=3.18)
    assert stretched == pytest.approx(3.18)
    assert increase_bounds([*[-1.0] * 10, 2.0], Window(3.18, 3.18), Scraping(1.6)).admits(stretched)


def test_an_exporter_that_shows_zero_before_it_has_replayed_is_outside():
    assert not increase_bounds(BEFORE + FIVE, DAY, EVERY_30_S).admits(48.0166725)


def test_one_sample_may_be_all_there_is():
    short = increase_bounds([99.0], Window(100.0, 50.0), EVERY_30_S)
    assert short.admits(None)
    assert short.admits(1.0)


def test_a_series_that_was_never_exposed_has_no_increase():
    gone = increase_bounds(FIVE, Window(3 * DAY_S, DAY_S), EVERY_30_S, [Exposed(to_s=DAY_S)])
    assert gone == NOTHING
    assert gone.admits(None)
    assert gone.admits(math.nan)
    assert not gone.admits(0.0)


@pytest.mark.parametrize(("gap_s", "range_s"), [(0.0, 60.0), (30.0, 0.0), (math.nan, 60.0)])
def test_a_gap_or_range_that_is_not_positive_is_refused(gap_s, range_s):
    with pytest.raises(ValueError, match="above 0"):
        increase_bounds([], Window(0.0, range_s), Scraping(gap_s))


def test_nothing_failed_is_a_ratio_of_zero_and_nothing_deployed_is_no_ratio():
    deployed = increase_bounds(BEFORE + FIVE, DAY, EVERY_30_S)
    assert ratio_bounds(NOTHING, deployed) == Bounds(0.0, 0.0)
    assert ratio_bounds(deployed, NOTHING) == NOTHING
    failed = ratio_bounds(increase_bounds(FIVE[1:2], DAY, EVERY_30_S), deployed)
    assert failed.admits(0.2)
    assert not failed.admits(0.4)
    assert not failed.admits(None)


def test_a_quantile_is_in_the_bucket_of_the_nearest_rank():
    counts = {1.0: 10, 4.0: 30, 16.0: 39, math.inf: 40}
    exact = {edge: Bounds(count, count) for edge, count in counts.items()}
    assert quantile_bounds(0.25, exact) == Bounds(0.0, 1.0)
    assert quantile_bounds(0.5, exact) == Bounds(1.0, 4.0)
    assert quantile_bounds(0.95, exact) == Bounds(4.0, 16.0)
    assert quantile_bounds(1.0, exact) == Bounds(16.0, 16.0)


def test_a_rank_at_the_edge_of_a_bucket_admits_both_when_the_counts_are_not_exact():
    nearly = {1.0: Bounds(10, 10.001), 4.0: Bounds(20, 20.002), math.inf: Bounds(20, 20.002)}
    assert quantile_bounds(0.5, nearly) == Bounds(0.0, 4.0)


def test_without_observations_there_is_no_quantile():
    empty = {1.0: Bounds(0.0, 0.0), math.inf: Bounds(0.0, 0.0)}
    assert quantile_bounds(0.5, empty) == NOTHING


@pytest.mark.parametrize(
    ("q", "edges", "says"),
    [(0.0, (1.0, math.inf), "above 0"), (1.5, (1.0, math.inf), "at most 1"), (0.5, (1.0, 2.0), r"\+Inf")],
)
def test_a_quantile_question_without_an_answer_is_refused(q, edges, says):
    with pytest.raises(ValueError, match=says):
        quantile_bounds(q, {edge: Bounds(1.0, 1.0) for edge in edges})
