"""auction.test: what it serves, and that its auctions' scripts say that they may be run there."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestClient, TestServer

from sites.auction import auction_site


@pytest.mark.parametrize(
    ("path", "kind", "allowed"),
    [
        ("/", "text/html", None),
        ("/ad", "text/html", None),
        ("/page.js", "text/javascript", None),
        ("/bidding.js", "text/javascript", "true"),
        ("/deciding.js", "text/javascript", "true"),
    ],
)
async def test_what_auctions_run_is_allowed_to_them_and_nothing_else_is(
    path: str, kind: str, allowed: str | None
) -> None:
    async with TestClient(TestServer(auction_site())) as client:
        answer = await client.get(path)
    assert (answer.status, answer.content_type, answer.headers.get("Ad-Auction-Allowed")) == (200, kind, allowed)


@pytest.mark.parametrize("path", ["/none.js", "/index.html.j2", "/../auction.py", "/%2e%2e/auction.py", "/a/b.js"])
async def test_nothing_else_is_served(path: str) -> None:
    async with TestClient(TestServer(auction_site())) as client:
        assert (await client.get(path)).status == 404
