"""The agent's time as its pages see it, by Playwright's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.model.clock import Clock, format_instant

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext


async def set_page_clock(context: BrowserContext, clock: Clock) -> None:
    """Have ``Date`` in every page of ``context`` show ``clock``'s time from now on; timers run on as they do."""
    now = format_instant(clock.now())
    if clock.stands_still:
        await context.clock.set_fixed_time(now)
        return
    # A time that is set goes on from when Playwright looked at real time last, up to 0.1 s ago: this makes it look.
    await context.clock.run_for(0)
    await context.clock.set_system_time(now)
