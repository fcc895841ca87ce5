"""Playwright's recorder in an agent's own browser: what a person does there, beside what the agent decides."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from agent.browser.page_failures import PageError
from agent.journeys.scripted.recording import HELD, Recording, Seen
from agent.model.errors import HostEnvironmentError
from agent.model.tasks import Tasks
from agent.runtime import Agent


class _Sink:
    """What Playwright tells of actions."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def action_added(self, _page: Any, data: dict[str, Any], _code: str) -> None:
        self._recording.added(_now(), data)

    def action_updated(self, _page: Any, data: dict[str, Any], _code: str) -> None:
        self._recording.updated(_now(), data)

    def signal_added(self, _page: Any, _data: dict[str, Any], _code: str) -> None:
        """Popups and downloads follow from actions, and need no step."""


@asynccontextmanager
async def recorded(agent: Agent) -> AsyncIterator[Recording]:
    """Record what is done in ``agent``'s pages, and its events, for the time of the ``async with``.

    Raises HostEnvironmentError for a Playwright whose recorder cannot be reached: it is no public interface.
    """
    recording = Recording()
    context = getattr(agent.context, "_impl_obj", None)
    start, stop = getattr(context, "_start_recording", None), getattr(context, "_stop_recording", None)
    if start is None or stop is None:
        raise HostEnvironmentError(
            "this Playwright's recorder cannot be reached",
            where="tallyhost record",
            rule="known to work with Playwright 1.65",
            fix="pip install 'playwright>=1.65'",
        )
    following = Tasks()
    await start({"language": "python-async"}, _Sink(recording))
    following.start(_follow(agent, recording), "follow events")
    try:
        yield recording
        # Only then has the recorder told of the last click.
        await asyncio.sleep(HELD / 1000)
    finally:
        with contextlib.suppress(PageError):  # Ctrl-C ends the browser as well
            await stop()
        await following.close()


async def _follow(agent: Agent, recording: Recording) -> None:
    async for event in agent.events:
        recording.happened(Seen(_now(), event))


def _now() -> int:
    return time.monotonic_ns() // 1_000_000
