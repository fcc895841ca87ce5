"""Pages that follow the agent: one stream of server-sent events for each, which says that there is news.

``news`` has the number of the latest event, ``clock`` the agent's time, and ``settings`` says that chaos or a mode
changed where no event told of it; what changed is then asked for like any page. A page that names in ``seen`` what it
was made from hears nothing until that is past, however long it took to come.
"""

from __future__ import annotations

import asyncio
import json
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from aiohttp import web

from agent.dashboard.keys import AGENT, CLOSING

if TYPE_CHECKING:
    from agent.runtime import Agent

_LOOK = 1.0
"""Seconds until the clock is looked at, which moves without an event."""
_REST = 0.2
"""Seconds between two pieces of news."""
_HEARTBEAT = 15
"""Looks without news after which the stream says that it lives."""
Seen = tuple[int, tuple[float, int], tuple[object, ...]]


async def live(request: web.Request) -> web.StreamResponse:
    """Follow the agent until the page goes or the server ends."""
    agent, closing = request.app[AGENT], request.app[CLOSING]
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    await response.prepare(request)
    seen: Seen | None = None
    quiet = 0
    try:
        while not closing.is_set():
            now = await standing(agent)
            if seen is None and request.query.get("seen") == mark(now):
                seen = now
            if seen is None or now[0] != seen[0]:
                await _say(response, "news", {"latest": now[0]})
            if seen is None or now[1] != seen[1]:
                await _say(response, "clock", {"milliseconds": agent.clock.now(), "speed": agent.clock.speed})
            if seen is not None and now[2] != seen[2] and now[0] == seen[0]:
                await _say(response, "settings", {})
            quiet = 0 if now != seen else quiet + 1
            if quiet >= _HEARTBEAT:
                await response.write(b": still here\n\n")
                quiet = 0
            seen = now
            await asyncio.sleep(_REST)
            await _news(agent, closing)
    except ConnectionResetError:
        pass  # the page has gone
    return response


async def standing(agent: Agent) -> Seen:
    """The latest event; how fast the clock runs, and how far it was moved or where it stands; what was set."""
    last = await agent.events.last()
    clock, limits = agent.clock, agent.settings.attribution_reporting_limits
    course = (clock.speed, clock.ahead if clock.speed else clock.now())
    return (0 if last is None else last.id), course, (agent.chaos.rules, agent.chaos.offline, limits.debug_mode)


def mark(seen: Seen) -> str:
    """A word for ``seen``: the number of the latest event, and what tells it from every other state."""
    return f"{seen[0]}-{blake2b(repr(seen).encode(), digest_size=8).hexdigest()}"


async def _news(agent: Agent, closing: asyncio.Event) -> None:
    """Wait for new events, for a little while, or for the end."""
    if closing.is_set():
        return
    try:
        async with asyncio.timeout(_LOOK), agent.events.news:
            await agent.events.news.wait()
    except TimeoutError:
        pass


async def _say(response: web.StreamResponse, event: str, data: dict[str, Any]) -> None:
    await response.write(f"event: {event}\ndata: {json.dumps(data)}\n\n".encode())
