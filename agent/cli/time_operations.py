"""What `tallyhost time` asks of an agent; part of :mod:`agent.cli.operations`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agent.model.clock import format_instant
from agent.model.errors import UsageError

if TYPE_CHECKING:
    from agent.runtime import Agent

Document = dict[str, Any]


async def tell_time(agent: Agent, _: Mapping[str, Any]) -> Document:
    """The agent's time, as ISO 8601 and in milliseconds since 1970, and how fast it goes."""
    now = agent.clock.now()
    return {"now": format_instant(now), "milliseconds": now, "speed": agent.clock.speed}


async def advance_time(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Move the clock forward by a duration such as ``2d``."""
    try:
        await agent.clock.advance(_given(asked, "by", "2d, 12h or 1h30m"))
    except ValueError as error:
        raise UsageError(str(error), where="tallyhost time advance") from None
    return await tell_time(agent, {})


async def set_time(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Move the clock forward to an instant such as ``2026-12-24T09:00Z``."""
    await agent.clock.to(_given(asked, "instant", "2026-12-24T09:00Z"))
    return await tell_time(agent, {})


async def next_time(agent: Agent, _: Mapping[str, Any]) -> Document:
    """Move the clock to the next instant at which something is due."""
    moved = await agent.clock.next()
    return {**await tell_time(agent, {}), "moved": moved is not None}


async def freeze_time(agent: Agent, _: Mapping[str, Any]) -> Document:
    """Let the clock stand still."""
    await agent.clock.freeze()
    return await tell_time(agent, {})


async def run_time(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Let the clock go on, as fast as real time or ``speed`` times as fast."""
    await agent.clock.run(asked.get("speed", 1))
    return await tell_time(agent, {})


def _given(asked: Mapping[str, Any], name: str, example: str) -> str:
    given = asked.get(name)
    if not isinstance(given, str):
        raise UsageError(f"{name} is {given!r}", where="time", rule="text", fix=f"write for example {example}")
    return given


TIME_OPERATIONS = {
    "time.now": tell_time,
    "time.advance": advance_time,
    "time.to": set_time,
    "time.next": next_time,
    "time.freeze": freeze_time,
    "time.run": run_time,
}
