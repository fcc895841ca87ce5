"""What pages are still waiting for belongs to the instant at which they asked."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from aiohttp import web

from agent.expectations import ExpectationError, expect, waiting
from agent.pytest_support.sites import Sites
from agent.runtime import Agent

pytestmark = pytest.mark.browser


def slow_site(seconds: float) -> web.Application:
    """A page, and a trigger that is registered only after ``seconds``."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<p>shop</p>", content_type="text/html")

    async def trigger(_request: web.Request) -> web.Response:
        await asyncio.sleep(seconds)
        field = json.dumps({"event_trigger_data": [{"trigger_data": "2"}]})
        return web.Response(headers={"Attribution-Reporting-Register-Trigger": field})

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/trigger", trigger)
    return app


async def test_nothing_is_said_not_to_be_there_while_a_page_waits_for_an_answer(agent: Agent, sites: Sites) -> None:
    page = await agent.new_page(sites.serve("shop.test", slow_site(0.8)))
    await page.evaluate("new Image().src = '/trigger'")
    with pytest.raises(ExpectationError, match="expected no triggers, there is one"):
        await expect(agent).not_to_have_trigger()


async def test_an_answer_that_never_comes_is_not_waited_for_for_ever(
    agent: Agent, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "RESTLESS", 0.5)
    page = await agent.new_page(sites.serve("shop.test", slow_site(30)))
    await page.evaluate("new Image().src = '/trigger'")
    begun = time.monotonic()
    await expect(agent).not_to_have_trigger()
    assert 0.5 <= time.monotonic() - begun < 5
