"""The own requests of ``img`` and ``script`` elements with ``attributionsrc``: by document and URL, each counted once.

Two tell of them. A page's script announces what scripts and the parser put into its document. The front reads the
document's HTML on its way to the browser, whose preload scanner asks for what it finds before any script sees it; what
both found is one request.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from agent.browser.documents import Document

Key = tuple[str, str]
"""A request's destination (``image``, ``script``) and URL."""
_MOST = 4096
"""URLs kept for each document: some requests never start."""
_KEPT_SCANS = 64


@dataclass(slots=True, eq=False)
class ScannedDocument:
    """What the HTML of one document asks for, as far as it has passed."""

    url: str
    mark: int
    """The mark of the session whose frame it was loaded into."""
    found: Counter[Key] = field(default_factory=Counter)
    """How often the HTML asks for a URL."""
    left: Counter[Key] = field(default_factory=Counter)
    """Of these, how many requests have not come yet."""

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


@dataclass(frozen=True, slots=True)
class Found:
    """An expected request: of a document, or of the one whose HTML came from ``url``."""

    document: Document | None
    url: str = ""


class ElementRequests:
    """What is expected of the documents of one profile."""

    def __init__(self) -> None:
        self.in_use = False
        """Whether anything of this profile has named the attribute: until then, no request needs to wait for it."""
        self._announced: WeakKeyDictionary[Document, _Announced] = WeakKeyDictionary()
        self._scanned: deque[ScannedDocument] = deque(maxlen=_KEPT_SCANS)

    def scan(self, url: str, mark: int) -> ScannedDocument:
        """The HTML of a document begins to pass."""
        self.in_use = True
        scanned = ScannedDocument(url, mark)
        self._scanned.append(scanned)
        return scanned

    def announced(self, document: Document, mark: int, key: Key, *, parsed: bool) -> None:
        """A page's script announced a request; ``parsed``: of an element that the parser made."""
        self.in_use = True
        entry = self._announced.setdefault(document, _Announced(mark))
        entry.mark = mark
        if parsed:
            entry.parsed[key] += 1
            known = max((s.found[key] for s in self._scanned if s.url == document.url.partition("#")[0]), default=0)
            if entry.parsed[key] <= known:
                return
        if key in entry.left or len(entry.left) < _MOST:
            entry.left[key] += 1

    def take(self, key: Key, mark: int, referrer: str) -> Found | None:
        """Use up what expects this request, if anything does."""
        for document, entry in self._announced.items():
            if entry.left[key] > 0 and mark in (entry.mark, 0):
                _use(entry.left, key)
                return Found(document)
        same = [one for one in self._scanned if one.left[key] > 0 and one.url.startswith(referrer)]
        if not same:
            return None
        # A frame of another site has got a session of its own since its HTML was asked for.
        best = next((one for one in reversed(same) if one.mark == mark), same[-1])
        _use(best.left, key)
        return Found(None, best.url)


def _use(left: Counter[Key], key: Key) -> None:
    left[key] -= 1
    if not left[key]:
        del left[key]
