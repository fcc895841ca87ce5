from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from agent.dashboard.app import dashboard_app, serve
from agent.dashboard.live import mark, standing
from agent.model.clock import DEFAULT_FROZEN_START, Clock
from agent.model.settings import Settings
from agent.runtime import Agent
from tests.dashboard.conftest import TOKEN, Dashboard, register, serving

PATIENCE = 10


class Stream:
    """What a page hears."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def next(self) -> tuple[str, dict[str, Any]]:
        """The next piece of news with its data."""
        async with asyncio.timeout(PATIENCE):
            name = ""
            async for line in self._response.content:
                text = line.decode().rstrip("\n")
                if text.startswith("event: "):
                    name = text.removeprefix("event: ")
                elif text.startswith("data: "):
                    return name, json.loads(text.removeprefix("data: "))
        raise AssertionError("the stream has ended")


@asynccontextmanager
async def following(dashboard: Dashboard, seen: str = "") -> AsyncIterator[Stream]:
    async with dashboard.client.get(f"{dashboard.address}/live", params={"seen": seen}) as response:
        assert response.content_type == "text/event-stream"
        yield Stream(response)


async def test_it_begins_with_where_everything_stands(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    async with following(dashboard) as stream:
        assert await stream.next() == ("news", {"latest": 2})
        assert await stream.next() == ("clock", {"milliseconds": DEFAULT_FROZEN_START, "speed": 0})


async def test_a_page_that_shows_where_everything_stands_hears_of_what_comes_alone(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    seen = mark(await standing(dashboard.agent))
    async with following(dashboard, seen) as stream:
        await register(dashboard.agent)
        name, data = await stream.next()
        assert (name, data["latest"]) in {("news", 3), ("news", 4)}
    async with following(dashboard, seen) as stream:
        assert await stream.next() == ("news", {"latest": 4})


async def test_an_event_and_a_moved_clock_are_told(dashboard: Dashboard) -> None:
    async with following(dashboard) as stream:
        assert (await stream.next())[0] == "news"
        assert (await stream.next())[0] == "clock"
        await register(dashboard.agent)
        name, data = await stream.next()
        assert (name, data["latest"]) in {("news", 1), ("news", 2)}
        await dashboard.agent.clock.advance("1h")
        while name != "clock":
            name, data = await stream.next()
        assert data["milliseconds"] == DEFAULT_FROZEN_START + 3_600_000


async def test_a_reset_is_news(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    async with following(dashboard) as stream:
        assert await stream.next() == ("news", {"latest": 2})
        assert (await stream.next())[0] == "clock"
        await dashboard.agent.state.reset()
        assert await stream.next() == ("news", {"latest": 0})


async def test_a_clock_that_runs_and_is_moved_is_told_though_nothing_fell_due() -> None:
    opened = Agent.open_profile(":memory:", clock=Clock(), settings=Settings())
    async with opened as agent, serving(agent) as dashboard, following(dashboard) as stream:
        assert [(await stream.next())[0] for _ in range(2)] == ["news", "clock"]
        assert (await dashboard.api("POST", "/clock/advance", {"by": "1d"})).status == 200
        name, data = await stream.next()
        assert (name, data["speed"]) == ("clock", 1)
        assert 0 <= agent.clock.now() - data["milliseconds"] < 3_600_000
        assert await agent.events.last() is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/chaos", {"host": "shop.test", "fail": "50%"}),
        ("/offline", {"offline": True}),
        ("/localtestingmode", {"enabled": True}),
    ],
)
async def test_what_is_set_is_told_whether_or_not_it_leaves_an_event(
    dashboard: Dashboard, path: str, body: dict[str, object]
) -> None:
    async with following(dashboard) as stream:
        assert [(await stream.next())[0] for _ in range(2)] == ["news", "clock"]
        assert (await dashboard.api("PUT", path, body)).status == 200
        assert (await stream.next())[0] in {"news", "settings"}


async def test_pages_that_follow_do_not_keep_the_server_from_ending(dashboard: Dashboard) -> None:
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as client:
        async with serve(dashboard_app(dashboard.agent, {}, token=TOKEN), 0) as port:
            response = await client.get(f"http://127.0.0.1:{port}/live")
            await response.content.readline()
            ended = loop.time()
        assert loop.time() - ended < 4
        response.close()
