"""What happens in the demo is drawn from the seed alone."""

from __future__ import annotations

from agent.journeys.visits import WEEKS, Browsing, Purchase, SeenAd, plan_visits
from agent.model.clock import WEEK
from agent.model.rng import SeededRng


def test_the_same_seed_plans_the_same_visits() -> None:
    assert plan_visits(SeededRng(3), 20) == plan_visits(SeededRng(3), 20)
    assert plan_visits(SeededRng(3), 20) != plan_visits(SeededRng(4), 20)


def test_visits_come_in_order_of_time_within_the_weeks() -> None:
    visits = plan_visits(SeededRng(3), 20)
    assert [visit.at for visit in visits] == sorted(visit.at for visit in visits)
    assert all(0 <= visit.at < WEEKS * WEEK for visit in visits)


def test_some_ads_are_clicked_and_most_are_only_seen() -> None:
    ads = [visit.what for visit in plan_visits(SeededRng(3), 200) if isinstance(visit.what, SeenAd)]
    # One in three, give or take five standard deviations.
    expected, deviation = len(ads) / 3, (len(ads) * 2 / 9) ** 0.5
    assert abs(sum(ad.clicked for ad in ads) - expected) < 5 * deviation


def test_every_user_sees_an_ad_before_buying_so_that_the_batch_is_large_enough() -> None:
    visits = plan_visits(SeededRng(3), 20)
    for user in range(1, 21):
        mine = [visit.what for visit in visits if visit.user == user and not isinstance(visit.what, Browsing)]
        assert isinstance(mine[0], SeenAd)
        assert any(isinstance(what, Purchase) for what in mine)


def test_half_of_the_users_look_around_in_the_shop_each_week() -> None:
    visits = [visit for visit in plan_visits(SeededRng(3), 200) if isinstance(visit.what, Browsing)]
    assert {visit.at // WEEK for visit in visits} == set(range(WEEKS))
    # One half of 600 user weeks, give or take five standard deviations.
    assert abs(len(visits) - 300) < 5 * (600 / 4) ** 0.5
    assert len({(visit.user, visit.at // WEEK) for visit in visits}) == len(visits)
