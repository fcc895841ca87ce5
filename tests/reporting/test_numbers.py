from __future__ import annotations

import pytest

from agent.reporting.numbers import significant


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (6553.6, 6, "6,553.6"),
        (131_072.0, 6, "131,072"),
        (1_310_720.0, 6, "1,310,720"),
        (9268.19, 4, "9,268"),
        (46_340.95, 4, "46,341"),
        (999.96, 4, "1,000"),
        (5.6421, 4, "5.642"),
        (0.28284, 4, "0.2828"),
        (-46_340.95, 4, "-46,341"),
        (4.0, 6, "4"),
    ],
)
def test_a_number_has_its_digits_and_no_power_of_ten(value: float, digits: int, text: str) -> None:
    assert significant(value, digits) == text
