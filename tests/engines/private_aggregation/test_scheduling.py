"""How long a report is, whether it leaves in any case, and when (private-aggregation sections 2 to 4)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from agent.engines.private_aggregation.scheduling import (
    contribution_limit,
    is_deterministic,
    reasons_for_a_report,
    scheduled_report_time,
)
from agent.model.clock import MINUTE
from agent.model.private_aggregation import PrivateAggregationConfig
from agent.model.rng import Draw, SeededRng
from tests.engines.private_aggregation.contributing import (
    CONTEXT,
    LIMITS,
    NOON,
    PROTECTED_AUDIENCE,
    SHARED_STORAGE,
    batch,
)

SAMPLES = 5_000
NAMES = ("contextId", "filteringIdMaxBytes", "maxContributions")


@pytest.mark.parametrize(
    ("asked", "length"), [(None, 20), (1, 1), (19, 19), (30, 30), (1000, 1000), (1001, 1000), (2**64 - 1, 1000)]
)
def test_a_report_of_shared_storage_has_20_contributions_or_as_many_as_asked_up_to_1000(
    asked: int | None, length: int
) -> None:
    config = PrivateAggregationConfig(max_contributions=asked)
    assert contribution_limit(SHARED_STORAGE, config, LIMITS) == length


def test_a_report_of_protected_audience_has_100_contributions() -> None:
    assert contribution_limit(PROTECTED_AUDIENCE, PrivateAggregationConfig(), LIMITS) == 100


@pytest.mark.parametrize(
    ("config", "reasons"),
    [
        (PrivateAggregationConfig(), ()),
        (PrivateAggregationConfig(context_id=""), NAMES[:1]),
        (PrivateAggregationConfig(context_id="c"), NAMES[:1]),
        (PrivateAggregationConfig(filtering_id_max_bytes=2), NAMES[1:2]),
        (PrivateAggregationConfig(filtering_id_max_bytes=1), ()),
        (PrivateAggregationConfig(max_contributions=20), ()),
        (PrivateAggregationConfig(max_contributions=21), NAMES[2:]),
        (PrivateAggregationConfig(coordinator="https://second.test"), ()),
        (PrivateAggregationConfig("c", 8, None, 1), NAMES),
    ],
)
def test_a_report_leaves_in_any_case_for_a_context_id_wider_ids_or_another_length(
    config: PrivateAggregationConfig, reasons: tuple[str, ...]
) -> None:
    assert reasons_for_a_report(SHARED_STORAGE, config, LIMITS) == reasons
    assert is_deterministic(SHARED_STORAGE, config, LIMITS) is bool(reasons)


def test_a_number_beyond_what_can_be_set_is_another_length_only_if_what_it_is_cut_to_is() -> None:
    limits = replace(LIMITS, max_settable_contributions=20)
    assert not is_deterministic(SHARED_STORAGE, PrivateAggregationConfig(max_contributions=500), limits)


def test_protected_audience_is_never_deterministic() -> None:
    config = PrivateAggregationConfig("c", 8, None, 1)
    assert not is_deterministic(PROTECTED_AUDIENCE, config, LIMITS)


@pytest.mark.parametrize("ended_after", [0, 10, 4_999, 5_000, 60_000])
def test_a_deterministic_report_is_due_5_1_seconds_after_the_start_whenever_the_operation_ended(
    ended_after: int,
) -> None:
    due = scheduled_report_time(batch(config=CONTEXT), LIMITS, now=NOON + ended_after, rng=SeededRng(1))
    assert due == NOON + 5_100


def test_in_developer_mode_every_report_is_due_at_once() -> None:
    limits = replace(LIMITS, developer_mode=True)
    for config in (CONTEXT, PrivateAggregationConfig()):
        assert scheduled_report_time(batch(config=config), limits, now=NOON + 7, rng=SeededRng(1)) == NOON + 7


def test_without_a_span_the_delay_is_the_least() -> None:
    limits = replace(LIMITS, report_delay_span=0)
    assert scheduled_report_time(batch(), limits, now=NOON, rng=SeededRng(1)) == NOON + 100 + 10 * MINUTE


class Greatest(SeededRng):
    """Draws the greatest number there is."""

    def below(self, draw: Draw, bound: int) -> int:
        assert draw is Draw.PRIVATE_AGGREGATION_DELAY
        return bound - 1


def test_the_longest_delay_is_just_below_an_hour() -> None:
    due = scheduled_report_time(batch(), LIMITS, now=NOON, rng=Greatest(1))
    assert due == NOON + 100 + 60 * MINUTE - 1


def test_the_delay_is_uniform_from_10_minutes_to_an_hour() -> None:
    rng = SeededRng(20260105)
    dues = [scheduled_report_time(batch(), LIMITS, now=NOON, rng=rng) for _ in range(SAMPLES)]
    delays = [due - NOON - 100 for due in dues]
    assert all(10 * MINUTE <= delay < 60 * MINUTE for delay in delays)
    # 50 cells of a minute: chi-square with 49 degrees of freedom exceeds 94.6 with probability 1e-4.
    cells = Counter(delay // MINUTE for delay in delays)
    expected = SAMPLES / 50
    assert sum((cells[cell] - expected) ** 2 / expected for cell in range(10, 60)) < 94.6
    # The mean is 35 min with a standard deviation of 50 min / sqrt(12 * 5000): 4 of them, with probability 6.3e-5.
    assert abs(sum(delays) / SAMPLES - 35 * MINUTE) < 4 * 50 * MINUTE / (12 * SAMPLES) ** 0.5
