"""Documents and frames, as the browser vouches for them.

A frame is known by its id, which is unique in the browser; a document by its loader id. What a call or a response
is attributed to is a :class:`Document`: fixed at its commit and kept for requests that outlive it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import ada_url

from agent.browser.permissions import FEATURES, Allowlist, PermissionsPolicy, inherit, parse_header
from agent.model.site import is_potentially_trustworthy, site_of_origin

OPAQUE = "null"
"""Serialisation of an opaque origin: sandboxed frames, data: URLs."""
_KEPT_AFTER_UNLOAD = 1024
_KEPT_URL = 2048
_KEPT_POLICY_HEADERS = 256
_PATIENCE = 10
"""Seconds to wait for what an iframe allows."""
_NOBODY = dict.fromkeys(FEATURES, Allowlist())


@dataclass(slots=True, eq=False, weakref_slot=True)
class Document:
    """One document: who it is and under whose top-level site it stood."""

    frame: Frame
    loader_id: str
    url: str
    origin: str
    secure: bool
    parent: Document | None
    container: Mapping[str, Allowlist] = field(default_factory=lambda: _NOBODY)
    """What the ``allow`` attribute of its iframe said when it was committed; nothing is allowed until it is known."""
    container_known: asyncio.Event = field(default_factory=asyncio.Event)
    in_writable_frame: bool = False
    """Whether its iframe had ``sharedstoragewritable`` then."""
    policy_header: list[str] = field(default_factory=list)
    unloaded_at: float | None = None
    """Seconds of the monotonic clock, once it was swapped out."""

    @property
    def top(self) -> Document:
        """The top-level document above it at its commit."""
        return self if self.parent is None else self.parent.top

    @property
    def top_level_site(self) -> str:
        """Host of the top-level site; ``null`` when opaque."""
        return _site(self.top.origin)

    @property
    def intermediary_site(self) -> str | None:
        """Site of the document where it is not same-site with its top level, else None."""
        return intermediary(self.origin, self.top.origin)

    @property
    def referrer_origin(self) -> str:
        """Origin of what its requests send as ``Referer``, if they send any: its URL's, not its own."""
        if self.parent is not None and self.url.startswith("about:"):
            return self.parent.referrer_origin
        return self.origin if self.url.startswith("about:") else origin_of(self.url, self.url)

    async def policy_known(self) -> None:
        """Wait until :attr:`policy` is sure: the iframes above have been looked at, or cannot be."""
        if self.parent is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.container_known.wait(), _PATIENCE)
            await self.parent.policy_known()

    @property
    def policy(self) -> PermissionsPolicy:
        """Its permissions policy, from its own header and its ancestors'; see :meth:`policy_known`."""
        parent = None if self.parent is None else self.parent.policy
        return PermissionsPolicy(
            self.origin, inherit(parent, self.container, self.origin), parse_header(self.policy_header, self.origin)
        )


@dataclass(slots=True, eq=False, weakref_slot=True)
class Frame:
    """A navigable: a tab's top level, or an iframe in it."""

    id: str
    context_id: str
    parent: Frame | None = None
    session: str = ""
    """The DevTools session that speaks for it now."""
    document: Document | None = None
    opener: Frame | None = None

    @property
    def top(self) -> Frame:
        """The top-level frame above it."""
        return self if self.parent is None else self.parent.top


class FrameTree:
    """All frames of one browser, kept true from the events that pass on the DevTools pipe."""

    def __init__(self) -> None:
        self.frames: dict[str, Frame] = {}
        self.unloaded: deque[Document] = deque(maxlen=_KEPT_AFTER_UNLOAD)
        """Documents swapped out lately, newest last: requests of their last moments name no session any more."""
        self.policy_headers: dict[str, list[str]] = {}
        """``Permissions-Policy`` values by loader id; they may come before or after the commit."""
        self.on_committed: list[Callable[[Document], None]] = []
        """Called with each document that takes its place in a frame."""
        self.on_unloaded: list[Callable[[Document], None]] = []
        """Called with each document that has ended: swapped out, or gone with its frame."""

    def add(self, frame_id: str, context_id: str, session: str, parent_id: str | None = None) -> Frame:
        """The frame of that id, made when new, now spoken for by ``session``."""
        frame = self.frames.get(frame_id)
        if frame is None:
            parent = (self.frames.get(parent_id) or self.add(parent_id, context_id, "")) if parent_id else None
            frame = self.frames[frame_id] = Frame(frame_id, context_id, parent)
        frame.session = session
        return frame

    def initial_document(self, frame: Frame, origin: str) -> Document:
        """The frame's document; where none was committed yet, its initial about:blank with ``origin``."""
        if frame.document is None:
            parent = self._parent(frame)
            secure = _is_secure_origin(origin) if parent is None else parent.secure
            frame.document = Document(frame, "", "about:blank", origin, secure, parent)
        return frame.document

    def commit(self, frame: Frame, loader_id: str, url: str, origin: str, secure: bool) -> Document:
        """A new document was committed in the frame; the frames inside the one before it are gone."""
        self._remove_children(frame)
        if frame.document is not None:
            self._unload(frame.document)
        parent = self._parent(frame)
        header = self.policy_headers.pop(loader_id, [])
        frame.document = Document(frame, loader_id, url, origin, secure, parent, policy_header=header)
        for listener in self.on_committed:
            listener(frame.document)
        return frame.document

    def declare_policy(self, loader_id: str, frame_id: str, values: list[str]) -> Document | None:
        """The response of a document carried ``Permissions-Policy``; gives the document if it is there already."""
        frame = self.frames.get(frame_id)
        if frame is not None and frame.document is not None and frame.document.loader_id == loader_id:
            frame.document.policy_header = values
            return frame.document
        self.policy_headers[loader_id] = values
        if len(self.policy_headers) > _KEPT_POLICY_HEADERS:  # of responses that were never committed
            del self.policy_headers[next(iter(self.policy_headers))]
        return None

    def remove(self, frame_id: str) -> None:
        """The frame is gone, with all frames inside it."""
        frame = self.frames.pop(frame_id, None)
        if frame is None:
            return
        if frame.document is not None:
            self._unload(frame.document)
        self._remove_children(frame)

    def crashed(self, session: str) -> None:
        """The process of the frames that ``session`` speaks for is gone; they stand empty until something is loaded."""
        for frame in self.frames.values():
            if frame.session == session and frame.document is not None:
                self._unload(frame.document)

    def _remove_children(self, frame: Frame) -> None:
        for child in [other.id for other in self.frames.values() if other.parent is frame]:
            self.remove(child)

    def _parent(self, frame: Frame) -> Document | None:
        # A frame is never taken for a top-level one because nothing is known of the frame it stands in.
        return self.initial_document(frame.parent, OPAQUE) if frame.parent else None

    def _unload(self, document: Document) -> None:
        if document.unloaded_at is not None:
            return
        document.unloaded_at = time.monotonic()
        # From here on its origin alone counts; a page chooses how long its URLs are.
        document.url = document.url[:_KEPT_URL]
        self.unloaded.append(document)
        for listener in self.on_unloaded:
            listener(document)


def intermediary(origin: str, top_level_origin: str) -> str | None:
    """Site of ``origin`` where it is not same-site with the top level, else None (W3C Attribution section 3.2)."""
    site, top = _site(origin), _site(top_level_origin)
    same_scheme = origin.partition(":")[0] == top_level_origin.partition(":")[0]
    return None if site == top and same_scheme and origin != OPAQUE else site


def _site(origin: str) -> str:
    return OPAQUE if origin == OPAQUE else site_of_origin(origin)


def origin_of(url: str, base: str) -> str:
    """Serialised origin of a URL given relative to ``base``; opaque where it has none."""
    try:
        return str(ada_url.URL(url, base=base).origin)
    except ValueError:
        return OPAQUE


def _is_secure_origin(origin: str) -> bool:
    """Whether a document at that origin, standing alone, is a secure context."""
    return origin != OPAQUE and is_potentially_trustworthy(origin)
