"""The agent as the scripts of the captures drive it: ``--agent py:tests.conformance.real_chromium:launch``.

The scripts bring their own world of ``*.test`` hosts, with two aggregation coordinators. Each of their contexts is a
fresh profile of one shared browser.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from playwright.async_api import BrowserContext, Page

from agent.browser.launch import Browser
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.private_aggregation_limits import PrivateAggregationLimits
from agent.model.settings import Settings
from agent.runtime import Agent

_COORDINATORS = ("https://coordinator.test", "https://coordinator2.test")
_EVERYTHING_PENDING = "31d"
"""The longest that a report can wait."""


class CapturedAgent:
    """What the scripts may use of the agent under test."""

    def __init__(self, stack: AsyncExitStack, browser: Browser, settings: Settings, port: int) -> None:
        self.name, self.version = "tallyhost", browser.version
        self._stack, self._browser, self._settings = stack, browser, settings
        self._maps = {"*.test": f"https://127.0.0.1:{port}"}
        self._agents: dict[BrowserContext, Agent] = {}

    async def new_context(self) -> BrowserContext:
        """A fresh profile's context."""
        launched = Agent.launch(browser=self._browser, settings=self._settings, maps=self._maps)
        agent = await self._stack.enter_async_context(launched)
        self._agents[agent.context] = agent
        return agent.context

    async def shared_storage_entries(self, page: Page, origin: str) -> dict[str, str]:
        """What ``origin`` has stored."""
        return {entry.key: entry.value for entry in await self._agents[page.context].shared_storage.entries(origin)}

    async def flush_attribution_reports(self, page: Page) -> bool:
        """Go on in time until nothing is pending."""
        await self._agents[page.context].clock.advance(_EVERYTHING_PENDING)
        return True


@asynccontextmanager
async def launch(
    world: Any, *, ara_debug: bool = True, pagg_debug: bool = True, **_profile: Any
) -> AsyncIterator[CapturedAgent]:
    """An agent for ``world``.

    With ``ara_debug`` Attribution Reporting has neither noise nor delay, with ``pagg_debug`` Private Aggregation has no
    delay.
    """
    attribution_reporting = AttributionReportingLimits(
        aggregation_coordinator_origins=_COORDINATORS, debug_mode=ara_debug
    )
    private_aggregation = PrivateAggregationLimits(
        aggregation_coordinator_origins=_COORDINATORS, developer_mode=pagg_debug, late_contribution_crashes=True
    )
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(Browser())
        # Chromium 143 has neither dialect of W3C Attribution.
        settings = Settings(
            dialects=frozenset(),
            attribution_reporting_limits=attribution_reporting,
            private_aggregation_limits=private_aggregation,
        )
        yield CapturedAgent(stack, browser, settings, world.port)
