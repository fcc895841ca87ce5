from __future__ import annotations

import asyncio
import hashlib

from aiohttp import web

from agent.browser.network.hooks import Exchange
from tests.browser.network.support import World


async def test_exchanges_that_run_at_once_keep_their_bodies_apart(world: World) -> None:
    """Sizes and delays differ from exchange to exchange, so that connections are reused in ever new orders."""

    async def mirror(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        response = web.StreamResponse(headers={"X-Number": request.match_info["number"]})
        if int(request.match_info["number"]) % 3 == 0:
            response.content_length = len(body)
        await response.prepare(request)
        for start in range(0, len(body), 10_000):
            await response.write(body[start : start + 10_000])
        return response

    async def delay(exchange: Exchange) -> None:
        await asyncio.sleep(len(exchange.url) % 3 / 1000)

    app = web.Application(client_max_size=1 << 22)
    app.router.add_post("/{number}", mirror)
    world.hosts.map("*.test", app)
    world.hooks.before_request = lambda exchange: delay(exchange) if exchange.url.endswith("1") else None
    world.hooks.before_response = lambda exchange: delay(exchange) if exchange.url.endswith("2") else None

    async with world.session() as session:

        async def one(number: int) -> bool:
            body = hashlib.sha256(str(number).encode()).digest() * (number * 37 % 9000)
            async with session.post(f"https://h{number % 5}.test/{number}", data=body) as response:
                return response.headers["X-Number"] == str(number) and await response.read() == body

        assert all(await asyncio.gather(*(one(number) for number in range(80))))
    assert len(world.hooks.responses) == 80
