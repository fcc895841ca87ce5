"""The hidden pages of one kind of worklets, one after another."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from agent.browser.devtools_pipe import DevToolsPipe
from agent.browser.worklet_page import WorkletPage
from agent.model.tasks import Tasks


class WorkletPages:
    """Makes the hidden page when it is first needed, and again when its process has died.

    ``process_gone`` is called once for each page whose process has ended.
    """

    def __init__(self, pipe: DevToolsPipe, tasks: Tasks, process_gone: Callable[[WorkletPage], None]) -> None:
        self.page: WorkletPage | None = None
        """The one that there is, though it may not be open yet."""
        self._pipe = pipe
        self._tasks = tasks
        self._process_gone = process_gone
        self._opening: asyncio.Task[WorkletPage] | None = None
        self._not_ours = pipe.on_browser[b"Target.attachedToTarget"]
        pipe.on_browser[b"Target.attachedToTarget"] = self._attached

    async def opened(self) -> WorkletPage:
        """The page; raises HostEnvironmentError where the browser makes none."""
        if self._opening is None or (self._opening.done() and self.page is None):
            self._opening = self._tasks.start(self._open(), "open the page of worklets")
        # Who gives up waiting leaves it to the others.
        return await asyncio.shield(self._opening)

    async def close(self) -> None:
        """Take the page away."""
        if self._opening is not None:
            self._opening.cancel()
        if self.page is not None:
            await self.page.close()

    async def _open(self) -> WorkletPage:
        page = self.page = WorkletPage(self._pipe, self._gone)
        try:
            await page.open()
        except BaseException:
            self.page = None
            await page.close()
            raise
        self._tasks.start(page.find_process(), "find the process of worklets")
        return page

    def _gone(self, page: WorkletPage) -> None:
        if self.page is page:
            self.page = None
        self._process_gone(page)
        self._tasks.start(page.close(), "close the page of worklets")

    def _attached(self, raw: bytes) -> bool:
        if (page := self.page) is not None and page.context_id and page.context_id.encode() in raw:
            page.attached(json.loads(raw)["params"]["sessionId"])
            return True
        return self._not_ours(raw)
