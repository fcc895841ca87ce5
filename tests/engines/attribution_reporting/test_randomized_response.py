from itertools import combinations_with_replacement
from math import comb, inf, log2

import pytest

from agent.engines.attribution_reporting.randomized_response import (
    channel_capacity,
    flip_rate,
    reports_of_state,
    scopes_channel_capacity,
    state_count,
    states_of,
)
from agent.model.attribution_reporting.facts import FakeReport
from agent.model.attribution_reporting.registrations import EventReportWindows, SourceRegistration
from agent.model.clock import DAY, HOUR
from tests.engines.attribution_reporting.registration_world import a_source, an_event_source

SHAPES = [(data, windows, reports) for data in range(4) for windows in (1, 2, 3) for reports in range(4)]


def shaped(data: int, windows: int, reports: int) -> SourceRegistration:
    return a_source(
        trigger_data=tuple(range(data)),
        event_report_windows=EventReportWindows(0, tuple((1 + one) * DAY for one in range(windows))),
        max_event_level_reports=reports,
    )


def every_state(data: int, windows: int, reports: int) -> set[tuple[FakeReport, ...]]:
    """All ways to make at most ``reports`` reports, counted one by one."""
    pairs = [FakeReport(one, window) for one in range(data) for window in range(windows)]
    return {
        tuple(sorted(chosen, key=lambda one: (one.window, one.trigger_data)))
        for size in range(reports + 1)
        for chosen in combinations_with_replacement(pairs, size)
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_the_state_count_is_the_number_of_ways_to_make_reports(shape: tuple[int, int, int]) -> None:
    assert state_count(*shape) == len(every_state(*shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_indices_decode_to_every_state_once(shape: tuple[int, int, int]) -> None:
    registration = shaped(*shape)
    decoded = [reports_of_state(registration, index) for index in range(states_of(registration))]
    found = [tuple(sorted(state, key=lambda one: (one.window, one.trigger_data))) for state in decoded]
    assert len(set(found)) == len(found)
    assert set(found) == every_state(*shape)


def test_the_first_state_makes_no_report() -> None:
    assert reports_of_state(a_source(), 0) == ()


def test_the_last_state_makes_every_report_of_the_last_trigger_data_and_window() -> None:
    registration = a_source(trigger_data=(3, 5, 4_294_967_295))
    last = states_of(registration) - 1
    assert reports_of_state(registration, last) == (FakeReport(4_294_967_295, 2),) * 3


def test_a_state_among_the_most_that_a_header_can_ask_for_is_decoded() -> None:
    registration = shaped(32, 5, 20)
    assert states_of(registration) == comb(180, 20)
    assert reports_of_state(registration, comb(180, 20) - 1) == (FakeReport(31, 4),) * 20


def test_reports_are_given_as_trigger_data_not_as_positions() -> None:
    registration = a_source(trigger_data=(7, 9), event_report_windows=EventReportWindows(0, (DAY,)))
    assert {
        one.trigger_data for index in range(states_of(registration)) for one in reports_of_state(registration, index)
    } == {
        7,
        9,
    }


@pytest.mark.parametrize(
    ("registration", "states", "rate"),
    [
        (a_source(), 2925, 0.0024263),
        (an_event_source(), 3, 0.0000025),
        (an_event_source(max_event_level_reports=6), 28, 0.0000233),
        (an_event_source(event_report_windows=EventReportWindows(0, (HOUR, DAY))), 5, 0.0000042),
        (a_source(event_report_windows=EventReportWindows(0, (DAY,))), 165, 0.0001372),
        (a_source(event_report_windows=EventReportWindows(0, (2 * DAY, DAY * 7))), 969, 0.0008051),
        (a_source(max_event_level_reports=0), 1, 8e-7),
        (a_source(trigger_data=()), 1, 8e-7),
    ],
)
def test_rates_are_those_that_chromium_reports(registration: SourceRegistration, states: int, rate: float) -> None:
    assert states_of(registration) == states
    assert round(flip_rate(states, 14), 7) == rate


@pytest.mark.parametrize("states", [1, 2, 2925])
def test_epsilon_0_always_draws(states: int) -> None:
    assert flip_rate(states, 0) == 1
    assert channel_capacity(states, 0) == 0


@pytest.mark.parametrize("states", [2, 3, 10, 165])
@pytest.mark.parametrize("epsilon", [0.1, 1, 5, 14])
def test_the_capacity_is_what_a_uniform_input_tells_through_the_channel(states: int, epsilon: float) -> None:
    rate = flip_rate(states, epsilon)
    right, wrong = 1 - rate + rate / states, rate / states
    assert channel_capacity(states, epsilon) == pytest.approx(
        log2(states) + right * log2(right) + (states - 1) * wrong * log2(wrong), abs=1e-9
    )


@pytest.mark.parametrize("epsilon", [800, inf])
def test_a_boundless_epsilon_never_draws_and_tells_the_whole_state(epsilon: float) -> None:
    assert flip_rate(2925, epsilon) == 0
    assert channel_capacity(2925, epsilon) == log2(2925)


def test_a_source_of_one_state_tells_nothing() -> None:
    assert channel_capacity(1, 14) == 0


def test_the_default_navigation_source_lies_just_under_the_interop_limit() -> None:
    assert channel_capacity(2925, 14) == pytest.approx(11.46173, abs=5e-6)


def test_scopes_add_their_event_states_to_the_states() -> None:
    assert scopes_channel_capacity(2925, 3, 1) == log2(2925)
    assert scopes_channel_capacity(2000, 12, 5) == 11  # 2000 + 12 * 4 = 2^11
