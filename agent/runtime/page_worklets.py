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
from agent.model.shared_storage import StorageEvent, Writer, WrittenBy
from agent.model.worklets import Operation, OperationResult, StorageFailure, WorkletScript
from agent.runtime.running_operation import Ended, RunningOperation
from agent.runtime.selected_urls import Query, SelectedUrl, SelectedUrls
from agent.runtime.shared_storage_calls import read_config
from agent.runtime.storage_access import DISABLED, NOT_ENROLLED, Obstacle, obstacle, policy_obstacle
from agent.runtime.worklet_events import operation_event
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


class PageWorklets:
    """Every worklet of one profile. Policies of the documents that call must be known."""

    def __init__(self, around: Surroundings, load_script: LoadScript) -> None:
        self._around, self._load_script = around, load_script
        self.selected_urls = SelectedUrls(around.storage, around.settings.shared_storage_limits)
        self._made: dict[Document, dict[_Key, _Made]] = {}
        self._outliving: set[WorkletLife] = set()
        """Those whose document is gone."""
        self._operation_ids = count(1)

    def lives(self) -> list[WorkletLife]:
        """Those in which something may be under way."""
        of_pages = (one.life for made in self._made.values() for one in made.values())
        return [*self._outliving, *(life for life in of_pages if life is not None)]

    def document_ended(self, document: Document) -> None:
        """The document is gone; its worklets follow, and its selected URLs."""
        self.selected_urls.document_ended(document)
        self._outliving = {life for life in self._outliving if not life.gone or life.operations or life.storing}
        for one in self._made.pop(document, {}).values():
            if one.loading is not None:
                one.loading.cancel()
            if one.life is not None:
                self._outliving.add(one.life)
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
            return {}
        self._made.setdefault(document, {})[_key(call)] = made
        made.obstacle = obstacle(self._around.settings, data_origin)
        if made.obstacle is not None:
            self._refuse(facts, StorageEvent.ADD_MODULE, made.obstacle)
            # What a user has set for another site is none of this page's business.
            is_masked = made.obstacle.verdict == NOT_ENROLLED and data_origin != call.caller.origin
            return self._policy(facts) if is_masked else error("OperationError", _ADD_MODULE_DISABLED)
        made.obstacle = policy_obstacle(document, SHARED_STORAGE, data_origin)
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
        event = refusal(writer, kind, why.verdict, (why.check,), now=around.clock.now())
        around.tasks.start(around.transactions.note(event), "refusal")

    # Operations.

    def run(self, call: PageCall) -> Reply:
        """``run``."""
        made = self._made.get(call.caller.document, {}).get(_key(call))
        if made is None:
            return {}
        if made.life is None:
            return self._not_run(made.facts, StorageEvent.RUN, made.obstacle, _RUN_DISABLED)
        self._call(made.life, call, None, partial(self._ran, made.facts))
        return {}

    def _not_run(self, facts: WorkletFacts, kind: StorageEvent, why: Obstacle | None, message: str) -> Reply:
        assert why is not None
        self._refuse(facts, kind, why)
        is_own = facts.data_origin == facts.creator.caller.origin
        is_told = why.verdict == DISABLED or (why.verdict == NOT_ENROLLED and is_own)
        return error("OperationError", message) if is_told else {}

    async def _ran(self, facts: WorkletFacts, operation: RunningOperation, result: OperationResult, now: int) -> None:
        await self._around.transactions.note(operation_event(facts, operation, result, now))

    def _call(self, life: WorkletLife, call: PageCall, urls: tuple[str, ...] | None, ended: Ended) -> None:
        options, clock = call.options, self._around.clock
        operation = Operation(
            next(self._operation_ids),
            options["name"],
            options["data"],
            read_config(options["config"]),
            urls,
            call.caller.document.policy.allows(PRIVATE_AGGREGATION),
        )
        began = asyncio.get_running_loop().time()
        running = RunningOperation(operation, clock.now(), clock.ahead, began, ended)
        life.call(running, keep_alive=options["keepAlive"])

    def select_url(self, call: PageCall) -> Reply:
        """``selectURL``: the page has made the urn, and learns the URL behind it by :meth:`resolve_urn`."""
        document, options = call.caller.document, call.options
        made = self._made.get(document, {}).get(_key(call))
        if made is None:
            return {}
        urls = tuple(entry["url"] for entry in options["urls"])
        selected = self.selected_urls.open(document, options["urn"], made.facts.data_origin, urls)
        if selected is None:
            return {}
        why = made.obstacle or policy_obstacle(document, SHARED_STORAGE_SELECT_URL, made.facts.data_origin)
        if made.life is None or why is not None:
            selected.chosen.set_result(urls[0])
            return self._not_run(made.facts, StorageEvent.SELECT_URL, why, _SELECT_URL_DISABLED)
        query = Query(made.facts.data_origin, made.facts.url, options["name"], options["savedQuery"])
        if query.name and (earlier := self.selected_urls.saved(document, query)) is not None:
            made.life.hold(keep_alive=options["keepAlive"])
            self._around.tasks.start(self._replay(made.facts, selected, query, earlier), "saved query")
            return {}
        save = self.selected_urls.save(document, query) if query.name else None
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
        failure = None if result.failure is None else result.failure.message
        await self._show(facts, selected, operation.call.name, index, failure, now, saved=False)

    async def _replay(
        self, facts: WorkletFacts, selected: SelectedUrl, query: Query, earlier: asyncio.Future[int | None]
    ) -> None:
        index = await asyncio.shield(earlier)
        now = self._around.clock.now()
        await self._show(facts, selected, query.operation, index, None, now, saved=True)

    async def _show(
        self,
        facts: WorkletFacts,
        selected: SelectedUrl,
        name: str,
        index: int | None,
        failure: str | None,
        now: int,
        *,
        saved: bool,
    ) -> None:
        selection = await self.selected_urls.choose(selected, index, name, failure, saved=saved, now=now)
        if selection.verdict == INSUFFICIENT_BUDGET:
            console = {"level": "info", "text": INSUFFICIENT_BUDGET_MESSAGE}
            self._around.realms.inform(facts.creator, {"console": console})

    def set_context(self, call: PageCall) -> Reply:
        """``setSharedStorageContext``: what worklets of the document behind the urn see as their ``context``."""
        self.selected_urls.set_context(call.caller.document, call.options["urn"], call.options["context"])
        return {}

    async def resolve_urn(self, call: PageCall) -> Reply:
        """The URL behind a urn, once its operation has ended."""
        url = await self.selected_urls.resolve(call.caller.document, call.options["urn"])
        return {} if url is None else {"url": url}


def error(name: str, message: str) -> Reply:
    """What the page sees rejected, as a DOMException."""
    return {"error": {"name": name, "message": message, "dom": True}}


def _key(call: PageCall) -> _Key:
    return call.session, call.execution_context, call.options["worklet"]
