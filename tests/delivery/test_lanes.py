"""Who stands in which line, and in which order."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

from agent.delivery.lanes import LINE_LENGTH, Lane, lanes
from agent.model.interfaces import DueReport
from agent.model.reports import ReportKind
from agent.model.rng import SeededRng


def due(*kinds: ReportKind) -> list[DueReport]:
    return [DueReport(position, kind) for position, kind in enumerate(kinds, start=1)]


def test_every_kind_has_one_lane() -> None:
    kinds = [kind for lane in lanes() for kind in lane.kinds]
    assert Counter(kinds) == Counter(ReportKind)


def test_a_line_is_as_long_as_what_is_shuffled_together() -> None:
    assert {lane.length for lane in lanes()} == {LINE_LENGTH}


def test_what_needs_a_coordinators_key_waits_in_a_lane_of_its_own() -> None:
    (_, sealed) = lanes()
    kinds = {ReportKind.AGGREGATABLE, ReportKind.PRIVATE_AGGREGATION}
    copies = {ReportKind.AGGREGATABLE_DEBUG, ReportKind.AGGREGATE_DEBUG, ReportKind.PRIVATE_AGGREGATION_DEBUG}
    assert set(sealed.kinds) == kinds | copies


def test_a_debug_copy_stands_before_its_report() -> None:
    lane = Lane((), capacity=9)
    lane.line_up(due(ReportKind.PRIVATE_AGGREGATION, ReportKind.PRIVATE_AGGREGATION_DEBUG), SeededRng(1))
    assert lane.take() == [2, 1]


def test_those_for_whom_there_is_room_leave_the_line_from_its_front() -> None:
    lane = Lane((ReportKind.VERBOSE_DEBUG,), capacity=3)
    lane.line_up(due(*[ReportKind.VERBOSE_DEBUG] * 4), SeededRng(1))
    lane.running = 1
    assert lane.take() == [1, 2]
    lane.running = 3
    assert lane.take() == []
    lane.running = 0
    assert lane.take() == [3, 4]


def test_every_order_of_shuffled_reports_is_as_likely_as_every_other() -> None:
    rng, seen = SeededRng(3), Counter[tuple[int, ...]]()
    for _ in range(2_400):
        lane = Lane((ReportKind.EVENT_LEVEL,), capacity=4)
        lane.line_up(due(*[ReportKind.EVENT_LEVEL] * 4), rng)
        seen[tuple(lane.take())] += 1
    assert set(seen) == set(permutations((1, 2, 3, 4)))
    # Chi-square with 23 degrees of freedom; 49.7 is exceeded once in a thousand.
    assert sum((count - 100) ** 2 / 100 for count in seen.values()) < 49.7


def test_conversion_and_debug_reports_stand_in_front_in_the_order_in_which_they_are_due() -> None:
    lane = Lane((), capacity=9)
    shuffled, plain = ReportKind.EVENT_LEVEL, ReportKind.ATTRIBUTION_CONVERSION
    lane.line_up(due(shuffled, plain, shuffled, ReportKind.EVENT_LEVEL_DEBUG, plain), SeededRng(1))
    taken = lane.take()
    assert taken[:3] == [2, 4, 5]
    assert sorted(taken[3:]) == [1, 3]
