"""The worked examples of the seed dialect: budget 1 epsilon per site and week, last touch, newest week first."""

from __future__ import annotations

from typing import Any

import pytest

from agent.model.attribution import BudgetKind
from agent.model.clock import DAY
from agent.verbs.attribution import Outcome
from tests.attribution_world import SEED, World, week

ZEROS = [0, 0, 0, 0]
EPSILON = 1_000_000


class Level1:
    """The seed dialect on ``pub.example``, measured on ``adv.example``."""

    def __init__(self) -> None:
        self.world = World(now=week(0))

    def impression(self, ad: str, index: int, site: str = "adv.example", **options: Any) -> None:
        outcome = self.world.save(
            "pub.example", dialect=SEED, ad=ad, histogramIndex=index, conversionSite=site, **options
        )
        assert outcome.exception is None

    def measure(self, **options: Any) -> list[int]:
        return self.world.histogram("adv.example", dialect=SEED, **options)

    def refused(self, **options: Any) -> Outcome:
        return self.world.measure("adv.example", dialect=SEED, **options)

    def charged(self) -> dict[int, int]:
        return self.world.charged(BudgetKind.PER_SITE, "adv.example")


@pytest.fixture
def level1() -> Level1:
    return Level1()


def test_example_1_the_value_goes_to_the_bucket_of_the_impression(level1: Level1) -> None:
    level1.impression("a", 2)
    assert level1.measure(value=3) == [0, 0, 3, 0]
    assert level1.charged() == {0: EPSILON}


def test_example_2_the_second_conversion_finds_the_week_spent(level1: Level1) -> None:
    level1.impression("a", 2)
    assert [level1.measure(), level1.measure()] == [[0, 0, 1, 0], ZEROS]
    assert level1.charged() == {0: EPSILON}


def test_example_3_half_an_epsilon_pays_twice(level1: Level1) -> None:
    level1.impression("a", 2)
    hit = [0, 0, 1, 0]
    assert [level1.measure(epsilon=0.5) for _ in range(3)] == [hit, hit, ZEROS]
    assert level1.charged() == {0: EPSILON}


def test_example_4_the_newest_week_with_a_match_pays_alone(level1: Level1) -> None:
    level1.impression("a", 0)
    level1.world.now = week(1)
    level1.impression("a", 1)
    assert level1.measure() == [0, 1, 0, 0]
    assert level1.charged() == {1: EPSILON}


def test_example_5_no_older_week_is_tried_when_the_newest_is_spent(level1: Level1) -> None:
    level1.impression("a", 0)
    level1.world.now = week(1)
    level1.impression("a", 1)
    level1.measure()
    assert level1.measure() == ZEROS
    assert level1.charged() == {1: EPSILON}


def test_example_6_another_ad_charges_nothing(level1: Level1) -> None:
    level1.impression("a", 0)
    level1.world.now = week(1)
    level1.impression("a", 1)
    assert level1.measure(ads=["b"]) == ZEROS
    assert level1.charged() == {}


def test_example_7_an_index_too_large_gives_zeros_and_is_charged(level1: Level1) -> None:
    level1.impression("a", 9)
    assert level1.measure() == ZEROS
    assert level1.charged() == {0: EPSILON}


def test_example_8_the_latest_impression_wins(level1: Level1) -> None:
    level1.impression("a", 9)
    level1.world.now += 1
    level1.impression("a", 1)
    assert level1.measure() == [0, 1, 0, 0]
    assert level1.charged() == {0: EPSILON}


def test_example_9_the_latest_is_selected_before_the_size_test(level1: Level1) -> None:
    level1.impression("a", 1)
    level1.world.now += 1
    level1.impression("a", 9)
    assert level1.measure() == ZEROS
    assert level1.charged() == {0: EPSILON}


def test_example_10_an_impression_for_another_site_does_not_count(level1: Level1) -> None:
    level1.impression("a", 1, "other.example")
    assert level1.measure() == ZEROS
    assert level1.charged() == {}


@pytest.mark.parametrize(("late", "result", "charged"), [(0, [0, 0, 1, 0], {0: EPSILON}), (1, ZEROS, {})])
def test_example_11_a_lifetime_ends_after_its_last_millisecond(
    level1: Level1, late: int, result: list[int], charged: dict[int, int]
) -> None:
    level1.impression("a", 2, lifetimeDays=2)
    level1.world.now += 2 * DAY + late
    assert level1.measure() == result
    assert level1.charged() == charged


@pytest.mark.parametrize(("late", "result"), [(0, [0, 0, 1, 0]), (1, ZEROS)])
def test_example_12_a_lookback_ends_after_its_last_millisecond(level1: Level1, late: int, result: list[int]) -> None:
    level1.impression("a", 2)
    level1.world.now += DAY + late
    assert level1.measure(lookbackDays=1) == result


def test_example_13_value_0_is_legal_and_charged(level1: Level1) -> None:
    level1.impression("a", 2)
    assert level1.measure(value=0) == ZEROS
    assert level1.charged() == {0: EPSILON}


def test_example_14_disabled_gives_zeros_of_equal_length_and_still_refuses(level1: Level1) -> None:
    level1.impression("a", 2)
    level1.world.enabled = False
    assert level1.measure() == ZEROS
    refused = level1.refused(histogramSize=0)
    assert refused.exception is not None
    assert refused.exception.name == "RangeError"
    assert level1.charged() == {}


def test_example_15_what_is_saved_while_disabled_is_never_used(level1: Level1) -> None:
    level1.world.enabled = False
    level1.impression("a", 2)
    level1.world.enabled = True
    assert level1.measure() == ZEROS
    assert level1.charged() == {}


@pytest.mark.parametrize("by", [None, "pub.example", "frame.example"])
def test_who_measures_changes_neither_what_matches_nor_who_pays(level1: Level1, by: str | None) -> None:
    level1.impression("a", 2)
    level1.impression("a", 1, "frame.example")  # meant for the frame's own site, not for the one it is embedded in
    assert level1.measure(by=by, value=3) == [0, 0, 3, 0]
    assert level1.charged() == {0: EPSILON}
    assert level1.world.charged(BudgetKind.PER_SITE, "frame.example") == {}
