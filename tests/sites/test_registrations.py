"""What adtech.test registers is what the browser's rules accept, and adds up as the API's worked example says."""

from __future__ import annotations

import pytest

from agent.engines.attribution_reporting.grease import COMBINATIONS, eligible_header
from agent.engines.attribution_reporting.source_registration import parse_source_registration
from agent.engines.attribution_reporting.trigger_registration import parse_trigger_registration
from agent.model.attribution_reporting.eligibility import Eligibility
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import SourceType
from sites.registrations import (
    bucket_meanings,
    eligible_for,
    field_value,
    source_registration,
    trigger_registration,
)
from sites.story import CAMPAIGNS, PRODUCTS, Campaign, Product

LIMITS = AttributionReportingLimits()


@pytest.mark.parametrize("clicked", [False, True])
@pytest.mark.parametrize("campaign", CAMPAIGNS, ids=lambda campaign: str(campaign.label))
def test_the_browser_accepts_the_source_without_a_complaint(campaign: Campaign, clicked: bool) -> None:
    value = field_value(source_registration(campaign, clicked=clicked)).encode()
    parsed = parse_source_registration(value, SourceType.NAVIGATION if clicked else SourceType.EVENT, LIMITS)
    assert parsed.value is not None
    assert (parsed.errors, parsed.warnings) == ((), ())
    assert parsed.value.destinations == ("https://shop.test",)


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: str(product.slug))
def test_the_browser_accepts_the_trigger_without_a_complaint(product: Product) -> None:
    parsed = parse_trigger_registration(field_value(trigger_registration(product)).encode(), LIMITS)
    assert parsed.value is not None
    assert (parsed.errors, parsed.warnings) == ((), ())


def test_the_first_campaign_and_the_lamp_are_the_worked_example() -> None:
    # AGGREGATE.md: campaign 345 of 511, region 5; a purchase is 2 << 9, its category 21 << 7; 52 of at most 1,024.
    source = source_registration(CAMPAIGNS[0], clicked=True)
    trigger = trigger_registration(PRODUCTS[0])
    assert source["aggregation_keys"] == {"campaignCounts": "0x159", "geoValue": "0x5"}
    assert [entry["key_piece"] for entry in trigger["aggregatable_trigger_data"]] == ["0x400", "0xa80"]
    assert trigger["aggregatable_values"] == {"campaignCounts": 32_768, "geoValue": 1664}


def test_one_purchase_of_anything_fits_into_the_budget_of_an_ad_and_a_second_does_not() -> None:
    for product in PRODUCTS:
        spent = sum(trigger_registration(product)["aggregatable_values"].values())
        assert spent <= LIMITS.aggregatable_budget_per_source < 2 * spent


def test_every_bucket_has_one_meaning() -> None:
    meanings = bucket_meanings()
    assert len(meanings) == len(CAMPAIGNS) + len(PRODUCTS)
    assert meanings["0x559"] == {
        "key": "campaignCounts",
        "text": "Front page banner",
        "scale": 32_768,
        "unit": "bought",
    }
    assert meanings["0xa85"]["text"] == "region 5, Heron desk lamp"
    assert 1664 / meanings["0xa85"]["scale"] == 52


@pytest.mark.parametrize("eligibility", [one for one in Eligibility if one is not Eligibility.UNSET])
def test_the_browsers_request_field_is_read_whatever_is_varied_in_it(eligibility: Eligibility) -> None:
    known = {"event-source", "navigation-source", "trigger"}
    for bits in range(COMBINATIONS):
        assert eligible_for(eligible_header(eligibility, bits) or "") & known == set(eligibility.keys)
