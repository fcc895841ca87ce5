"""What exported tests call: time that passes by way of what is due, and the tab that the steps are about."""

from __future__ import annotations

import pytest

from agent.browser.launch import Browser
from agent.journeys.scripted import exported
from agent.journeys.scripted.exported import newest_tab, pass_time
from agent.model.clock import DAY
from agent.runtime import Agent
from tests.expectations.agents import START, an_agent, register_source, register_trigger


async def test_time_passes_by_way_of_what_is_due() -> None:
    async with an_agent() as agent:
        await register_source(agent)
        await register_trigger(agent)
        await pass_time(agent, "30d")
        (report,) = await agent.reports.all(kind="event-level")
        (event,) = [one for one in await agent.events.all() if one.data.get("report") == report.id]
        assert (event.time, agent.clock.now()) == (START + 2 * DAY, START + 30 * DAY)


@pytest.mark.browser
async def test_the_newest_tab_is_one_that_is_just_being_opened(
    agent_browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Agent.launch(browser=agent_browser) as agent:
        first = await newest_tab(agent)
        assert await newest_tab(agent) is first
        await first.evaluate("setTimeout(() => window.open('about:blank'), 150)")
        with monkeypatch.context() as patch:
            patch.setattr(exported, "A_MOMENT", 20)  # which ends as the tab comes, however slow the machine
            second = await newest_tab(agent)
        assert second is not first
        await second.close()
        assert await newest_tab(agent) is first
