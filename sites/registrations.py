"""What adtech.test registers with Attribution Reporting: the JSON of its two response fields, and how it reads it back.

The numbers are those of the worked example in the API's explainer: a key is a campaign or a place, joined by a
bitwise or with what was bought; the budget of 65,536 for each ad is halved between counting purchases and adding up
their prices.
"""

from __future__ import annotations

import json
from typing import Any

from sites import story

REGISTER_SOURCE = "Attribution-Reporting-Register-Source"
REGISTER_TRIGGER = "Attribution-Reporting-Register-Trigger"
ELIGIBLE = "Attribution-Reporting-Eligible"
"""Request field: what the browser will take from the response."""

COUNT_KEY, PRICE_KEY = "campaignCounts", "geoValue"
COUNT_VALUE = 32_768
"""What one purchase adds to its campaign: half of the budget of 65,536."""
VALUE_OF_A_EURO = 32
"""The other half, for prices up to 1,024 euros."""
EPSILON = 10.0
"""With which the sums are asked for, the service's default: noise of scale 6,553.6 on each bucket.

That is a fifth of a purchase, and 205 euros: a price fills little of its half of the budget, and drowns.
"""
PURCHASE = 2 << 9
"""Kind of conversion, beyond the 9 bits of the campaign's number."""
CATEGORY_BITS = 7
"""The product's category stands beyond the 7 bits of the region."""
REGION = 5
WINDOWS = (172_800, 604_800, 2_592_000)
"""Seconds after the ad at whose ends event-level reports leave: 2, 7 and 30 days."""
CLICK_PRIORITY = 1
"""A click is credited before a view, whichever came last."""


def source_registration(campaign: story.Campaign, *, clicked: bool) -> dict[str, Any]:
    """What an ad of ``campaign`` registers when it is seen, or clicked."""
    registration: dict[str, Any] = {
        "source_event_id": str(campaign.number),
        "destination": story.HOSTS[2].origin,
        "filter_data": {"product": [campaign.product]},
        "aggregation_keys": {COUNT_KEY: hex(campaign.number), PRICE_KEY: hex(REGION)},
        "expiry": str(WINDOWS[-1]),
        "event_report_windows": {"end_times": list(WINDOWS)},
        "aggregatable_report_window": str(WINDOWS[-1]),
    }
    if clicked:
        registration["priority"] = str(CLICK_PRIORITY)
    if campaign.debugged:
        registration |= {"debug_key": str(campaign.number), "debug_reporting": True}
    return registration


def trigger_registration(product: story.Product) -> dict[str, Any]:
    """What a purchase of ``product`` registers."""
    return {
        "event_trigger_data": [
            {"trigger_data": "1", "filters": {"product": [product.slug]}},
            {"trigger_data": "0"},
        ],
        "aggregatable_trigger_data": [
            {"key_piece": hex(PURCHASE), "source_keys": [COUNT_KEY]},
            {"key_piece": hex(product.category << CATEGORY_BITS), "source_keys": [PRICE_KEY]},
        ],
        "aggregatable_values": {COUNT_KEY: COUNT_VALUE, PRICE_KEY: product.price * VALUE_OF_A_EURO},
        "debug_key": str(product.category),
        "debug_reporting": True,
    }


def field_value(registration: dict[str, Any]) -> str:
    """``registration`` as the value of its response field."""
    return json.dumps(registration, separators=(",", ":"))


def eligible_for(value: str) -> frozenset[str]:
    """The keys of an ``Attribution-Reporting-Eligible`` field; all else in it is there to be ignored."""
    members = (member.partition(";")[0].partition("=")[0].strip() for member in value.split(","))
    return frozenset(members) - {""}


def bucket_meanings() -> dict[str, dict[str, Any]]:
    """What each bucket of an opened report stands for: ``{"0x559": {"key", "text", "scale", "unit"}}``.

    A value divided by ``scale`` is a number of ``unit``.
    """
    counts = {
        hex(campaign.number | PURCHASE): {
            "key": COUNT_KEY,
            "text": campaign.label,
            "scale": COUNT_VALUE,
            "unit": "bought",
        }
        for campaign in story.CAMPAIGNS
    }
    prices = {
        hex(REGION | product.category << CATEGORY_BITS): {
            "key": PRICE_KEY,
            "text": f"region {REGION}, {product.name}",
            "scale": VALUE_OF_A_EURO,
            "unit": "€",
        }
        for product in story.PRODUCTS
    }
    return counts | prices
