"""Randomised response of event-level reports: state counts, flip rate, channel capacity, and what a state says.

Engine, section 2.3. A state says which reports a source makes: at most ``max_event_level_reports`` pairs of trigger
data and window, in any order, with repetition.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import comb, exp, log2

from agent.model.attribution_reporting.facts import FakeReport
from agent.model.attribution_reporting.registrations import SourceRegistration

RATE_DIGITS = 7
"""Decimals of ``randomized_trigger_rate`` in reports."""


def states_of(registration: SourceRegistration) -> int:
    """How many output states the event-level side of a source has."""
    return state_count(
        len(registration.trigger_data),
        len(registration.event_report_windows.end_times),
        registration.max_event_level_reports,
    )


@lru_cache(maxsize=4096)
def state_count(trigger_data: int, windows: int, reports: int) -> int:
    """C(trigger_data * windows + reports, reports), exactly; 1 where no report is possible."""
    return comb(trigger_data * windows + reports, reports)


@lru_cache(maxsize=4096)
def flip_rate(states: int, epsilon: float) -> float:
    """The probability that the response is drawn from all states; ``states`` >= 1, ``epsilon`` >= 0 or infinite."""
    odds = exp(-epsilon)  # a large epsilon would overflow the other way round
    return states * odds / (1 + (states - 1) * odds)


@lru_cache(maxsize=4096)
def channel_capacity(states: int, epsilon: float) -> float:
    """Bits that a source of that many states can tell: the capacity of a symmetric channel."""
    rate = flip_rate(states, epsilon)
    if rate == 1:
        return 0.0
    wrong = rate * (states - 1) / states
    if wrong == 0:
        return log2(states)
    return log2(states) + wrong * log2(wrong) + (1 - wrong) * log2(1 - wrong) - wrong * log2(states - 1)


def scopes_channel_capacity(states: int, max_event_states: int, limit: int) -> float:
    """Bits that attribution scopes add to: log2(states + max_event_states * (limit - 1))."""
    return log2(states + max_event_states * (limit - 1))


def reports_of_state(registration: SourceRegistration, index: int) -> tuple[FakeReport, ...]:
    """The reports of state ``index``, in 0 .. :func:`states_of` - 1, by stars and bars.

    Each possible report is a star somewhere among the n * w bars of n trigger data and w windows. A star before every
    bar is no report; one behind b bars is trigger data (b - 1) mod n, in sorted order, of window (b - 1) div n.
    """
    trigger_data, reports = registration.trigger_data, registration.max_event_level_reports
    found = []
    for star, place in zip(range(reports - 1, -1, -1), _combination(index, reports), strict=True):
        bars = place - star  # below a place there are `star` stars
        if bars:
            window, position = divmod(bars - 1, len(trigger_data))
            found.append(FakeReport(trigger_data[position], window))
    return tuple(found)


def _combination(index: int, size: int) -> Iterator[int]:
    """The places, greatest first, of combination number ``index`` in the combinatorial number system."""
    for left in range(size, 0, -1):
        place = left - 1
        while comb(place + 1, left) <= index:
            place += 1
        index -= comb(place, left)
        yield place
