"""Zeros dropped, equal keys merged, the first keys kept (private-aggregation section 3)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.engines.private_aggregation.contributions import (
    MAX_UNCAUGHT_ERROR_CONTRIBUTIONS,
    merge,
    sorted_for_payload,
    triggered,
)
from agent.model.attribution_reporting.reports import Contribution
from agent.model.private_aggregation import ConditionalContribution, ErrorEvent
from tests.engines.private_aggregation.contributing import MAX_BUCKET, calls

CALLS = st.lists(st.builds(Contribution, st.integers(0, 5), st.integers(0, 9), st.integers(0, 2)), max_size=40)


def test_calls_of_one_bucket_and_filtering_id_add_up() -> None:
    assert merge(calls((7, 1), (8, 5), (7, 2)), 20).contributions == calls((7, 3), (8, 5))


def test_another_filtering_id_keeps_a_bucket_apart() -> None:
    assert merge(calls((7, 1), (7, 1, 1), (7, 1, 255)), 20).contributions == calls((7, 1), (7, 1, 1), (7, 1, 255))


def test_a_value_of_0_is_dropped_and_takes_no_place() -> None:
    merged = merge(calls((1, 0), (2, 0), (3, 4)), 1)
    assert (merged.contributions, merged.zeros, merged.dropped) == (calls((3, 4)), 2, ())


def test_sums_saturate_at_the_greatest_int32() -> None:
    assert merge(calls((1, 2**31 - 1), (1, 1)), 20).contributions == calls((1, 2**31 - 1))


def test_the_first_20_distinct_keys_stay_and_the_21st_is_dropped() -> None:
    merged = merge(calls(*((bucket, 1) for bucket in range(30, 0, -1))), 20)
    assert merged.contributions == calls(*((bucket, 1) for bucket in range(30, 10, -1)))
    assert merged.dropped == calls(*((bucket, 1) for bucket in range(10, 0, -1)))


def test_a_later_call_with_a_key_that_stayed_still_merges_when_the_report_is_full() -> None:
    assert merge(calls((1, 1), (2, 1), (3, 1), (1, 4)), 2).contributions == calls((1, 5), (2, 1))


def test_a_payload_is_sorted_by_bucket_then_by_filtering_id() -> None:
    shuffled = calls((9, 1), (3, 1, 2), (MAX_BUCKET, 1), (3, 1, 1), (0, 1), (3, 1))
    assert sorted_for_payload(shuffled) == calls((0, 1), (3, 1), (3, 1, 1), (3, 1, 2), (9, 1), (MAX_BUCKET, 1))


@given(CALLS, st.integers(1, 10))
def test_merging_is_what_adding_up_one_call_after_the_other_gives(made: list[Contribution], length: int) -> None:
    keys: list[tuple[int, int]] = []
    for call in made:
        if call.value and (call.bucket, call.filtering_id) not in keys:
            keys.append((call.bucket, call.filtering_id))
    merged = merge(made, length)
    sums = [sum(c.value for c in made if (c.bucket, c.filtering_id) == key) for key in keys[:length]]
    assert [(one.bucket, one.filtering_id) for one in merged.contributions] == keys[:length]
    assert [one.value for one in merged.contributions] == sums
    assert merged.total == sum(sums)
    assert merged.total + sum(one.value for one in merged.dropped) == sum(one.value for one in made)


def test_conditional_contributions_of_events_that_happened_come_in_the_order_of_events_then_of_calls() -> None:
    waiting = [
        ConditionalContribution(ErrorEvent.UNCAUGHT_ERROR, Contribution(1, 1)),
        ConditionalContribution(ErrorEvent.REPORT_SUCCESS, Contribution(2, 1)),
        ConditionalContribution(ErrorEvent.UNCAUGHT_ERROR, Contribution(0, 1)),
        ConditionalContribution(ErrorEvent.EMPTY_REPORT_DROPPED, Contribution(4, 1)),
    ]
    happened = {ErrorEvent.UNCAUGHT_ERROR, ErrorEvent.EMPTY_REPORT_DROPPED}
    assert triggered(waiting, happened) == calls((4, 1), (1, 1), (0, 1))


def test_at_most_10000_calls_wait_for_an_uncaught_error() -> None:
    assert MAX_UNCAUGHT_ERROR_CONTRIBUTIONS == 10_000
    for event, kept in ((ErrorEvent.UNCAUGHT_ERROR, 10_000), (ErrorEvent.REPORT_SUCCESS, 10_001)):
        waiting = [ConditionalContribution(event, Contribution(number, 1)) for number in range(10_001)]
        assert triggered(waiting, {event}) == calls(*((number, 1) for number in range(kept)))
