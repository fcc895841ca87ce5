"""Background tasks whose failures are seen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

_log = logging.getLogger("tallyhost")
_T = TypeVar("_T")


class Tasks:
    """Owns background tasks: keeps them referenced, logs what fails, cancels all on :meth:`close`."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run ``work`` in the background under ``name``."""
        task = asyncio.create_task(work, name=name)  # noqa: TID251 - this is the one owner
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    async def until(self, end: asyncio.Future[Any], work: Coroutine[Any, Any, _T], name: str) -> _T | None:
        """What ``work`` gives, run under ``name``; None where ``end`` comes first, which cancels it."""
        task = self.start(work, name)
        await asyncio.wait((task, end), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            return None
        result: _T = task.result()
        return result

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("background task %s failed", task.get_name(), exc_info=error)

    async def close(self) -> None:
        """Cancel what still runs and wait for it."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
