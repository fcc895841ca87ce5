"""Chaos on the way of what pages ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from agent.browser.network.hooks import Exchange
from agent.browser.network.hosts import Refusal, RefusalKind
from agent.model.chaos import Strike, Trouble
from agent.model.clock import SECOND
from agent.model.interfaces import NetworkError

INTERIM = b"HTTP/1.1 102 Processing\r\n\r\n"
"""What goes before a connection is cut: without it Chromium repeats the request by itself, wherever it had kept the
connection, and pages see no error."""
_INTERIM_SECONDS = 0.02
"""What passes between the two, so that the reset does not overtake it."""


def no_chaos(_: Exchange) -> Trouble | None:
    """Nothing goes wrong."""
    return None


def waits(trouble: Trouble) -> Awaitable[None] | None:
    """What passes before ``trouble`` shows, in real time, by which pages' own timers go."""
    return asyncio.sleep(trouble.delay / SECOND) if trouble.delay else None


def interim_arrives() -> Awaitable[None]:
    """Done when :data:`INTERIM` has been read."""
    return asyncio.sleep(_INTERIM_SECONDS)


def refusal_of(trouble: Trouble, host: str) -> Refusal:
    """Why the request to ``host`` was not sent."""
    error = NetworkError.TIMED_OUT if trouble.strike is Strike.STALLED else NetworkError.CONNECTION_RESET
    check = trouble.check()
    return Refusal(RefusalKind.UNREACHABLE, f"{host} was not asked: {check.detail}.", check.fix, error)
