"""The ad picture with its response fields, and the two addresses that register ads and purchases."""

from __future__ import annotations

import json
from typing import Any

import http_sf
import pytest
from aiohttp.test_utils import TestClient, TestServer

from sites.ads import save_impression
from sites.registrations import ELIGIBLE, REGISTER_SOURCE, REGISTER_TRIGGER, source_registration, trigger_registration
from sites.story import CAMPAIGNS, PRODUCTS, Campaign
from sites.world import demo_sites
from tests.sites.markup import Page


@pytest.mark.parametrize("campaign", CAMPAIGNS, ids=lambda campaign: str(campaign.label))
def test_the_field_is_a_dictionary_with_the_keys_and_types_of_the_draft(campaign: Campaign) -> None:
    parsed: Any = http_sf.parse(save_impression(campaign).encode(), tltype="dictionary")
    assert {key: value for key, (value, _) in parsed.items() if key != "conversion-sites"} == {
        "histogram-index": campaign.index,
        "match-value": campaign.index,
    }
    sites, _ = parsed["conversion-sites"]
    assert [site for site, _ in sites] == ["shop.test"]


@pytest.mark.parametrize("campaign", CAMPAIGNS, ids=lambda campaign: str(campaign.label))
async def test_the_picture_carries_the_field_and_is_never_stored(campaign: Campaign) -> None:
    async with TestClient(TestServer(demo_sites()["adtech.test"])) as client:
        answer = await client.get(f"/ad.svg?campaign={campaign.index}")
        assert answer.headers["Save-Impression"] == save_impression(campaign)
        assert answer.headers["Cache-Control"] == "no-store"
        assert Page(await answer.text()).elements[0].attributes["aria-label"] == campaign.headline


@pytest.mark.parametrize("query", ["", "?campaign=", "?campaign=4", "?campaign=-1", "?campaign=x", "?campaign=00"])
async def test_an_unknown_campaign_has_no_picture(query: str) -> None:
    async with TestClient(TestServer(demo_sites()["adtech.test"])) as client:
        answer = await client.get(f"/ad.svg{query}")
        assert answer.status == 404
        assert "Save-Impression" not in answer.headers


@pytest.mark.parametrize("path", ["/ad.svg", "/attribution/source"])
@pytest.mark.parametrize(
    ("eligible", "clicked"),
    [("event-source, trigger", False), ("navigation-source", True), ('trigger, event-source="x";y', False)],
)
async def test_a_source_is_registered_in_the_kind_that_the_request_is_eligible_for(
    path: str, eligible: str, clicked: bool
) -> None:
    async with TestClient(TestServer(demo_sites()["adtech.test"])) as client:
        answer = await client.get(f"{path}?campaign=1", headers={ELIGIBLE: eligible})
        assert json.loads(answer.headers[REGISTER_SOURCE]) == source_registration(CAMPAIGNS[1], clicked=clicked)


@pytest.mark.parametrize("path", ["/ad.svg", "/attribution/source"])
@pytest.mark.parametrize("headers", [{}, {ELIGIBLE: ""}, {ELIGIBLE: "trigger, not-event-source"}])
async def test_no_source_is_registered_where_the_browser_would_not_take_one(path: str, headers: dict[str, str]) -> None:
    async with TestClient(TestServer(demo_sites()["adtech.test"])) as client:
        answer = await client.get(f"{path}?campaign=1", headers=headers)
        assert answer.status == 200
        assert REGISTER_SOURCE not in answer.headers


async def test_whoever_opens_the_sources_address_in_a_tab_reads_what_it_registers() -> None:
    async with TestClient(TestServer(demo_sites()["adtech.test"])) as client:
        answer = await client.get("/attribution/source?campaign=2")
        assert await answer.json() == source_registration(CAMPAIGNS[2], clicked=False)


async def test_the_pixel_is_a_picture_that_registers_the_purchase() -> None:
    async with TestClient(TestServer(demo_sites()["adtech.test"])) as client:
        answer = await client.get("/attribution/trigger?product=lamp")
        assert answer.content_type == "image/svg+xml"
        assert answer.headers["Cache-Control"] == "no-store"
        assert json.loads(answer.headers[REGISTER_TRIGGER]) == trigger_registration(PRODUCTS[0])


@pytest.mark.parametrize("address", ["source", "source?campaign=4", "trigger", "trigger?product=boat"])
async def test_an_unknown_campaign_or_product_registers_nothing(address: str) -> None:
    async with TestClient(TestServer(demo_sites()["adtech.test"])) as client:
        answer = await client.get(f"/attribution/{address}", headers={ELIGIBLE: "event-source"})
        assert answer.status == 404
        assert not {REGISTER_SOURCE, REGISTER_TRIGGER} & set(answer.headers)
