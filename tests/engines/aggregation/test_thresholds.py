"""agent.engines.aggregation.thresholds: strict, exact in decimals, and with the service's own numbers."""

from __future__ import annotations

import pytest

from agent.engines.aggregation.thresholds import exceeds, key_threshold, stops_early
from agent.model.aggregation import JobParameters


@pytest.mark.parametrize(
    ("failed", "total", "percentage", "expected"),
    [
        (0, 0, 0.0, False),
        (0, 10, 0.0, False),
        (1, 10, 0.0, True),
        (1, 10, 10.0, False),  # exactly the share is allowed
        (2, 10, 10.0, True),
        (1, 9, 10.0, True),
        (10, 10, 100.0, False),
        (0, 0, 100.0, False),
        (57, 100, 57.0, False),  # 100 * 0.57 is 56.99999999999999 in doubles
        (29, 100, 29.0, False),
        (7, 1_000, 0.7, False),
        (8, 1_000, 0.7, True),
        (10**17 + 1, 10**18, 10.0, True),
    ],
)
def test_the_share_of_failed_reports_must_exceed_the_percentage(
    failed: int, total: int, percentage: float, expected: bool
) -> None:
    assert exceeds(failed, total, percentage) is expected


@pytest.mark.parametrize(
    ("count", "percentage", "allowed"),
    [
        (100, 10.0, 10),
        (5, 10.0, 1),  # 0.5 rounds up
        (4, 10.0, 0),  # 0.4 rounds down
        (15, 10.0, 2),  # 1.5 rounds up
        (25, 10.0, 3),  # 2.5 too: not to the even number
        (0, 10.0, 0),
        (1_000, 0.05, 1),
        (2**63 - 1, 100.0, 2**63 - 1),
    ],
)
def test_reading_stops_above_the_rounded_share_of_the_expected_reports(
    count: int, percentage: float, allowed: int
) -> None:
    parameters = JobParameters(report_error_threshold_percentage=percentage, input_report_count=count)
    assert not stops_early(allowed, parameters)
    assert stops_early(allowed + 1, parameters)


def test_without_an_expected_count_reading_goes_on() -> None:
    assert not stops_early(10**9, JobParameters(report_error_threshold_percentage=0.1))


@pytest.mark.parametrize("count", [None, 0, 1_000])
def test_where_nothing_may_fail_the_first_failure_stops_even_without_a_count(count: int | None) -> None:
    parameters = JobParameters(report_error_threshold_percentage=0.0, input_report_count=count)
    assert not stops_early(0, parameters)
    assert stops_early(1, parameters)


@pytest.mark.parametrize(
    ("l1", "epsilon", "threshold"),
    [(1, 1.0, 12.512925464970229), (65_536, 1.0, 820047.0832722889), (65_536, 64.0, 77325.23567612951)],
)
def test_the_threshold_of_keys_is_that_of_the_service(l1: int, epsilon: float, threshold: float) -> None:
    assert key_threshold(epsilon, 1e-5, l1) == pytest.approx(threshold, rel=1e-15)


def test_the_threshold_of_keys_takes_the_service_s_delta_and_sensitivity() -> None:
    assert key_threshold(10.0) == pytest.approx(140_987, abs=1)
    assert key_threshold(64.0) == key_threshold(64.0, 1e-5, 65_536)
