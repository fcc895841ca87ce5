from __future__ import annotations

import pytest

from agent.model.conversion_report import micro_epsilon, report_time


@pytest.mark.parametrize(
    ("epsilon", "paid"),
    [(1, 1_000_000), (0.1, 100_000), (0.3, 300_000), (1e-9, 1), (0.0000015, 2), (4294, 4_294_000_000)],
)
def test_epsilon_is_paid_in_millionths_rounded_up(epsilon: float, paid: int) -> None:
    assert micro_epsilon(epsilon) == paid


@pytest.mark.parametrize(("now", "told"), [(0, 0), (4_999, 0), (5_000, 5_000), (1_767_603_604_321, 1_767_603_600_000)])
def test_a_report_tells_its_time_to_five_seconds(now: int, told: int) -> None:
    assert report_time(now) == told
