"""Auctions from the page to the opened report, in real Chromium (scenarios 39 and 40, and the explainer's examples)."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Page

from agent.crypto.aggregatable_payload import Payload, open_payload, read_payload
from agent.runtime import Agent

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

BUYER, SELLER, PUBLISHER = "https://buyer.test", "https://seller.test", "https://pub.test"
REPORTS = "/.well-known/private-aggregation/report-protected-audience"
ITEMS = 100
PAYLOAD_BYTES = 4176
"""Of 100 contributions with filtering ids of one byte."""
AMPLE = 500
"""Milliseconds for a function, in place of the 50 that a busy machine may not have."""

JOIN = """(groups) => Promise.all(groups.map(([name, bid]) => navigator.joinAdInterestGroup({
    owner: 'https://buyer.test', name, biddingLogicURL: 'https://buyer.test/bid.js', lifetimeMs: 3600000,
    userBiddingSignals: bid, ads: [{ renderURL: `https://buyer.test/ad-${name}` }],
})))"""
RUN = """(timeout) => navigator.runAdAuction({
    seller: 'https://seller.test', decisionLogicURL: 'https://seller.test/dec.js',
    interestGroupBuyers: ['https://buyer.test'],
    sellerTimeout: timeout, reportingTimeout: timeout, perBuyerTimeouts: { '*': timeout },
})"""
SHOW = """(urn) => new Promise((done) => {
    const frame = document.createElement('iframe');
    frame.src = urn;
    frame.onload = done;
    document.body.append(frame);
})"""

CONTRIBUTE = "privateAggregation.contributeToHistogram({{ bucket: {}, value: {} }});"
ON_EVENT = "privateAggregation.contributeToHistogramOnEvent('{}', {{ bucket: {}, value: {} }});"


def bidding(body: str, win: str = "") -> str:
    """A buyer's script, which bids what the group's signals say."""
    return f"""
        function generateBid(group) {{
            const bid = {{ bid: group.userBiddingSignals, render: group.ads[0].renderURL }};
            {body}
            return bid;
        }}
        function reportWin(auctionSignals, perBuyerSignals, sellerSignals, browserSignals) {{ {win} }}"""


def deciding(score: str = "", result: str = "") -> str:
    """A seller's script, which wants the highest bid."""
    return f"""
        function scoreAd(metadata, bid) {{ {score} return bid; }}
        function reportResult(auctionConfig, browserSignals) {{ {result} }}"""


@dataclass
class Site:
    """The three hosts: pages, the two scripts, and the reports that came."""

    agent: Agent
    bid: str = bidding("")
    decision: str = deciding()
    allowed: str = "true"
    reports: list[tuple[str, str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for host in ("buyer.test", "seller.test", "pub.test"):
            self.agent.map(host, self._application())

    def _application(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        if request.method == "POST":
            self.reports.append((request.host, request.path, await request.json()))
            return web.Response()
        scripts = {"/bid.js": self.bid, "/dec.js": self.decision}
        if request.path in scripts:
            allowed = {"Ad-Auction-Allowed": self.allowed}
            return web.Response(text=scripts[request.path], content_type="text/javascript", headers=allowed)
        return web.Response(text=f"<!doctype html><p>{request.path}</p>", content_type="text/html")

    async def auction(self, groups: dict[str, float], timeout: int = AMPLE) -> tuple[Page, str | None]:
        """Join groups, then run an auction; gives the publisher's page, and what the auction resolved to."""
        page = await self.agent.new_page(f"{BUYER}/")
        await page.evaluate(JOIN, [*groups.items()])
        await page.goto(f"{PUBLISHER}/")
        urn: str | None = await page.evaluate(RUN, timeout)
        return page, urn

    async def reported(self) -> dict[tuple[str, str | None], list[tuple[int, int]]]:
        """Contributions of all reports that are sent within the hour, by host and debug key; then none is left."""
        await self.agent.clock.advance("61m")
        sent = {
            (host, body.get("debug_key")): self._opened(body) for host, path, body in self.reports if path == REPORTS
        }
        assert len(sent) == len([path for _, path, _ in self.reports if path == REPORTS]), "one report for each"
        self.reports.clear()
        return sent

    def _opened(self, report: Any) -> list[tuple[int, int]]:
        """What a report says beside its padding."""
        (entry,) = report["aggregation_service_payloads"]
        sealed = base64.b64decode(entry["payload"])
        assert len(sealed) == PAYLOAD_BYTES
        key = self.agent.service_keys.find(bytes.fromhex(entry["key_id"]))
        assert key is not None
        plaintext = open_payload(sealed, report["shared_info"], key.private_key)
        assert plaintext is not None
        payload = read_payload(plaintext)
        assert isinstance(payload, Payload)
        assert len(payload.data) == ITEMS
        assert json.loads(report["shared_info"])["api"] == "protected-audience"
        return [(one.bucket, one.value) for one in payload.data if one.value]


@pytest.fixture
async def site(agent: Agent) -> Site:
    """The hosts, before anybody has joined."""
    return Site(agent)


# Scenario 39.

_CENTS = "BigInt(bid * 100)"
_DEBUG_KEYS = "privateAggregation.enableDebugMode({ debugKey: group.name === 'g1' ? 11n : 22n });"


async def test_an_auction_reports_to_seller_and_buyer_once_its_ad_is_shown(site: Site) -> None:
    site.bid = bidding(
        _DEBUG_KEYS + CONTRIBUTE.format("BigInt(bid.bid * 100)", 2) + ON_EVENT.format("click", "900n", 7),
        "privateAggregation.enableDebugMode({ debugKey: 11n });"
        + CONTRIBUTE.format(
            "BigInt(browserSignals.bid * 1000)", "browserSignals.seller === 'https://seller.test' ? 3 : 4"
        ),
    )
    site.decision = deciding(
        CONTRIBUTE.format(_CENTS, 1)
        + ON_EVENT.format("reserved.win", "500n", 5)
        + ON_EVENT.format("reserved.loss", "501n", 5),
        CONTRIBUTE.format("600n", "browserSignals.interestGroupOwner === 'https://buyer.test' ? 60 : 0"),
    )
    page, urn = await site.auction({"g1": 5.25, "g2": 3.5})
    assert urn is not None
    assert urn.startswith("urn:uuid:")
    assert await site.reported() == {}, "nobody has seen the ad yet"

    await page.evaluate(SHOW, urn)
    shown = page.frames[1]
    assert shown.url == f"{BUYER}/ad-g1"
    assert await site.reported() == {
        ("seller.test", None): [(350, 1), (500, 5), (501, 5), (525, 1), (600, 60)],
        ("buyer.test", "11"): [(525, 2), (5250, 3)],
        ("buyer.test", "22"): [(350, 2)],
    }

    await shown.evaluate("fence.reportEvent('click'); fence.reportEvent('click'); fence.reportEvent('other')")
    assert await site.reported() == {("buyer.test", "11"): [(900, 7)]}


async def test_a_second_frame_with_the_same_urn_reports_nothing_more(site: Site) -> None:
    site.bid = bidding(CONTRIBUTE.format("1n", 1) + ON_EVENT.format("click", "2n", 2))
    page, urn = await site.auction({"g1": 1})
    await page.evaluate(SHOW, urn)
    await page.frames[1].evaluate("fence.reportEvent('click')")
    await site.agent.clock.advance("61m")
    site.reports.clear()
    await page.evaluate(SHOW, urn)
    await page.frames[2].evaluate("fence.reportEvent('click')")
    assert await site.reported() == {}


async def test_an_ad_is_shown_through_a_config_as_well(site: Site) -> None:
    site.bid = bidding(CONTRIBUTE.format("1n", 1))
    page, _ = await site.auction({"g1": 1})
    shown = await page.evaluate(
        """async (run) => {
            const config = await eval(run.replace('reportingTimeout', 'resolveToConfig: true, reportingTimeout'))(500);
            const frame = document.createElement('fencedframe');
            frame.config = config;
            document.body.append(frame);
            return String(config);
        }""",
        RUN,
    )
    assert shown == "[object FencedFrameConfig]"
    frame = await page.wait_for_event("framenavigated", timeout=10_000) if len(page.frames) < 2 else page.frames[1]
    await frame.wait_for_url(f"{BUYER}/ad-g1")
    assert await site.reported() == {("buyer.test", None): [(1, 1)]}


# Scenario 40.


@pytest.mark.parametrize(
    ("bid", "decision"),
    [
        (bidding(CONTRIBUTE.format("7n", 1) + "throw new Error('no')"), deciding()),
        (bidding(CONTRIBUTE.format("7n", 1) + "for (;;);"), deciding()),
        (bidding(CONTRIBUTE.format("7n", 1) + "bid.bid = 0;"), deciding()),
        (bidding(CONTRIBUTE.format("7n", 1) + "bid.render = 'https://buyer.test/other';"), deciding()),
        (
            bidding(CONTRIBUTE.format("7n", 1)),
            deciding("return { desirability: 0, rejectReason: 'blocked-by-publisher' };"),
        ),
        (bidding(CONTRIBUTE.format("7n", 1)), deciding("throw 1;")),
    ],
    ids=["throws", "spins", "bids nothing", "shows another ad", "is rejected", "scoring throws"],
)
async def test_without_a_winner_what_was_contributed_is_reported_at_once(site: Site, bid: str, decision: str) -> None:
    site.bid, site.decision = bid, decision
    _, urn = await site.auction({"g1": 1})
    assert urn is None
    assert await site.reported() == {("buyer.test", None): [(7, 1)]}


async def test_a_rejected_bid_is_told_the_reason(site: Site) -> None:
    reason = "{ baseValue: 'bid-reject-reason', offset: 60n }"
    site.bid = bidding(ON_EVENT.format("reserved.loss", reason, 1))
    site.decision = deciding("return { desirability: 0, rejectReason: 'blocked-by-publisher' };")
    _, urn = await site.auction({"g1": 1})
    assert urn is None
    assert await site.reported() == {("buyer.test", None): [(65, 1)]}


@pytest.mark.parametrize("allowed", ["?1", "false", ""])
async def test_a_script_that_its_server_does_not_allow_takes_no_part(site: Site, allowed: str) -> None:
    site.bid, site.allowed = bidding(CONTRIBUTE.format("7n", 1)), allowed
    _, urn = await site.auction({"g1": 1})
    assert urn is None
    assert await site.reported() == {}


# The explainer's examples ("Protected Audience reporting"), completed in the lines that say so.

REPORT_RESULT = """
function scoreAd(metadata, bid) { return bid; } // completed: an auction needs one
function reportResult(auctionConfig, browserSignals) {
  function convertBuyerToBucketId(buyer_origin) { // completed: the body was elided
    return BigInt(["https://buyer.test"].indexOf(buyer_origin)) + 100n;
  }
  function convertBidToReportingValue(winning_bid_price) { // completed: the body was elided
    return winning_bid_price * 8;
  }

  privateAggregation.contributeToHistogram({
    // Note: the bucket must be a BigInt and the value an integer Number.
    bucket: convertBuyerToBucketId(browserSignals.interestGroupOwner),
    value: convertBidToReportingValue(browserSignals.bid)
  });
}
"""
REPORT_WIN = """
function generateBid(group) { return { bid: 4, render: group.ads[0].renderURL }; } // completed: an auction needs one
function reportWin(auctionSignals, perBuyerSignals, sellerSignals, browserSignals) {
  function convertSellerToBucketId(seller_origin) { // completed: the body was elided
    return BigInt(["https://seller.test"].indexOf(seller_origin)) + 200n;
  }
  function convertBidToReportingValue(winning_bid_price) { // completed: the body was elided
    return winning_bid_price * 16;
  }

  privateAggregation.contributeToHistogram({
    bucket: convertSellerToBucketId(browserSignals.seller),
    value: convertBidToReportingValue(browserSignals.bid),
  });
}
"""


async def test_the_explainers_price_of_the_winning_bid_is_measured_by_both_sides(site: Site) -> None:
    site.bid, site.decision = REPORT_WIN, REPORT_RESULT
    page, urn = await site.auction({"g1": 0})
    await page.evaluate(SHOW, urn)
    assert await site.reported() == {("seller.test", None): [(100, 32)], ("buyer.test", None): [(200, 64)]}
