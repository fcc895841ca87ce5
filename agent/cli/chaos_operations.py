"""What `tallyhost chaos` asks of a running agent; part of :mod:`agent.cli.operations`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agent.model.errors import UsageError

if TYPE_CHECKING:
    from agent.runtime import Agent

Document = dict[str, Any]


async def show_chaos(agent: Agent, _: Mapping[str, Any]) -> Document:
    """The rules in force, and whether the profile is offline."""
    return agent.chaos.document()


async def set_chaos(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Put a rule in force; ``asked`` is the rule as a JSON object."""
    agent.chaos.put(asked)
    return agent.chaos.document()


async def clear_chaos(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """End the rule of ``host``, or all."""
    agent.chaos.clear(asked.get("host"))
    return agent.chaos.document()


async def set_offline(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Take the profile offline or back online."""
    offline = asked.get("offline")
    if not isinstance(offline, bool):
        raise UsageError(f"offline is {offline!r}", where="chaos offline", rule="true or false")
    await agent.set_offline(offline)
    return agent.chaos.document()


CHAOS_OPERATIONS = {
    "chaos.show": show_chaos,
    "chaos.set": set_chaos,
    "chaos.clear": clear_chaos,
    "chaos.offline": set_offline,
}
