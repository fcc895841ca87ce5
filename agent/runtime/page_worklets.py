"""The worklets of one profile's pages: made, called, and given their selected URLs (shared-storage sections 4 to 7)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any, Protocol

from agent.browser.documents import Document
from agent.browser.host_channel import PageCall
from agent.browser.permissions import PRIVATE_AGGREGATION, SHARED_STORAGE, SHARED_STORAGE_SELECT_URL
from agent.browser.worklet_scripts import BlobText, data_origin_of
from agent.engines.shared_storage.explanation import refusal
from agent.engines.shared_storage.select_url import INSUFFICIENT_BUDGET, INSUFFICIENT_BUDGET_MESSAGE
from agent.model.events import Check, Event
from agent.model.shared_storage import StorageEvent, Writer, WrittenBy
from agent.model.worklets import Operation, OperationResult, StorageFailure, WorkletScript
from agent.runtime.page_bounds import Load, PageBounds, call_load, text_load
from agent.runtime.refused_calls import without_effect
from agent.runtime.running_operation import Ended, RunningOperation
from agent.runtime.selected_urls import Query, SelectedUrl, SelectedUrls
from agent.runtime.shared_storage_calls import read_config
from agent.runtime.storage_access import DISABLED, NOT_ENROLLED, Obstacle, obstacle, policy_obstacle
from agent.runtime.worklet_events import code_failed, dropped_contributions, operation_event
from agent.runtime.worklet_life import WorkletLife
from agent.runtime.worklet_surroundings import Surroundings, WorkletFacts

Reply = Mapping[str, Any]
_Key = tuple[str, int, int]
"""The realm, as DevTools session and execution context, and the page's own number."""

_ADD_MODULE_DISABLED = (
    "sharedStorage.worklet.addModule is disabled because either sharedStorage is disabled or both"
    " sharedStorage.selectURL and privateAggregation are disabled"
)
_RUN_DISABLED = "sharedStorage is disabled"
_SELECT_URL_DISABLED = "sharedStorage.selectURL is disabled"
_TOO_MANY_URNS = Obstacle(
    "too-many-urns",
    Check("urns", False, "the page has as many as it may, or has this one", "select fewer URLs on one page"),
)
_TOO_MANY_URNS_TEXT = (
    "sharedStorage.selectURL() failed because number of urn::uuid to url mappings has reached the limit."
)
_GONE = "document-ended"
_DOCUMENT_ENDED = Check(
    "document", False, "the document of the call has ended, and its worklets with it", "call before it ends"
)
_TOO_MANY_TEXT = "The page has too many shared storage worklets."
_TOO_MANY_FRAMES = Check(
    "frames of the urn", False, "too many were given it and did not navigate", "put it into frames of the document"
)
_POLICY = 'The "shared-storage" Permissions Policy denied the method for the worklet origin.'


class LoadScript(Protocol):
    """Fetches a module script for a document."""

    def __call__(
        self, document: Document, url: str, *, credentials: str, data_origin: str, blob: BlobText | None
    ) -> Awaitable[WorkletScript | StorageFailure]:
        """The script, or what the page sees rejected."""
        ...


@dataclass(slots=True, eq=False)
class _Made:
    """What a page believes to be a worklet."""

    facts: WorkletFacts
    life: WorkletLife | None = None
    """None where nothing may run."""
    obstacle: Obstacle | None = None
    """Why nothing may."""
    loading: asyncio.Task[StorageFailure | None] | None = None
    is_last: bool = False
    """Whether the page has made its last call, one without ``keepAlive``, as the page itself knows."""


class PageWorklets:
    """Every worklet of one profile. Policies of the documents that call must be known."""

    def __init__(self, around: Surroundings, load_script: LoadScript, bounds: PageBounds) -> None:
        self._around, self._load_script, self._bounds = around, load_script, bounds
        self.selected_urls = SelectedUrls(around.storage, around.settings.shared_storage_limits)
        self._made: dict[Document, dict[_Key, _Made]] = {}
        self._outliving: list[WorkletLife] = []
        """Those whose document is gone, in that order."""
        self._operation_ids = count(1)

    def lives(self) -> list[WorkletLife]:
        """Those in which something may be under way."""
        of_pages = (one.life for made in self._made.values() for one in made.values())
        return [*self._outliving, *(life for life in of_pages if life is not None)]

    def document_ended(self, document: Document) -> None:
        """The document is gone; its worklets follow, and its selected URLs."""
        self.selected_urls.document_ended(document)
        self._outliving = [life for life in self._outliving if not life.gone or not life.at_rest]
        for one in self._made.pop(document, {}).values():
            if one.loading is not None:
                one.loading.cancel()
            if one.life is not None:
                self._outliving.append(one.life)
                one.life.document_ended()

    # Creation.

    async def create(self, call: PageCall) -> Reply:
        """``createWorklet``, or the first ``addModule`` of the page's own worklet."""
        document, options = call.caller.document, call.options
        data_origin = data_origin_of(options["dataOrigin"], call.caller.origin, options["url"])
        context = self.selected_urls.context_of(document.frame)
        facts = WorkletFacts(replace(call, options={}), data_origin, options["url"], context)
        made = _Made(facts)
        if document.unloaded_at is not None:
            self._document_ended(call, StorageEvent.ADD_MODULE)
            return {}
        if (full := self._full(document)) is not None:
            self._refuse(facts, StorageEvent.ADD_MODULE, full)
            return error("OperationError", _TOO_MANY_TEXT)
        self._made.setdefault(document, {})[_key(call)] = made
        reply = await self._load(made, call)
        if "error" in reply and options.get("own") is False:
            # The page has nothing that it could call.
            self._made.get(document, {}).pop(_key(call), None)
        return reply

    def _full(self, document: Document) -> Obstacle | None:
        """Why the page of ``document`` may have no more worklets; None where it may.

        That hangs on nothing but what the page knows, for it must not learn when operations end: of those that it
        cannot call any more the oldest are ended where there are too many.
        """
        most, pages = self._around.settings.shared_storage_limits.max_worklets_per_page, self._made
        made = [other for other in pages if other.top is document.top]
        for other in made:
            pages[other] = {key: one for key, one in pages[other].items() if not _is_over(one)}
        kept = [one for other in made for one in pages[other].values()]
        last = [life for life in self._outliving if life.facts.document.top is document.top and not life.gone]
        last += [one.life for one in kept if one.is_last and one.life is not None and not one.life.gone]
        for life in last[: max(0, len(last) - most)]:
            life.end_because(f"its page has {len(last)} worklets at their last operations; {most} may be")
        count = sum(not one.is_last for one in kept)
        if count < most:
            return None
        detail = f"the page has {count} worklets, and may have {most}"
        fix = "call them for the last time without keepAlive, or raise shared_storage_limits.max_worklets_per_page"
        return Obstacle("too-many-worklets", Check("worklets", False, detail, fix))

    async def _load(self, made: _Made, call: PageCall) -> Reply:
        facts, data_origin = made.facts, made.facts.data_origin
        made.obstacle = obstacle(self._around.settings, data_origin)
        if made.obstacle is not None:
            self._refuse(facts, StorageEvent.ADD_MODULE, made.obstacle)
            # What a user has set for another site is none of this page's business.
            is_masked = made.obstacle.verdict == NOT_ENROLLED and data_origin != call.caller.origin
            return self._policy(facts) if is_masked else error("OperationError", _ADD_MODULE_DISABLED)
        made.obstacle = policy_obstacle(facts.document, SHARED_STORAGE, data_origin)
        if made.obstacle is not None:
            self._refuse(facts, StorageEvent.ADD_MODULE, made.obstacle)
            return error("InvalidAccessError", _POLICY)
        made.life = WorkletLife(facts, self._around)
        made.loading = self._around.tasks.start(made.life.load(self._script(call, data_origin)), "load worklet")
        try:
            failure = await asyncio.shield(made.loading)
        except asyncio.CancelledError:
            return {}
        return self._policy(facts) if failure is None else error(failure.name, failure.message)

    def _script(self, call: PageCall, data_origin: str) -> Awaitable[WorkletScript | StorageFailure]:
        options, blob = call.options, None
        if options["url"].startswith("blob:"):
            blob = BlobText(options.get("text"), options.get("textType") or "")
        return self._load_script(
            call.caller.document,
            options["url"],
            credentials=options["credentials"],
            data_origin=data_origin,
            blob=blob,
        )

    def _policy(self, facts: WorkletFacts) -> Reply:
        policy = facts.document.policy
        return {
            "selectURLAllowed": policy.allows(SHARED_STORAGE_SELECT_URL, facts.data_origin),
            "privateAggregationAllowed": policy.allows(PRIVATE_AGGREGATION),
        }

    def _refuse(self, facts: WorkletFacts, kind: StorageEvent, why: Obstacle) -> None:
        around = self._around
        writer = Writer(facts.data_origin, WrittenBy.PAGE, facts.document.top_level_site)
        self._note(refusal(writer, kind, why.verdict, (why.check,), now=around.clock.now()), facts.document)

    def _note(self, event: Event, document: Document) -> None:
        noting = self._around.tasks.start(self._around.transactions.note(event), "refusal")
        self._bounds.asked.while_running(noting, document, Load(calls=1))

    # Operations.

    def run(self, call: PageCall) -> Reply:
        """``run``."""
        made = self._called(call, StorageEvent.RUN)
        if made is None:
            return {}
        if made.life is None:
            return self._not_run(made.facts, StorageEvent.RUN, made.obstacle, _RUN_DISABLED)
        self._call(made.life, call, None, partial(self._ran, made.facts))
        return {}

    def _called(self, call: PageCall, kind: StorageEvent) -> _Made | None:
        """What is called; None where its document has ended, and it with it."""
        made = self._made.get(call.caller.document, {}).get(_key(call))
        if made is None:
            self._document_ended(call, kind)
        elif not call.options["keepAlive"]:
            made.is_last = True
        return made

    def called_last(self, call: PageCall) -> None:
        """A call without ``keepAlive`` was dropped; its worklet goes as if it had not been."""
        made = self._made.get(call.caller.document, {}).get(_key(call))
        if made is not None:
            made.is_last = True
            if made.life is not None:
                made.life.hold(keep_alive=False)

    def _document_ended(self, call: PageCall, kind: StorageEvent) -> None:
        event = without_effect(call, kind, _GONE, _DOCUMENT_ENDED, self._around.clock.now())
        self._note(event, call.caller.document)

    def _not_run(self, facts: WorkletFacts, kind: StorageEvent, why: Obstacle | None, message: str) -> Reply:
        assert why is not None
        self._refuse(facts, kind, why)
        is_own = facts.data_origin == facts.creator.caller.origin
        is_told = why.verdict == DISABLED or (why.verdict == NOT_ENROLLED and is_own)
        return error("OperationError", message) if is_told else {}

    async def _ran(self, facts: WorkletFacts, operation: RunningOperation, result: OperationResult, now: int) -> None:
        await self._around.transactions.note(operation_event(facts, operation, result, now))

    def _call(self, life: WorkletLife, call: PageCall, urls: tuple[str, ...] | None, then: Ended) -> None:
        options, clock, document = call.options, self._around.clock, call.caller.document
        load = call_load(options)
        exceeded = self._bounds.under_way.exceeded(document, load)
        pool = self._bounds.under_way if exceeded is None else self._bounds.asked

        async def ended(operation: RunningOperation, result: OperationResult, now: int) -> None:
            try:
                await then(operation, result, now)
            finally:
                pool.remove(document, load)

        pool.add(document, load)
        operation = Operation(
            next(self._operation_ids),
            options["name"],
            options["data"],
            read_config(options["config"]),
            urls,
            document.policy.allows(PRIVATE_AGGREGATION),
        )
        began = asyncio.get_running_loop().time()
        running = RunningOperation(operation, clock.now(), clock.ahead, began, ended)
        if exceeded is None:
            life.call(running, keep_alive=options["keepAlive"])
        else:
            life.decline(running, f"{exceeded.detail}: {exceeded.fix}", keep_alive=options["keepAlive"])

    def select_url(self, call: PageCall) -> Reply:
        """``selectURL``: the page has made the urn, and learns the URL behind it by :meth:`resolve_urn`."""
        document, options = call.caller.document, call.options
        made = self._called(call, StorageEvent.SELECT_URL)
        if made is None:
            return {}
        urls = tuple(entry["url"] for entry in options["urls"])
        # One of them is kept while the page lives, and so are the names of a saved query.
        kept = text_load(max(urls, key=len) + options["savedQuery"] + options["name"])
        selected = None
        if self._bounds.kept.exceeded(document, kept) is None:
            selected = self.selected_urls.open(document, options["urn"], made.facts.data_origin, urls)
        if selected is None:
            self._refuse(made.facts, StorageEvent.SELECT_URL, _TOO_MANY_URNS)
            if made.life is not None:
                made.life.hold(keep_alive=options["keepAlive"])
            return error("OperationError", _TOO_MANY_URNS_TEXT)
        self._bounds.kept.add(document, kept)
        why = made.obstacle or policy_obstacle(document, SHARED_STORAGE_SELECT_URL, made.facts.data_origin)
        if made.life is None or why is not None:
            selected.chosen.set_result(urls[0])
            selected.urls = ()
            return self._not_run(made.facts, StorageEvent.SELECT_URL, why, _SELECT_URL_DISABLED)
        query = Query(made.facts.data_origin, made.facts.url, options["name"], options["savedQuery"])
        save = None
        if query.name and self._bounds.under_way.exceeded(document, call_load(options)) is None:
            if (earlier := self.selected_urls.saved(document, query)) is not None:
                made.life.hold(keep_alive=options["keepAlive"])
                replaying = self._around.tasks.start(self._replay(made.facts, selected, query, earlier), "saved query")
                self._bounds.under_way.while_running(replaying, document, call_load(options))
                return {}
            save = self.selected_urls.save(document, query)
        self._call(made.life, call, urls, partial(self._selected, made.facts, selected, save))
        return {}

    async def _selected(
        self,
        facts: WorkletFacts,
        selected: SelectedUrl,
        save: asyncio.Future[int | None] | None,
        operation: RunningOperation,
        result: OperationResult,
        now: int,
    ) -> None:
        index = None if result.failure is not None or result.died else result.index
        if save is not None:
            save.set_result(index)
        failed = () if result.failure is None else (code_failed(result.failure.message),)
        before = (*failed, *(replace(check, passed=True) for check in dropped_contributions(operation)))
        batch = operation.batch_event
        await self._show(facts, selected, operation.call.name, index, before, now, saved=False, batch=batch)

    async def _replay(
        self, facts: WorkletFacts, selected: SelectedUrl, query: Query, earlier: asyncio.Future[int | None]
    ) -> None:
        index = await asyncio.shield(earlier)
        now = self._around.clock.now()
        await self._show(facts, selected, query.operation, index, (), now, saved=True)

    async def _show(
        self,
        facts: WorkletFacts,
        selected: SelectedUrl,
        name: str,
        index: int | None,
        before: tuple[Check, ...],
        now: int,
        *,
        saved: bool,
        batch: int | None = None,
    ) -> None:
        selection = await self.selected_urls.choose(selected, index, name, before, saved=saved, now=now, batch=batch)
        if selection.verdict == INSUFFICIENT_BUDGET:
            console = {"level": "info", "text": INSUFFICIENT_BUDGET_MESSAGE}
            self._around.realms.inform(facts.creator, {"console": console})

    def set_context(self, call: PageCall) -> Reply:
        """``setSharedStorageContext``: what worklets of the document behind the urn see as their ``context``."""
        self.selected_urls.set_context(call.caller.document, call.options["urn"], call.options["context"])
        return {}

    async def resolve_urn(self, call: PageCall) -> Reply:
        """The URL behind a urn, once its operation has ended."""
        fenced = call.options.get("fenced") is True
        document, urn = call.caller.document, call.options["urn"]
        url = await self.selected_urls.resolve(document, urn, fenced=fenced)
        if url is not None:
            return {"url": url}
        if self.selected_urls.find(document, urn) is not None:
            now = self._around.clock.now()
            self._note(
                without_effect(call, StorageEvent.NAVIGATION, "too-many-frames", _TOO_MANY_FRAMES, now), document
            )
        return {}


def error(name: str, message: str) -> Reply:
    """What the page sees rejected, as a DOMException."""
    return {"error": {"name": name, "message": message, "dom": True}}


def _is_over(made: _Made) -> bool:
    return made.is_last and (made.life is None or (made.life.gone and made.life.at_rest))


def _key(call: PageCall) -> _Key:
    return call.session, call.execution_context, call.options["worklet"]
