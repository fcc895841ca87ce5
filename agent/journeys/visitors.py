"""What a visitor of the demo does in a page, and what is seen there."""

from __future__ import annotations

import asyncio

from playwright.async_api import Page

from agent.journeys.reach import ShownAd
from agent.model.errors import TallyhostError
from agent.model.shared_storage import StorageEvent
from agent.runtime import Agent
from sites import story

_PATIENCE = 30
"""Seconds that a page may take to have done what it should."""


async def see(page: Page, url: str) -> list[ShownAd]:
    """Open a page with ads and wait until its frames have noted them; gives those of adtech.test's frames."""
    await page.goto(url)
    ads = []
    for frame in page.frames:
        for status in await frame.locator("[data-campaign] [role=status], #reach").all():
            await status.and_(frame.locator("[data-state=done]")).wait_for()
        if await frame.locator("#reach").count():
            number = int(await frame.locator("#reach").get_attribute("data-number") or "")
            picture = frame.frame_locator("#creative").locator("[data-creative]")
            creative = await picture.get_attribute("data-creative") if number == story.POSTER.number else None
            ads.append(ShownAd(number, None if creative is None else int(creative)))
    return ads


async def follow_ad(page: Page) -> None:
    """Click the ad of the page, or of its frame, and come to the shop."""
    for frame in page.frames:
        if await frame.get_by_test_id("ad-link").count():
            await frame.get_by_test_id("ad-link").click()
            break
    await page.wait_for_url(f"{story.HOSTS[2].origin}/**")


async def buy(page: Page, url: str) -> None:
    """Buy what a product page offers and wait until its reports were posted."""
    await page.goto(url)
    await page.get_by_test_id("buy-now").click()
    await page.locator("#measurement[data-state=sent]").wait_for()


async def decided(agent: Agent, kind: str, after: int, count: int) -> None:
    """Wait until ``count`` decisions of a kind have events with an id above ``after``."""
    try:
        async with asyncio.timeout(_PATIENCE), agent.events.news:
            while len(await agent.events.read(after=after, kind=kind)) < count:
                await agent.events.news.wait()
    except TimeoutError:
        raise TallyhostError(
            f"a page of the demo made no {kind} within {_PATIENCE} s", fix="report this: it is a bug"
        ) from None


async def counted(agent: Agent, ads: list[ShownAd], after: int) -> None:
    """Wait until the worklets of ``ads`` have done all that they were asked to."""
    posters = sum(ad.creative is not None for ad in ads)
    # The poster chooses a picture, and counts its reach and its frequency.
    await decided(agent, StorageEvent.SELECT_URL, after, posters)
    await decided(agent, StorageEvent.RUN, after, len(ads) + posters)
