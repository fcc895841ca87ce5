"""Sources of a navigation come before the triggers of the page that it leads to (registration, section 3.6).

The background requests of a click are still under way when the page it leads to begins to register triggers. Those
wait for them, but not for long.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from agent.browser.documents import Document
from agent.browser.eligible_requests import Claim
from agent.browser.network.urls import url_key

_UNTIL_BEGUN = 3.0
"""Seconds from the navigation in which its background requests must have begun."""
_UNTIL_ANSWERED = 20.0
"""Seconds from the navigation in which they must have been answered."""
_MOST_HELD = 30
"""How many registrations of one page are held back; more go ahead."""
_MOST_UNDER_WAY = 1024
"""How many background requests of one navigation are waited for: a page chooses how many it has."""
_KEPT = 256


@dataclass(slots=True, eq=False)
class _Navigation:
    name: str
    began: float
    """Seconds of the event loop's clock."""
    under_way: set[Claim] = field(default_factory=set)
    landing: str = ""
    """Key of the URL of the page that it led to (:func:`url_key`), without fragment."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    held: int = 0


class NavigationSources:
    """The eligible navigations of one profile and their background requests."""

    def __init__(self) -> None:
        self._navigations: deque[_Navigation] = deque(maxlen=_KEPT)
        self._led_to: WeakKeyDictionary[Document, _Navigation] = WeakKeyDictionary()

    def announced(self, claim: Claim) -> None:
        """A navigation, or a background request of one, is about to begin."""
        if not claim.navigation:
            return
        navigation = self._named(claim.navigation)
        if navigation is None:
            navigation = _Navigation(claim.navigation, asyncio.get_running_loop().time())
            self._navigations.append(navigation)
        if claim.background and len(navigation.under_way) < _MOST_UNDER_WAY:
            navigation.under_way.add(claim)

    def finished(self, claim: Claim) -> None:
        """A background request has registered what it had to, if anything."""
        navigation = self._named(claim.navigation) if claim.navigation else None
        if navigation is not None:
            navigation.under_way.discard(claim)
            navigation.changed.set()

    def landed(self, claim: Claim, url: str) -> None:
        """A navigation led to the page at ``url``."""
        if (navigation := self._named(claim.navigation)) is not None:
            navigation.landing = url_key(url)

    def held_back(self, page: Document, go_on: Callable[[], Awaitable[None]]) -> Coroutine[Any, Any, None] | None:
        """What runs ``go_on`` when the sources are done that come before it; None where there are none.

        ``go_on`` registers a trigger of ``page``, a top-level document.
        """
        navigation = self._led_to.get(page) or self._that_led_to(page)
        if navigation is None or navigation.held >= _MOST_HELD or not (navigation.under_way or navigation.held):
            return None
        navigation.held += 1
        return self._wait(navigation, go_on)

    async def _wait(self, navigation: _Navigation, go_on: Callable[[], Awaitable[None]]) -> None:
        try:
            async with navigation.turn:
                while navigation.under_way:
                    await _change(navigation)
                await go_on()
        finally:
            navigation.held -= 1

    def _named(self, name: str) -> _Navigation | None:
        return next((one for one in self._navigations if one.name == name), None)

    def _that_led_to(self, page: Document) -> _Navigation | None:
        key = url_key(page.url.partition("#")[0])
        found = next((one for one in self._navigations if one.landing == key), None)
        if found is not None:
            found.landing = ""
            self._led_to[page] = found
        return found


async def _change(navigation: _Navigation) -> None:
    """Wait until a background request is done, or the next one has taken too long."""
    now = asyncio.get_running_loop().time()
    due = {
        claim: navigation.began + (_UNTIL_ANSWERED if claim.begun else _UNTIL_BEGUN) for claim in navigation.under_way
    }
    navigation.under_way -= {claim for claim, instant in due.items() if instant <= now}
    if navigation.under_way:
        navigation.changed.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(navigation.changed.wait(), max(0.01, min(due.values()) - now))
