"""The explainer's examples for Shared Storage, in real Chromium, from the page to the opened report.

The scripts are the explainer's ("Examples": demographics, reach, K+ frequency), completed: what it elides or what is no
JavaScript is completed in the lines that say so.
"""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from agent.crypto.aggregatable_payload import Payload, open_payload, read_payload
from agent.model.clock import Clock
from agent.model.shared_storage import StorageEvent
from agent.runtime import Agent

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

SAVE_DEMOGRAPHICS = """
sharedStorage.set("demo", '{"age": "40-49"}'); // completed: the other members were elided
"""
MEASURE_DEMOGRAPHICS = """
await sharedStorage.worklet.addModule("measure-demo.js");
await sharedStorage.run("send-demo-report");
"""
DEMOGRAPHICS_WORKLET = """
class SendDemoReportOperation {
  async run() { // completed: was `async function run()`, which no class body may have
    let demo_string = await sharedStorage.get("demo");
    let demo = {};
    if (demo_string) {
      demo = JSON.parse(demo_string);
    }

    function convertAgeToBucketId(country_string_or_undefined) {
      // completed: the body was elided
      const ranges = ["18-29", "30-39", "40-49", "50-59"];
      return BigInt(1 + ranges.indexOf(country_string_or_undefined));
    }

    privateAggregation.contributeToHistogram({
      bucket: convertAgeToBucketId(demo["age"]), // completed: ended in a semicolon
      value: 128,
    });
  }
}
register("send-demo-report", SendDemoReportOperation);
"""
UNKNOWN_AGE, FORTIES = 0, 3

MEASURE_REACH = """
await window.sharedStorage.worklet.addModule('reach.js');
await window.sharedStorage.run('send-reach-report', {
  data: { campaignId: '1234' },
});
"""
REACH_WORKLET = """
class SendReachReportOperation {
  async run(data) {
    const reportSentForCampaign = `report-sent-${data.campaignId}`;

    if (await sharedStorage.get(reportSentForCampaign) === 'yes') {
      return;
    }

    privateAggregation.contributeToHistogram({
      bucket: data.campaignId, // as it stands: a string, which is converted to a BigInt
      value: 128,
    });

    await sharedStorage.set(reportSentForCampaign, 'yes');
  }
}
register('send-reach-report', SendReachReportOperation);
"""

K = 3
MEASURE_FREQUENCY = (
    """
window.sharedStorage.append("freq", "1");
"""
    + MEASURE_REACH
)
FREQUENCY_WORKLET = REACH_WORKLET.replace(
    # completed: the explainer says in words what is added
    "    if (await sharedStorage.get(reportSentForCampaign) === 'yes') {",
    f"    if ((await sharedStorage.get('freq')).length <= {K}) {{\n"
    "      return;\n"
    "    }\n"
    "    if (await sharedStorage.get(reportSentForCampaign) === 'yes') {",
)


@dataclass
class Site:
    """A site of fixed answers that keeps the reports it is sent."""

    pages: dict[str, str]
    reports: list[tuple[str, Any]] = field(default_factory=list)

    def application(self) -> web.Application:
        """What answers for its host."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        app.router.add_post("/{path:.*}", self._collect)
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        kind = "text/javascript" if request.path.endswith(".js") else "text/html"
        return web.Response(text=self.pages[request.path], content_type=kind)

    async def _collect(self, request: web.Request) -> web.Response:
        self.reports.append((request.path, await request.json()))
        return web.Response()


def script(text: str) -> str:
    return f'<!doctype html><script type="module">{text}</script>'


def framing(url: str) -> Site:
    """A publisher that embeds a page."""
    return Site({"/": f'<!doctype html><iframe src="{url}"></iframe>'})


async def visit(agent: Agent, url: str, *, operations: int = 0, writes: int = 0) -> None:
    """Open a page, as a user does, until so many operations have ended, and writes landed, in all; then leave."""
    page = await agent.new_page(url)
    awaited = {StorageEvent.RUN: operations, StorageEvent.SET: writes}
    async with asyncio.timeout(30), agent.events.news:
        while any([len(await agent.events.all(kind)) < count for kind, count in awaited.items()]):
            await agent.events.news.wait()
    await page.close()


def opened(agent: Agent, report: Any) -> list[tuple[int, int]]:
    """Bucket and value of what a report says beside its padding."""
    (entry,) = report["aggregation_service_payloads"]
    key = agent.service_keys.find(bytes.fromhex(entry["key_id"]))
    assert key is not None
    plaintext = open_payload(base64.b64decode(entry["payload"]), report["shared_info"], key.private_key)
    assert plaintext is not None
    payload = read_payload(plaintext)
    assert isinstance(payload, Payload)
    assert len(payload.data) == 20
    return [(one.bucket, one.value) for one in payload.data if one.value]


def only_report(site: Site, origin: str) -> Any:
    """The one report that a site was sent, which says where it belongs."""
    ((path, report),) = site.reports
    assert path == "/.well-known/private-aggregation/report-shared-storage"
    info = json.loads(report["shared_info"])
    assert (info["api"], info["reporting_origin"]) == ("shared-storage", origin)
    return report


@pytest.mark.parametrize(("knows_the_user", "bucket"), [(True, FORTIES), (False, UNKNOWN_AGE)])
async def test_demographics_known_to_one_site_are_measured_on_another(knows_the_user: bool, bucket: int) -> None:
    demo = Site(
        {
            "/": script(SAVE_DEMOGRAPHICS),
            "/frame": script(MEASURE_DEMOGRAPHICS),
            "/measure-demo.js": DEMOGRAPHICS_WORKLET,
        }
    )
    publisher = framing("https://demo.example/frame")
    maps = {"demo.example": demo.application(), "publisher.example": publisher.application()}
    async with Agent.launch(clock=Clock.frozen(), seed=1, maps=maps) as agent:
        if knows_the_user:
            await visit(agent, "https://demo.example/", writes=1)
        await visit(agent, "https://publisher.example/", operations=1)
        await agent.clock.advance("1h")
        assert opened(agent, only_report(demo, "https://demo.example")) == [(bucket, 128)]


async def test_reach_counts_a_browser_once_for_a_campaign_whichever_site_shows_it() -> None:
    adtech = Site({"/ad": script(MEASURE_REACH), "/reach.js": REACH_WORKLET})
    shows = framing("https://adtech.example/ad").application
    maps = {"adtech.example": adtech.application(), "news.example": shows(), "blog.example": shows()}
    async with Agent.launch(clock=Clock.frozen(), seed=1, maps=maps) as agent:
        await visit(agent, "https://news.example/", operations=1)
        await visit(agent, "https://blog.example/", operations=2)
        await visit(agent, "https://news.example/", operations=3)
        await agent.clock.advance("1h")
        assert opened(agent, only_report(adtech, "https://adtech.example")) == [(1234, 128)]


async def test_k_plus_frequency_counts_a_browser_at_more_than_k_views_and_not_before() -> None:
    adtech = Site({"/ad": script(MEASURE_FREQUENCY), "/reach.js": FREQUENCY_WORKLET})
    shows = framing("https://adtech.example/ad").application
    maps = {"adtech.example": adtech.application(), "news.example": shows(), "blog.example": shows()}
    async with Agent.launch(clock=Clock.frozen(), seed=1, maps=maps) as agent:
        for view in range(1, K + 1):
            await visit(agent, f"https://{('news', 'blog')[view % 2]}.example/", operations=view)
        await agent.clock.advance("1h")
        assert adtech.reports == []
        for view in range(K + 1, K + 3):
            await visit(agent, "https://blog.example/", operations=view)
        await agent.clock.advance("1h")
        assert opened(agent, only_report(adtech, "https://adtech.example")) == [(1234, 128)]
