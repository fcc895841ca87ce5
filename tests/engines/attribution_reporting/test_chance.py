import re
from collections import Counter
from math import sqrt

import pytest

from agent.engines.attribution_reporting.chance import RngChance
from agent.engines.attribution_reporting.randomized_response import flip_rate, reports_of_state, states_of
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import EventReportWindows
from agent.model.clock import DAY, MINUTE
from agent.model.rng import SeededRng
from tests.engines.attribution_reporting.registration_world import a_source

DRAWS = 30_000
LIMITS = AttributionReportingLimits()
FIFTEEN_STATES = a_source(
    trigger_data=(0, 1), event_report_windows=EventReportWindows(0, (DAY, 2 * DAY)), max_event_level_reports=2
)
CHI_SQUARE = {9: 27.88, 14: 36.12, 30: 59.70}
"""The value that chance exceeds once in a thousand, by degrees of freedom."""


def chi_square(counts: list[int]) -> float:
    expected = sum(counts) / len(counts)
    return sum((count - expected) ** 2 / expected for count in counts)


def within_four_sigmas(count: int, draws: int, rate: float) -> bool:
    return abs(count - draws * rate) < 4 * sqrt(draws * rate * (1 - rate))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_state_of_the_randomised_response_is_as_likely_as_the_others(seed: int) -> None:
    chance = RngChance(SeededRng(seed))
    drawn = Counter(chance.randomized_response(FIFTEEN_STATES, 1) for _ in range(DRAWS))
    states = [reports_of_state(FIFTEEN_STATES, index) for index in range(states_of(FIFTEEN_STATES))]
    assert set(drawn) == set(states)
    assert chi_square([drawn[state] for state in states]) < CHI_SQUARE[14]


@pytest.mark.parametrize("epsilon", [1, 3, 5])
def test_the_response_is_drawn_at_the_flip_rate(epsilon: float) -> None:
    chance, rate = RngChance(SeededRng(4)), flip_rate(15, epsilon)
    drawn = sum(chance.randomized_response(FIFTEEN_STATES, rate) is not None for _ in range(DRAWS))
    assert within_four_sigmas(drawn, DRAWS, rate)


def test_rate_0_is_always_the_truth() -> None:
    chance = RngChance(SeededRng(5))
    assert {chance.randomized_response(FIFTEEN_STATES, 0) for _ in range(1000)} == {None}


@pytest.mark.parametrize("rate", [LIMITS.null_report_rate_exclude, LIMITS.null_report_rate_include])
def test_null_reports_come_at_their_rate(rate: float) -> None:
    chance = RngChance(SeededRng(6))
    assert within_four_sigmas(sum(chance.null_report(rate, 0) for _ in range(DRAWS)), DRAWS, rate)


def test_null_reports_do_not_depend_on_the_day() -> None:
    chance = RngChance(SeededRng(7))
    by_day = [sum(chance.null_report(0.5, day) for _ in range(2000)) for day in range(31)]
    # A variance of 2000 / 4 against an expectation of 1000 halves the statistic of a Poisson count.
    assert sum((count - 1000) ** 2 / 500 for count in by_day) < CHI_SQUARE[30]


def test_delays_are_uniform_over_the_span() -> None:
    chance = RngChance(SeededRng(8))
    delays = [chance.aggregatable_delay(0, 10 * MINUTE) for _ in range(DRAWS)]
    assert min(delays) >= 0
    assert max(delays) < 10 * MINUTE
    by_minute = Counter(delay // MINUTE for delay in delays)
    assert chi_square([by_minute[minute] for minute in range(10)]) < CHI_SQUARE[9]


def test_delays_start_at_the_minimum() -> None:
    chance = RngChance(SeededRng(9))
    assert {chance.aggregatable_delay(600, 3) for _ in range(200)} == {600, 601, 602}
    assert chance.aggregatable_delay(600, 0) == 600


def test_report_ids_are_distinct_lower_case_uuids_of_version_4() -> None:
    chance = RngChance(SeededRng(10))
    ids = {chance.report_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", one) for one in ids)
