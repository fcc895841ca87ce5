"""Documents whose permissions policy limits what this Chromium does not know are told before their first script.

The front sees what a response declares before the browser does. It lets the head go, so that the document is made, and
holds the body until the document's realm has been told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from agent.browser.documents import Document, origin_of
from agent.browser.network.hooks import Exchange
from agent.browser.observer import Observer
from agent.browser.permissions import TOLD_FEATURES, inherit, parse_header
from agent.browser.request_client import Sender

_PATIENCE = 2.0
"""Seconds that a body is held: not every response becomes a document."""


class PolicyNotices:
    """The documents of one browser that are about to be told."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._awaited: dict[tuple[str, str], asyncio.Event] = {}

    def before_body(
        self, exchange: Exchange, context_id: str, sender: Sender, *, is_awaited: bool = False
    ) -> Callable[[], Awaitable[None]] | None:
        """What the body of a document must wait for, from when its head goes; None where nothing can be forbidden.

        ``is_awaited``: the document is to be told something else, whatever is forbidden.
        """
        is_top_level = exchange.request_headers.get(b"sec-fetch-dest") == b"document"
        if is_top_level and not _is_limited_by_header(exchange):
            return None
        return partial(self._begin, exchange, context_id, sender, is_awaited=is_awaited)

    def _begin(self, exchange: Exchange, context_id: str, sender: Sender, *, is_awaited: bool) -> Awaitable[None]:
        key = context_id, exchange.url
        event = self._awaited.setdefault(key, asyncio.Event())
        return self._told(exchange, sender, key, event, is_awaited=is_awaited)

    async def _told(
        self, exchange: Exchange, sender: Sender, key: tuple[str, str], event: asyncio.Event, *, is_awaited: bool
    ) -> None:
        is_limited = is_awaited or _is_limited_by_header(exchange)
        if is_limited or await self._is_denied_by_container(exchange, key[0], sender):
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), _PATIENCE)
        if self._awaited.get(key) is event:
            del self._awaited[key]

    def told(self, document: Document) -> None:
        """The document knows its policy."""
        event = self._awaited.pop((document.frame.context_id, document.url.partition("#")[0]), None)
        if event is not None:
            event.set()

    async def _is_denied_by_container(self, exchange: Exchange, context_id: str, sender: Sender) -> bool:
        await self._observer.caught_up()
        frames = self._observer.frames.frames
        for session in self._observer.sessions.values():
            if session.context_id == context_id and session.mark == sender.mark:
                for _, facts in session.matching(exchange.url, exchange.method):
                    frame = frames.get(facts.frame_id)
                    if frame is not None and frame.document is not None:
                        return not _is_inherited(frame.document, origin_of(exchange.url, exchange.url))
        return False


def _is_limited_by_header(exchange: Exchange) -> bool:
    """Whether the response has a feature allowed for less than everyone, which its document must be told."""
    fields = exchange.response_headers.get_all(b"permissions-policy")
    if not fields:
        return False
    origin = origin_of(exchange.url, exchange.url)
    declared = parse_header([value.decode("latin-1") for value in fields], origin)
    return any(feature in declared and not declared[feature].everyone for feature in TOLD_FEATURES)


def _is_inherited(standing: Document, origin: str) -> bool:
    """Whether a document at ``origin`` may have every feature in the frame in which ``standing`` stands now.

    A busy page must not hold its frames up: where an iframe has not been looked at yet, its realm is told later.
    """
    parent = standing.parent
    if parent is None or not (parent.parent is None or parent.container_known.is_set()):
        return True
    container = standing.container if standing.container_known.is_set() else {}
    inherited = inherit(parent.policy, container, origin)
    return all(inherited[feature] for feature in TOLD_FEATURES)
