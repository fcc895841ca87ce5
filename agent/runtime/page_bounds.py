"""How much one page may have under way here: calls, writes that wait, and what they carry (no specification has it).

A page is a top-level document with all frames in it. What it piles up it piles up in the memory of all profiles.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from agent.browser.documents import Document
from agent.model.events import Check
from agent.model.shared_storage import ModifierMethod, storage_bytes
from agent.model.shared_storage_limits import SharedStorageLimits

_EACH = 64
"""Bytes that every value counts, be it as short as it may."""


@dataclass(frozen=True, slots=True)
class Load:
    """What something adds to its page."""

    calls: int = 0
    writes: int = 0
    bytes: int = 0


@dataclass(slots=True, eq=False)
class _Page:
    calls: int = 0
    writes: int = 0
    bytes: int = 0
    dropped: int = 0
    """How much was dropped since there was room, but for the first, which was told."""
    full: bool = False


class Pool:
    """What the pages of one profile have of one kind."""

    def __init__(self, limits: SharedStorageLimits) -> None:
        self._limits = limits
        self._pages: WeakKeyDictionary[Document, _Page] = WeakKeyDictionary()

    def _page(self, document: Document) -> _Page:
        return self._pages.setdefault(document.top, _Page())

    def exceeded(self, document: Document, load: Load) -> Check | None:
        """The bound that the page of ``document`` would break with ``load``; None where there is room."""
        page, limits = self._page(document), self._limits
        rows = (
            ("calls", page.calls, load.calls, limits.max_calls_per_page, "let operations end before more are called"),
            ("writes", page.writes, load.writes, limits.max_writes_per_page, "release the lock that they wait for"),
            ("bytes", page.bytes, load.bytes, limits.max_bytes_per_page, "release locks, let operations end"),
        )
        for name, has, more, most, fix in rows:
            if more and has + more > most:
                detail = f"the page has {has} {name} under way, and {more} more exceed {most}"
                setting = f"shared_storage_limits.max_{name}_per_page"
                return Check(f"{name} under way", False, detail, f"{fix}, or raise {setting}")
        return None

    def add(self, document: Document, load: Load) -> None:
        """``load`` is under way."""
        page = self._page(document)
        page.calls += load.calls
        page.writes += load.writes
        page.bytes += load.bytes

    def remove(self, document: Document, load: Load) -> None:
        """``load`` is under way no more."""
        self.add(document, Load(-load.calls, -load.writes, -load.bytes))

    def while_running(self, task: asyncio.Task[None], document: Document, load: Load) -> None:
        """``load`` is under way until ``task`` has ended."""
        self.add(document, load)
        task.add_done_callback(lambda _: self.remove(document, load))

    # What is dropped: told once, then counted, for to tell of each would pile up in its turn.

    def drop(self, document: Document) -> bool:
        """Something was dropped; gives whether it is the first since there was room."""
        page = self._page(document)
        if page.full:
            page.dropped += 1
            return False
        page.full = True
        return True

    def dropped(self, document: Document) -> int:
        """How much was dropped since that, and is now to be told; counted anew from here."""
        page = self._page(document)
        count, page.dropped, page.full = page.dropped, 0, False
        return count


class PageBounds:
    """What the pages of one profile have here.

    What a page can see hangs on :attr:`asked` and :attr:`kept` alone, which it knows: it must not learn when operations
    end.
    """

    def __init__(self, limits: SharedStorageLimits) -> None:
        self.asked = Pool(limits)
        """Calls that wait for their turn or their answer, and what is told of them."""
        self.under_way = Pool(limits)
        """Operations, and writes."""
        self.kept = Pool(limits)
        """Selected URLs and the names of saved queries."""


def call_load(options: Mapping[str, Any]) -> Load:
    """That of a call with ``options`` that writes nothing."""
    return Load(calls=1, bytes=_size(options))


def update_load(options: Mapping[str, Any]) -> Load:
    """That of a page's ``update``."""
    return Load(writes=1, bytes=_size(options))


def header_load(methods: Iterable[ModifierMethod]) -> Load:
    """That of what a response writes."""
    texts = (getattr(method, name, "") for method in methods for name in ("key", "value"))
    return Load(writes=1, bytes=sum(_EACH + storage_bytes(text) for text in texts))


def text_load(text: str) -> Load:
    """That of a text that is kept."""
    return Load(bytes=_size(text))


def _size(value: object) -> int:
    """Two bytes for each character of every text in ``value``, and a little for each value."""
    if isinstance(value, str):
        return _EACH + 2 * len(value)
    if isinstance(value, Mapping):
        return _EACH + sum(map(_size, value.values()))
    if isinstance(value, list):
        return _EACH + sum(map(_size, value))
    return _EACH
