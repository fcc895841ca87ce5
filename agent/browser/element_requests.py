"""The own requests of elements with an attribute that makes them eligible: by document and URL, each counted once.

``attributionsrc`` is such an attribute on ``img`` and ``script``, ``sharedstoragewritable`` on ``img`` and ``iframe``.

Two tell of them. A page's script announces what scripts and the parser put into its document. The front reads the
document's HTML on its way to the browser, whose preload scanner asks for what it finds before any script sees it; what
both found is one request.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary, WeakSet

from agent.browser.documents import OPAQUE, Document, origin_of
from agent.browser.network.urls import url_key

Key = tuple[str, str]
"""A request's destination (``image``, ``iframe`` ...) and the key of its URL (:func:`url_key`)."""
_MOST = 4096
"""URLs kept for each document: some requests never start."""
_MOST_OF_ALL = 1 << 16
"""URLs kept for all documents that announce, and as many for all whose HTML was read."""
_KEPT_SCANS = 64


@dataclass(slots=True, eq=False)
class ScannedDocument:
    """What the HTML of one document asks for, as far as it has passed."""

    url_key: str
    origin: str
    mark: int
    """The mark of the session whose frame it was loaded into."""
    found: Counter[Key] = field(default_factory=Counter)
    """How often the HTML asks for a URL."""
    left: Counter[Key] = field(default_factory=Counter)
    """Of these, how many requests have not come yet."""
    served: WeakSet[Document] = field(default_factory=WeakSet)
    """The documents that asked: one that comes from the cache asks for all of it again."""

    def expects(self, key: Key, document: Document | None) -> bool:
        """Whether ``document``, None where it is not known, may ask for this."""
        if not self.left[key] and self.found[key] and document is not None and self.served:
            return document not in self.served
        return self.left[key] > 0

    def use(self, key: Key, document: Document | None) -> None:
        """An expected request has come."""
        if not self.left[key]:
            self.left = self.found.copy()
        if document is not None:
            self.served.add(document)
        _use(self.left, key)

    def add(self, key: Key) -> None:
        """The HTML has an element that asks for this."""
        if len(self.found) < _MOST:
            self.found[key] += 1
            self.left[key] += 1


@dataclass(slots=True)
class _Announced:
    mark: int
    left: Counter[Key] = field(default_factory=Counter)
    parsed: Counter[Key] = field(default_factory=Counter)
    """How often the parser was seen to make such an element."""


class ElementRequests:
    """What is expected of the documents of one profile, for one attribute.

    ``destinations``: of the elements that may have it.
    """

    def __init__(self, destinations: Collection[str]) -> None:
        self.in_use = False
        """Whether anything of this profile has named the attribute: until then, no request needs to wait for it."""
        self._destinations = destinations
        self._announced: WeakKeyDictionary[Document, _Announced] = WeakKeyDictionary()
        self._scanned: deque[ScannedDocument] = deque(maxlen=_KEPT_SCANS)
        """The latest first."""
        self._kept = 0
        """No fewer URLs than are kept of announcements."""

    def concerns(self, destination: str) -> bool:
        """Whether a request for ``destination`` may be expected."""
        return self.in_use and destination in self._destinations

    def scan(self, url: str, mark: int) -> ScannedDocument:
        """The HTML of a document begins to pass."""
        self.in_use = True
        while sum(len(one.found) for one in self._scanned) > _MOST_OF_ALL:
            self._scanned.pop()
        scanned = ScannedDocument(url_key(url), origin_of(url, url), mark)
        self._scanned.appendleft(scanned)
        return scanned

    def announced(self, document: Document, mark: int, key: Key, *, parsed: bool) -> None:
        """A page's script announced a request; ``parsed``: of an element that the parser made."""
        self.in_use = True
        entry = self._announced.setdefault(document, _Announced(mark))
        entry.mark = mark
        if parsed and (key in entry.parsed or len(entry.parsed) < _MOST):
            entry.parsed[key] += 1
            self._make_room()
            loaded_from = url_key(document.url.partition("#")[0])
            known = max((s.found[key] for s in self._scanned if s.url_key == loaded_from), default=0)
            if entry.parsed[key] <= known:
                return
        if key in entry.left or len(entry.left) < _MOST:
            entry.left[key] += 1
            self._make_room()

    def _make_room(self) -> None:
        """Count one URL more; where there are too many, forget the document that announced the most."""
        self._kept += 1
        if self._kept <= _MOST_OF_ALL:
            return
        sizes = {document: len(one.left) + len(one.parsed) for document, one in self._announced.items()}
        self._kept = sum(sizes.values())
        if self._kept > _MOST_OF_ALL // 2:
            largest = max(sizes, key=sizes.__getitem__)
            self._kept -= sizes[largest]
            del self._announced[largest]

    def take(
        self, key: Key, marks: Collection[int], referrer: str, loaded: Callable[[str], Document | None]
    ) -> Document | bool:
        """Use up what expects this request: gives its document, or whether one expects it that cannot be told.

        ``marks``: of the sessions that it may belong to. ``loaded`` gives the document of these sessions that came from
        the URL of a key, where there is one.
        """
        if not self.concerns(key[0]):
            return False
        for document, entry in self._announced.items():
            if entry.left[key] > 0 and (entry.mark in marks or 0 in marks):
                _use(entry.left, key)
                return document
        origin = origin_of(referrer, referrer)
        asked = [one for one in self._scanned if one.found[key] and origin in (OPAQUE, one.origin)]
        # The latest first; but a frame of another site has got a session of its own since its HTML was asked for.
        for scanned in sorted(asked, key=lambda one: one.mark not in marks):
            from_it = loaded(scanned.url_key)
            if scanned.expects(key, from_it):
                scanned.use(key, from_it)
                return True if from_it is None else from_it
        return False


def _use(left: Counter[Key], key: Key) -> None:
    left[key] -= 1
    if not left[key]:
        del left[key]
