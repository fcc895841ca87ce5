"""The host of worklets: one dedicated worker for each, in a hidden page of the browser.

The worker runs :mod:`agent.browser.worklet_script` first, which makes it the realm that a worklet's script expects and
takes the function to the host off it. Everything else is said over its DevTools session: the module script and the
calls go in as evaluations, one in each macrotask; what the code asks comes out through the binding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.browser.dedicated_worklet import DedicatedWorklet
from agent.browser.devtools_pipe import DevToolsPipe
from agent.browser.worklet_page import WorkletPage
from agent.browser.worklet_pages import WorkletPages
from agent.browser.worklet_script import WorkletScriptConfig, worklet_script
from agent.browser.worklet_watch import PROCESS_GONE, WorkletWatch
from agent.model.rng import token
from agent.model.shared_storage_limits import SharedStorageLimits
from agent.model.tasks import Tasks
from agent.model.worklets import WorkletServices


class Worklets:
    """Makes worklets (:class:`agent.model.worklets.WorkletHost`) for all profiles of one browser.

    They live in one hidden page.
    """

    def __init__(self, pipe: DevToolsPipe, tasks: Tasks) -> None:
        self._tasks = tasks
        self._binding, self._hear = f"b{token()}", f"h{token()}"
        self._pages = WorkletPages(pipe, tasks, self._process_gone)
        self._worklets: set[DedicatedWorklet] = set()
        self._watch = WorkletWatch(tasks)

    async def create(
        self, services: WorkletServices, *, options: Mapping[str, Any], limits: SharedStorageLimits | None = None
    ) -> DedicatedWorklet:
        """A fresh worklet; see :class:`agent.model.worklets.WorkletHost`.

        Raises HostEnvironmentError where the browser makes none.
        """
        limits = limits or SharedStorageLimits()
        settings = {**options, "maxStringLength": limits.max_string_length}
        text = worklet_script(WorkletScriptConfig(self._binding, self._hear, settings))
        page = await self._pages.opened()
        worklet = DedicatedWorklet(page, services, self._hear, self._tasks, self._ended)
        self._worklets.add(worklet)
        try:
            await worklet.start(text, self._binding)
        except BaseException:
            await worklet.close()
            raise
        self._watch.add(worklet, limits)
        return worklet

    async def close(self) -> None:
        """End all worklets and take the page away."""
        for worklet in list(self._worklets):
            await worklet.close()
        await self._pages.close()

    def _process_gone(self, page: WorkletPage) -> None:
        for worklet in [worklet for worklet in self._worklets if worklet.page is page]:
            worklet.end(PROCESS_GONE)

    def _ended(self, worklet: DedicatedWorklet) -> None:
        self._worklets.discard(worklet)
        self._watch.remove(worklet)
