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
from agent.model.events import Event
from agent.model.shared_storage import StorageEvent, Writer, WrittenBy
from agent.runtime.navigations_out import NavigationsOut
from agent.runtime.page_bounds import Load, PageBounds, Pool, call_load, header_load, update_load
from agent.runtime.page_worklets import LoadScript, PageWorklets, Reply, error
from agent.runtime.refused_calls import TOO_MUCH, TOO_MUCH_TEXT, dropped_event, more_dropped_event, refused_event
from agent.runtime.shared_storage_calls import Update, read_update
from agent.runtime.storage_access import obstacle, policy_obstacle
from agent.runtime.worklet_surroundings import Surroundings

_DISABLED = "sharedStorage is disabled"
_PATIENCE = 2.0
"""Seconds from its start that an operation is waited for when the clock has moved: what began before comes first."""
_LAST_WORDS = 1.0
"""Seconds for what worklets contributed to be stored when the agent ends."""

_EVENT = Load(calls=1)


class SharedStorage:
    """One profile's Shared Storage, as its pages use it."""

    def __init__(self, around: Surroundings, load_script: LoadScript) -> None:
        self._around = around
        self._bounds = PageBounds(around.settings.shared_storage_limits)
        self._worklets = PageWorklets(around, load_script, self._bounds)
        self.selected_urls = self._worklets.selected_urls
        self._navigations = NavigationsOut(self.selected_urls, around.browser.frames)
        self._turns: WeakKeyDictionary[Document, asyncio.Lock] = WeakKeyDictionary()
        self._in_line: WeakKeyDictionary[Document, int] = WeakKeyDictionary()
        """How many calls of a document wait for their turn."""
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
            self._note(refused_event(call, self._around.clock.now()), call.caller.document)
        elif call.caller.document.secure and call.caller.origin != OPAQUE:
            self._admit(call)

    def _admit(self, call: PageCall) -> None:
        document = call.caller.document
        load = update_load(call.options) if call.method == "update" else call_load(call.options)
        if (exceeded := self._bounds.asked.exceeded(document, load)) is not None:
            self._drop(self._bounds.asked, document, dropped_event(call, exceeded, self._around.clock.now()))
            failed = error("OperationError", TOO_MUCH_TEXT) if call.method == "createWorklet" else {}
            self._around.realms.answer(call, failed)
            if call.options.get("keepAlive") is False:
                # One for each worklet: its page calls it no more.
                self._around.tasks.start(self._last_in_turn(call), "last call of a worklet")
            return
        self._tell_dropped(self._bounds.asked, document)
        self._bounds.asked.add(document, load)
        self._in_line[document] = self._in_line.get(document, 0) + 1
        self._around.tasks.start(self._perform(call, load), "shared storage call")

    async def _last_in_turn(self, call: PageCall) -> None:
        async with self._turns.setdefault(call.caller.document, asyncio.Lock()):
            pass
        self._worklets.called_last(call)

    def _note(self, event: Event, document: Document) -> None:
        """Record what came to nothing; that may pile up as well."""
        asked = self._bounds.asked
        if asked.exceeded(document, _EVENT) is not None:
            self._drop(asked, document, event)
        else:
            noting = self._around.tasks.start(self._around.transactions.note(event), "refused call")
            asked.while_running(noting, document, _EVENT)

    def _drop(self, pool: Pool, document: Document, event: Event) -> None:
        if pool.drop(document):
            self._around.tasks.start(self._around.transactions.note(event), "dropped call")

    def _tell_dropped(self, pool: Pool, document: Document) -> None:
        if count := pool.dropped(document):
            event = more_dropped_event(document, count, self._around.clock.now())
            self._around.tasks.start(self._around.transactions.note(event), "dropped calls")

    async def _perform(self, call: PageCall, load: Load) -> None:
        document = call.caller.document
        try:
            async with self._turns.setdefault(document, asyncio.Lock()):
                # What an iframe may do is known a little after it begins; until then its calls wait in line.
                await document.policy_known()
            self._in_line[document] -= 1
            await self._in_turn(call, load)
        finally:
            # What goes on by itself has been added again by now.
            self._bounds.asked.remove(document, load)

    async def _in_turn(self, call: PageCall, load: Load) -> None:
        # From here to the first step that waits nothing comes between: that is what keeps the order.
        match call.method:
            case "update":
                reply = self._update(call, load)
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

    def _update(self, call: PageCall, load: Load) -> Reply:
        caller, update = call.caller, read_update(call.options)
        writer = Writer(caller.origin, WrittenBy.PAGE, caller.document.top_level_site)
        why = obstacle(self._around.settings, caller.origin)
        why = why or policy_obstacle(caller.document, SHARED_STORAGE, caller.origin)
        if why is not None:
            name = "batch-update" if update.batch else OPERATIONS[type(update.methods[0])]
            kind = StorageEvent(f"shared-storage.{name}")
            event = refusal(writer, kind, why.verdict, (why.check,), now=self._around.clock.now())
            self._note(event, caller.document)
            return error("OperationError", _DISABLED)
        # A page is not told whether there is room for it, nor whether it then fits the quota.
        document, pool = caller.document, self._bounds.under_way
        if (exceeded := pool.exceeded(document, load)) is not None:
            self._drop(pool, document, dropped_event(call, exceeded, self._around.clock.now()))
            return {}
        self._tell_dropped(pool, document)
        writing = self._around.tasks.start(self._write(writer, update), "write of a page")
        pool.while_running(writing, document, load)
        return {}

    async def _write(self, writer: Writer, update: Update) -> None:
        async with self._around.locks.holding(writer.origin, update.lock):
            await self._around.storage.update(writer, update.methods, batch=update.batch)

    # Responses.

    async def header_written(self, document: Document, origin: str, header: WriteHeader) -> None:
        """Apply what a response to a request of ``document`` writes to its own ``origin``.

        It is applied when this returns, unless it names a lock.
        """
        writer = Writer(origin, WrittenBy.HEADER, document.top_level_site, header.http)
        why = obstacle(self._around.settings, origin)
        if why is not None:
            now = self._around.clock.now()
            event = refusal(writer, StorageEvent.BATCH_UPDATE, why.verdict, (why.check,), now=now)
            await self._around.transactions.note(event)
        elif header.lock is None:
            await self._around.storage.update_by_header(writer, header)
        else:
            self._write_later(document, writer, header)

    def _write_later(self, document: Document, writer: Writer, header: WriteHeader) -> None:
        """As soon as its lock is free."""
        load, pool = header_load(header.methods), self._bounds.under_way
        if (exceeded := pool.exceeded(document, load)) is not None:
            event = refusal(writer, StorageEvent.BATCH_UPDATE, TOO_MUCH, (exceeded,), now=self._around.clock.now())
            self._drop(pool, document, event)
        else:
            self._tell_dropped(pool, document)
            writing = self._around.tasks.start(self._write_by_header(writer, header), "write of a response")
            pool.while_running(writing, document, load)

    async def _write_by_header(self, writer: Writer, header: WriteHeader) -> None:
        async with self._around.locks.holding(writer.origin, header.lock):
            await self._around.storage.update_by_header(writer, header)

    # Documents, and time.

    def document_ended(self, document: Document) -> None:
        """A document is gone; what it called before comes first."""
        for pool in (self._bounds.asked, self._bounds.under_way):
            self._tell_dropped(pool, document)
        if self._in_line.get(document):
            self._around.tasks.start(self._ended_in_turn(document), "end of a document")
        else:
            self._worklets.document_ended(document)

    async def _ended_in_turn(self, document: Document) -> None:
        async with self._turns.setdefault(document, asyncio.Lock()):
            pass
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
