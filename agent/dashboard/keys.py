"""What the dashboard's application holds, by typed keys."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from agent.runtime import Agent

Operation = Callable[["Agent", Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""A question to an agent: JSON values in and out."""
AGENT: web.AppKey[Agent] = web.AppKey("agent")
TOKEN: web.AppKey[str] = web.AppKey("token")
OPERATIONS: web.AppKey[Mapping[str, Operation]] = web.AppKey("operations")
CLOSING: web.AppKey[asyncio.Event] = web.AppKey("closing")
"""Set when the server is to end: pages that follow the agent are let go."""
