"""Shared Storage behind the pages of one profile: who may call, in which order calls take effect, and writes.

Pages have validated what they say, and most calls await no answer. They take effect in the order of each document's
program; a write that names a lock waits for it alone (shared-storage section 2).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from weakref import WeakKeyDictionary

from agent.browser.documents import OPAQUE, Document, Frame
from agent.browser.host_channel import PageCall
from agent.browser.permissions import SHARED_STORAGE
from agent.engines.shared_storage.explanation import refusal
from agent.engines.shared_storage.modifiers import OPERATIONS
from agent.engines.shared_storage.write_header import WriteHeader
from agent.model.events import Check, Event, Trace
from agent.model.shared_storage import StorageEvent, Writer, WrittenBy
from agent.runtime.navigations_out import NavigationsOut
from agent.runtime.page_worklets import LoadScript, PageWorklets, Reply, error
from agent.runtime.shared_storage_calls import Update, read_update, shown
from agent.runtime.storage_access import obstacle, policy_obstacle
from agent.runtime.worklet_surroundings import Surroundings

_DISABLED = "sharedStorage is disabled"
_PATIENCE = 2.0
"""Seconds from its start that an operation is waited for when the clock has moved: what began before comes first."""
_LAST_WORDS = 1.0
"""Seconds for what worklets contributed to be stored when the agent ends."""


class SharedStorage:
    """One profile's Shared Storage, as its pages use it."""

    def __init__(self, around: Surroundings, load_script: LoadScript) -> None:
        self._around = around
        self._worklets = PageWorklets(around, load_script)
        self.selected_urls = self._worklets.selected_urls
        self._navigations = NavigationsOut(self.selected_urls, around.browser.frames)
        self._turns: WeakKeyDictionary[Document, asyncio.Lock] = WeakKeyDictionary()
        self._purging: set[asyncio.Task[None]] = set()
        around.alarms.after(around.settings.shared_storage_limits.purge_delay, self._purge)

    def _purge(self) -> None:
        around = self._around
        task = around.tasks.start(around.storage.expire(), "purge shared storage")
        self._purging.add(task)
        task.add_done_callback(self._purging.discard)
        around.alarms.after(around.settings.shared_storage_limits.purge_interval, self._purge)

    # Calls of pages.

    def page_called(self, call: PageCall) -> None:
        """A page of the profile called; calls come in the order of the page's program."""
        if call.refused is not None:
            event = _refused_by_page(call, self._around.clock.now())
            self._around.tasks.start(self._around.transactions.note(event), "refused call")
        elif call.caller.document.secure and call.caller.origin != OPAQUE:
            self._around.tasks.start(self._in_turn(call), "shared storage call")

    async def _in_turn(self, call: PageCall) -> None:
        document = call.caller.document
        async with self._turns.setdefault(document, asyncio.Lock()):
            # What an iframe may do is known a little after it begins; until then its calls wait in line.
            await document.policy_known()
        # From here to the first step that waits nothing comes between: that is what keeps the order.
        match call.method:
            case "update":
                reply = self._update(call)
            case "run":
                reply = self._worklets.run(call)
            case "selectURL":
                reply = self._worklets.select_url(call)
            case "createWorklet":
                reply = await self._worklets.create(call)
            case "setContext":
                reply = self._worklets.set_context(call)
            case "resolveUrn":
                reply = await self._worklets.resolve_urn(call)
            case method:
                raise ValueError(f"Shared Storage has no {method}")
        self._around.realms.answer(call, reply)

    def _update(self, call: PageCall) -> Reply:
        caller, update = call.caller, read_update(call.options)
        writer = Writer(caller.origin, WrittenBy.PAGE, caller.document.top_level_site)
        why = obstacle(self._around.settings, caller.origin)
        why = why or policy_obstacle(caller.document, SHARED_STORAGE, caller.origin)
        if why is not None:
            name = "batch-update" if update.batch else OPERATIONS[type(update.methods[0])]
            kind = StorageEvent(f"shared-storage.{name}")
            event = refusal(writer, kind, why.verdict, (why.check,), now=self._around.clock.now())
            self._around.tasks.start(self._around.transactions.note(event), "refused write")
            return error("OperationError", _DISABLED)
        # A page is not told whether it then fits the quota.
        self._around.tasks.start(self._write(writer, update), "write of a page")
        return {}

    async def _write(self, writer: Writer, update: Update) -> None:
        async with self._around.locks.holding(writer.origin, update.lock):
            await self._around.storage.update(writer, update.methods, batch=update.batch)

    # Responses.

    async def header_written(self, document: Document, origin: str, header: WriteHeader) -> None:
        """Apply what a response to a request of ``document`` writes to its own ``origin``.

        It is applied when this returns, unless it names a lock.
        """
        writer = Writer(origin, WrittenBy.HEADER, document.top_level_site)
        why = obstacle(self._around.settings, origin)
        if why is not None:
            now = self._around.clock.now()
            event = refusal(writer, StorageEvent.BATCH_UPDATE, why.verdict, (why.check,), now=now)
            await self._around.transactions.note(event)
        elif header.lock is None:
            await self._around.storage.update_by_header(writer, header)
        else:
            self._around.tasks.start(self._write_by_header(writer, header), "write of a response")

    async def _write_by_header(self, writer: Writer, header: WriteHeader) -> None:
        async with self._around.locks.holding(writer.origin, header.lock):
            await self._around.storage.update_by_header(writer, header)

    # Documents, and time.

    def document_ended(self, document: Document) -> None:
        """A document is gone."""
        self._worklets.document_ended(document)

    def user_acted(self, frame: Frame) -> None:
        """The user acted in ``frame``."""
        self._navigations.user_acted(frame)

    def tab_navigation_asked(self, session: str, url: str) -> None:
        """Where ``session`` speaks for, a navigation of a tab, or a new tab, was asked for."""
        self._navigates(self._navigations.asked_for(session, url))

    def tab_navigation_sent(self, url: str, referrer: str) -> None:
        """The request of a tab's navigation is on the wire."""
        if self.selected_urls.any_shown:
            self._around.tasks.start(self._sent(url, referrer), "navigation sent")

    async def _sent(self, url: str, referrer: str) -> None:
        # It may be here before the browser's word that somebody asked for it.
        await self._around.browser.caught_up()
        self._navigates(self._navigations.sent(url, referrer))

    def _navigates(self, frame: Frame | None) -> None:
        if frame is not None:
            paying = self.selected_urls.navigated_from(frame)
            self._around.tasks.start(paying, "navigation out of a selected URL")

    async def clock_moved(self) -> None:
        """Let come first what was begun before the clock was moved; then what is due by now."""
        ahead, lives = self._around.clock.ahead, self._worklets.lives()
        before = [one for life in lives for one in life.operations.values() if one.ahead != ahead]
        if before:
            until = max(one.began for one in before) + _PATIENCE
            await _wait([one.task for one in before], until - asyncio.get_running_loop().time())
        await _wait([task for life in lives for task in life.storing])
        for one in before:
            one.ahead = ahead
        self._around.alarms.ring()
        await _wait([*self._purging, *(task for life in self._worklets.lives() for task in life.storing)])

    async def close(self) -> None:
        """End every worklet; what its operations have contributed so far is reported."""
        lives = self._worklets.lives()
        calls = [one.task for life in lives for one in life.operations.values()]
        for life in lives:
            life.end()
        await _wait(calls, _LAST_WORDS)
        await _wait([task for life in lives for task in life.storing])
        self._around.alarms.close()
        await self._around.tasks.close()


async def _wait(tasks: Collection[asyncio.Task[None]], seconds: float | None = None) -> None:
    if tasks and (seconds is None or seconds > 0):
        await asyncio.wait(tasks, timeout=seconds)


def _refused_by_page(call: PageCall, now: int) -> Event:
    assert call.refused is not None
    site, method = call.caller.document.top_level_site, shown(call.method)
    check = Check("arguments", False, call.refused.message, "the page sees this exception; correct the call")
    summary = f"sharedStorage.{method}() on {site} refused: {call.refused.message}"
    data = {"origin": call.caller.origin, "method": method}
    return Event("shared-storage", now, call.refused.name, summary, site, data, Trace((check,)))
