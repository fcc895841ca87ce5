"""What selectURL chose: the URLs behind urns, saved queries, and what all of it costs (shared-storage section 6).

A page is a top-level document with all frames in it. Its budgets, urns and saved queries end with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary, WeakSet

from agent.browser.documents import Document, Frame
from agent.engines.shared_storage.select_url import Selection
from agent.model.events import Check
from agent.model.shared_storage_limits import SharedStorageLimits
from agent.model.site import schemeful_site
from agent.runtime.stored_shared_storage import StoredSharedStorage

_MOST_TO_COME = 10_000
"""Frames that may have been given one urn without having navigated."""


@dataclass(frozen=True, slots=True)
class Query:
    """What names a saved query on its page."""

    data_origin: str
    module: str
    operation: str
    name: str


@dataclass(slots=True, eq=False)
class _Page:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Of those who pay its budgets."""
    spent: float = 0.0
    spent_by_site: dict[str, float] = field(default_factory=dict)
    urns: dict[str, SelectedUrl] = field(default_factory=dict)
    saved: dict[Query, asyncio.Future[int | None]] = field(default_factory=dict)


@dataclass(slots=True, eq=False, weakref_slot=True)
class SelectedUrl:
    """What one urn stands for: the URLs of a selectURL, or an auction's ad, and the one that was chosen of them."""

    page: _Page
    site: str
    """The top-level one, as a host."""
    data_origin: str
    urls: tuple[str, ...]
    """To choose from; none any more once that has been done."""
    chosen: asyncio.Future[str]
    cost: float = 0.0
    """Bits that a navigation out of its frame spends."""
    context: str | None = None
    """What its embedder set for the worklets of the document that is shown."""
    spent: bool = False
    """Whether such a navigation has happened."""
    to_come: list[bool] = field(default_factory=list)
    """Of each frame that has been given its urn, and has yet to navigate: whether it shows a ``<fencedframe>``."""
    asked_by: WeakSet[Document] = field(default_factory=WeakSet)
    """The documents that have put its urn into a frame."""
    first_asked: Callable[[], None] | None = None
    """Called when the first has."""

    @property
    def url(self) -> str:
        """The one that was chosen; "" until then."""
        return self.chosen.result() if self.chosen.done() else ""


class SelectedUrls:
    """The selected URLs of one profile's pages."""

    def __init__(self, storage: StoredSharedStorage, limits: SharedStorageLimits) -> None:
        self._storage, self._limits = storage, limits
        self._pages: dict[Document, _Page] = {}
        self._coming: WeakKeyDictionary[Frame, SelectedUrl] = WeakKeyDictionary()
        self._shown: WeakKeyDictionary[Frame, SelectedUrl] = WeakKeyDictionary()
        self._fenced: WeakSet[Frame] = WeakSet()
        """Those that stand for a ``<fencedframe>``."""

    def _page(self, document: Document) -> _Page:
        top = document.top
        if top.unloaded_at is not None:
            return _Page()
        return self._pages.setdefault(top, _Page())

    def document_ended(self, document: Document) -> None:
        """The document is gone, and where it was a page's, so is all that was the page's."""
        self._pages.pop(document, None)

    def open(self, document: Document, urn: str, data_origin: str, urls: tuple[str, ...]) -> SelectedUrl | None:
        """Keep what ``urn`` will stand for; None where the page has too many, or gave it before."""
        page = self._page(document)
        if len(page.urns) >= self._limits.max_urns or urn in page.urns:
            return None
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        selected = page.urns[urn] = SelectedUrl(page, document.top_level_site, data_origin, urls, future)
        return selected

    def saved(self, document: Document, query: Query) -> asyncio.Future[int | None] | None:
        """The index that an earlier call with the same saved query gave or will give; None where this is the first.

        The first has to set what :meth:`save` gives.
        """
        return self._page(document).saved.get(query)

    def save(self, document: Document, query: Query) -> asyncio.Future[int | None]:
        """Keep a place for the index of a saved query."""
        future: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._page(document).saved[query] = future
        return future

    async def choose(
        self,
        selected: SelectedUrl,
        index: int | None,
        name: str,
        before: tuple[Check, ...],
        *,
        saved: bool,
        now: int,
        batch: int | None = None,
    ) -> Selection:
        """Choose by what the operation ``name`` gave, None where it failed, and pay the page's budgets.

        ``before``: what became of the operation, for the event. ``batch``: the number of the event of what it
        contributed.
        """
        shown = 0
        try:
            selection = await self._selection(selected, index, name, before, saved=saved, now=now, batch=batch)
            shown, selected.cost = selection.index, selection.cost
            return selection
        finally:
            # A frame may wait for it, whatever became of the store.
            selected.chosen.set_result(selected.urls[shown])
            selected.urls = ()

    async def _selection(
        self,
        selected: SelectedUrl,
        index: int | None,
        name: str,
        before: tuple[Check, ...],
        *,
        saved: bool,
        now: int,
        batch: int | None,
    ) -> Selection:
        page, site = selected.page, schemeful_site(selected.data_origin)
        async with page.turn:
            of_site = page.spent_by_site.get(site, 0.0)
            selection = await self._storage.select_url(
                selected.data_origin,
                selected.urls,
                index,
                now=now,
                page=self._limits.page_bits - page.spent,
                site_page=self._limits.site_page_bits - of_site,
                saved=saved,
                site=selected.site,
                name=name,
                before=before,
                batch=batch,
            )
            page.spent += selection.page_cost
            page.spent_by_site[site] = of_site + selection.page_cost
        return selection

    async def resolve(self, document: Document, urn: str, *, fenced: bool = False) -> str | None:
        """The URL behind ``urn``, once it is chosen; None where ``document``'s page has no such urn.

        None too where too many frames were given it and did not navigate.
        ``fenced``: a ``<fencedframe>`` is to show it, not an iframe.
        """
        selected = self._page(document).urns.get(urn)
        if selected is None or len(selected.to_come) >= _MOST_TO_COME:
            return None
        selected.asked_by.add(document)
        selected.to_come.append(fenced)
        if (first_asked := selected.first_asked) is not None:
            selected.first_asked = None
            first_asked()
        return await asyncio.shield(selected.chosen)

    def find(self, document: Document, urn: str) -> SelectedUrl | None:
        """What ``urn`` stands for on ``document``'s page; nobody is told of it."""
        return self._page(document).urns.get(urn)

    def set_context(self, document: Document, urn: str, context: str) -> None:
        """What worklets see as ``sharedStorage.context`` whose document is shown for ``urn``."""
        if (selected := self._page(document).urns.get(urn)) is not None:
            selected.context = context

    def context_of(self, frame: Frame) -> str | None:
        """That for worklets of the document in ``frame``."""
        selected = self.shown_in(frame)
        return None if selected is None else selected.context

    # Navigations out of a frame that shows a selected URL.

    def navigation_asked(self, frame: Frame, url: str) -> None:
        """The navigation of ``frame`` to ``url`` was asked for, where it stands in another."""
        parent = None if frame.parent is None else frame.parent.document
        if parent is None or (page := self._pages.get(parent.top)) is None:
            return
        for selected in page.urns.values():
            if selected.url == url and selected.to_come and parent in selected.asked_by:
                if selected.to_come.pop(0):
                    self._fenced.add(frame)
                self._coming[frame] = selected
                return

    def committed(self, document: Document) -> None:
        """A document took its place in a frame: from now on that may show a selected URL, wherever it redirected."""
        selected = self._coming.pop(document.frame, None)
        if selected is not None:
            self._shown[document.frame] = selected

    def is_to_be_shown(self, url: str) -> bool:
        """Whether a frame is about to show a selected URL that is ``url``, which has no fragment."""
        return any(selected.url.partition("#")[0] == url for selected in self._coming.values())

    def is_shown_in(self, frame: Frame) -> bool:
        """Whether ``frame`` itself shows a selected URL."""
        return frame in self._shown

    def fenced_frame_depth(self, frame: Frame) -> int:
        """How many ``<fencedframe>`` elements ``frame`` stands in."""
        above = 0 if frame.parent is None else self.fenced_frame_depth(frame.parent)
        return above + (frame in self._fenced)

    @property
    def any_shown(self) -> bool:
        """Whether any frame shows a selected URL."""
        return bool(self._shown)

    def shown_in(self, frame: Frame) -> SelectedUrl | None:
        """The innermost selected URL that ``frame`` shows or stands in; None where there is none."""
        around: Frame | None = frame
        while around is not None and around not in self._shown:
            around = around.parent
        return None if around is None else self._shown[around]

    async def navigated_from(self, frame: Frame) -> None:
        """Something in ``frame`` navigates its tab, or opens another: the URLs that are shown around it pay, once."""
        around: Frame | None = frame
        while around is not None:
            selected = self._shown.get(around)
            if selected is not None and not selected.spent and selected.cost:
                selected.spent = True
                await self._storage.navigated(selected.data_origin, selected.cost, site=selected.site)
            around = around.parent
