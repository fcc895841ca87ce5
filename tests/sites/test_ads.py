"""The ad picture and its response field (W3C Attribution, HTTP API)."""

from __future__ import annotations

from typing import Any

import http_sf
import pytest
from aiohttp.test_utils import TestClient, TestServer

from sites.ads import save_impression
from sites.story import CAMPAIGNS, Campaign
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
