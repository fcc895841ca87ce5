"""The facts that the sites share fit together."""

from __future__ import annotations

from sites.story import (
    AGGREGATION_SERVICE,
    AGGREGATOR,
    CAMPAIGNS,
    EPSILON,
    HISTOGRAM_SIZE,
    HOSTS,
    MAX_VALUE,
    POSTER,
    PRODUCTS,
    TOUR,
    VALUE,
)


def test_the_index_of_a_campaign_is_its_bucket() -> None:
    assert [campaign.index for campaign in CAMPAIGNS] == list(range(HISTOGRAM_SIZE))


def test_every_ad_leads_to_a_product_of_its_own() -> None:
    advertised = [campaign.product for campaign in CAMPAIGNS]
    assert len(set(advertised)) == len(advertised)
    assert set(advertised) <= {product.slug for product in PRODUCTS}


def test_one_purchase_fits_into_the_weekly_budget_with_both_apis() -> None:
    # Charges of one week: the seed dialect epsilon, the current one epsilon * value / maxValue; the budget is 1.
    assert EPSILON + EPSILON * VALUE / MAX_VALUE <= 1


def test_a_second_purchase_of_the_week_does_not_fit() -> None:
    assert 2 * (EPSILON + EPSILON * VALUE / MAX_VALUE) > 1


def test_both_dialects_name_the_same_service() -> None:
    assert f"https://{AGGREGATOR}" == AGGREGATION_SERVICE
    assert AGGREGATOR in {host.name for host in HOSTS}


def test_the_tour_has_five_steps_in_order_each_at_its_own_site() -> None:
    assert [step.number for step in TOUR] == [1, 2, 3, 4, 5]
    assert all(step.url.startswith(f"https://{step.site}.test/") for step in TOUR)


def test_every_picture_of_the_poster_leads_to_a_product_and_its_index_is_its_place() -> None:
    assert {creative.product for creative in POSTER.creatives} <= {product.slug for product in PRODUCTS}
    assert [creative.index for creative in POSTER.creatives] == list(range(len(POSTER.creatives)))


def test_the_poster_hangs_on_more_than_one_site() -> None:
    assert len({host.site for host in HOSTS} & set(POSTER.sites)) == len(POSTER.sites) > 1
