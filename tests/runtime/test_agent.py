"""Several agents at once, their events and reports, and what is left when a browser or an agent ends in the middle."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from playwright.async_api import Error as PlaywrightError

from agent.browser.launch import Browser
from agent.model.clock import DAY, Clock
from agent.model.errors import HostEnvironmentError
from agent.model.reports import ReportState
from agent.runtime import Agent
from tests.browser.ledger import site
from tests.report_contents import conversion

pytestmark = pytest.mark.browser
SAVE = "navigator.attribution.saveImpression({ histogramIndex: 1 })"
MEASURE = "navigator.attribution.measureConversion({ aggregationService: 'https://aggregator.test', histogramSize: 2 })"
MAPS = ("news.test", "shop.test")


def _maps() -> dict[str, object]:
    return {host: site({}) for host in MAPS}


async def test_two_profiles_of_one_chromium_do_not_see_each_other(agent_browser: Browser) -> None:
    async with (
        Agent.launch(browser=agent_browser, clock=Clock.frozen(), maps=_maps()) as alice,  # type: ignore[arg-type]
        Agent.launch(browser=agent_browser, clock=Clock.frozen(), maps=_maps()) as bob,  # type: ignore[arg-type]
    ):
        pages = {agent: await agent.new_page("https://news.test/") for agent in (alice, bob)}
        scripts = [f"() => {SAVE}", "() => { document.cookie = 'a=b'; localStorage.c = 'd'; }"]
        for script in scripts:
            await pages[alice].evaluate(script)
        assert await pages[bob].evaluate("document.cookie + localStorage.length") == "0"
        assert len(await alice.state.impressions()) == 1
        assert await bob.state.impressions() == []
        await alice.clock.advance("1d")
        assert alice.clock.now() - bob.clock.now() == DAY
        for agent in (alice, bob):
            shop = await agent.new_page("https://shop.test/")
            await shop.evaluate(f"() => {MEASURE}.then(() => null)")
        assert [conversion(report).histogram for report in await alice.reports.all()] == [(0, 1)]
        assert [conversion(report).histogram for report in await bob.reports.all()] == [(0, 0)]


async def test_a_second_running_agent_on_one_profile_is_refused(agent_browser: Browser, tmp_path: Path) -> None:
    async with Agent.launch(browser=agent_browser, profile=tmp_path / "profile"):
        with pytest.raises(HostEnvironmentError) as raised:
            async with Agent.launch(browser=agent_browser, profile=tmp_path / "profile"):
                pass
        assert str(tmp_path / "profile") in str(raised.value)
    async with Agent.launch(browser=agent_browser, profile=tmp_path / "profile"):
        pass  # the first has let go of it


async def test_a_profile_remembers(agent_browser: Browser, tmp_path: Path) -> None:
    for count in (1, 2):
        async with Agent.launch(browser=agent_browser, profile=tmp_path / "profile", maps=_maps()) as agent:  # type: ignore[arg-type]
            page = await agent.new_page("https://news.test/")
            await page.evaluate(f"() => {SAVE}")
            assert len(await agent.state.impressions()) == count


async def test_events_replay_from_the_first_and_follow(agent: Agent) -> None:
    for host in MAPS:
        agent.map(host, site({}))
    page = await agent.new_page("https://news.test/")
    await page.evaluate(f"() => {SAVE}")
    stream = aiter(agent.events)
    async with asyncio.timeout(5):
        assert (await anext(stream)).verdict == "stored"
        following = asyncio.ensure_future(anext(stream))  # noqa: TID251
        await asyncio.sleep(0)
        assert not following.done()
        shop = await agent.new_page("https://shop.test/")
        await shop.evaluate(f"() => {MEASURE}.then(() => null)")
        assert (await following).kind == "conversion"


async def test_waiting_for_reports_gives_them_or_says_what_there_was(agent: Agent) -> None:
    agent.map("shop.test", site({}))
    with pytest.raises(TimeoutError, match="there were: none"):
        await agent.reports.wait(timeout=0.05)
    waiting = asyncio.ensure_future(agent.reports.wait(timeout=5))  # noqa: TID251
    page = await agent.new_page("https://shop.test/")
    await page.evaluate(f"() => {MEASURE}.then(() => null)")
    [report] = await waiting
    assert report.state is ReportState.RETURNED


async def test_what_a_page_was_told_is_stored_outlives_its_killed_browser(tmp_path: Path) -> None:
    acknowledged = 0
    async with asyncio.timeout(40):
        async with Agent.launch(profile=tmp_path / "profile", maps=_maps()) as agent:  # type: ignore[arg-type]
            page = await agent.new_page("https://news.test/")

            async def call_until_the_end() -> None:
                nonlocal acknowledged
                while True:
                    await page.evaluate(f"() => {SAVE}")
                    acknowledged += 1

            calling = asyncio.ensure_future(call_until_the_end())  # noqa: TID251
            while acknowledged < 5:
                await asyncio.sleep(0.01)
            front = agent.context.browser
            assert front is not None
            [session] = [await front.new_browser_cdp_session()]
            processes = (await session.send("SystemInfo.getProcessInfo"))["processInfo"]
            os.kill(next(one["id"] for one in processes if one["type"] == "browser"), signal.SIGKILL)
            with pytest.raises(PlaywrightError):
                await calling
            assert len(await agent.state.impressions()) >= acknowledged
    async with Agent.open_profile(tmp_path / "profile") as reopened:
        assert len(await reopened.state.impressions()) >= acknowledged


async def test_an_agent_that_is_closed_while_calls_are_pending_does_not_hang(
    agent_browser: Browser, tmp_path: Path
) -> None:
    async with asyncio.timeout(15):
        async with Agent.launch(browser=agent_browser, profile=tmp_path / "profile", maps=_maps()) as agent:  # type: ignore[arg-type]
            page = await agent.new_page("https://news.test/")
            await page.evaluate(f"() => {SAVE}")
            await page.evaluate(f"() => {{ for (let i = 0; i < 500; i++) {SAVE}; }}")
    async with Agent.open_profile(tmp_path / "profile") as reopened:
        assert 1 <= len(await reopened.state.impressions()) <= 501


async def test_a_tab_that_is_closed_while_its_calls_are_pending_disturbs_no_other(agent: Agent) -> None:
    agent.map("news.test", site({}))
    closing, other = [await agent.new_page("https://news.test/") for _ in range(2)]
    await closing.evaluate(f"() => {{ for (let i = 0; i < 100; i++) {SAVE}; }}")
    await closing.close()
    await other.evaluate(f"() => {SAVE}")
    assert len(await agent.state.impressions()) >= 1
