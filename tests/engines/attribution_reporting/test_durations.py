import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engines.attribution_reporting.durations import duration_text
from agent.model.clock import DAY, HOUR, MINUTE, parse_duration


@pytest.mark.parametrize(
    ("duration", "text"),
    [(0, "0s"), (2 * DAY, "2d"), (90 * MINUTE, "1h30m"), (DAY - 1, "23h59m59s999ms"), (HOUR + 5, "1h5ms")],
)
def test_a_duration_is_told_exactly(duration: int, text: str) -> None:
    assert duration_text(duration) == text


@given(st.integers(0, 100 * DAY))
def test_the_clock_reads_it_back(duration: int) -> None:
    assert parse_duration(duration_text(duration)) == duration
